/** Times of all strategies: `deno bench lib/assignment/strategies/strategies_bench.ts`. Each run sees a worker set that is new to it. */
import type { StrategyInput } from "../partition.ts";
import { STRATEGY_NAMES, strategyByName } from "./strategies.ts";
import { partitions, workers } from "./strategy_testing.ts";

for (const [w, p] of [[100, 1_500], [100, 10_000], [1_000, 100_000]] as const) {
  for (const name of STRATEGY_NAMES) {
    const parts = partitions(p);
    const cold: StrategyInput = { workers: workers(w), partitions: parts, previous: new Map() };
    const owners = strategyByName(name)(cold);
    const cases: Record<string, StrategyInput> = {
      "cold start": cold,
      "one worker more": { workers: workers(w + 1), partitions: parts, previous: owners },
      "one worker less": { workers: workers(w).slice(1), partitions: parts, previous: owners },
      "no change": { ...cold, previous: owners },
    };
    for (const [label, input] of Object.entries(cases)) {
      Deno.bench(`${name}, ${label}`, { group: `${w}×${p}`, n: 15, warmup: 5 }, (bench) => {
        const strategy = strategyByName(name);
        bench.start();
        strategy(input);
        bench.end();
      });
    }
  }
}
