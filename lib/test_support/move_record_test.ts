import assert from "node:assert/strict";
import { type EffectLine, type HandledLine, type MoveRecord, problemsOf } from "./move_record.ts";

/** Two workers, two partitions of four messages; `p` moves from `a` to `b` in the middle, `q` stays with `b`. */
function cleanRun() {
  const handled: HandledLine[] = [];
  for (let n = 0; n < 4; n++) {
    const generation = n < 2 ? 1 : 2;
    const times = { startedMs: n * 10, endedMs: n * 10 + 10, outcome: "written" };
    handled.push({ instance: n < 2 ? "a" : "b", partition: "p", n, generation, ...times });
    handled.push({ instance: "b", partition: "q", n, generation, ...times });
  }
  const effects: EffectLine[] = handled.map(({ instance, partition, n, generation }) => ({
    instance,
    partition,
    n,
    generation,
  }));
  return {
    published: new Map([["p", 4], ["q", 4]]),
    owners: new Map([
      [1, new Map([["p", "a"], ["q", "b"]])],
      [2, new Map([["p", "b"], ["q", "b"]])],
    ]),
    handled,
    effects,
  } satisfies MoveRecord;
}

type Run = ReturnType<typeof cleanRun>;

/** Where a line is in a list. */
function at(lines: readonly EffectLine[], partition: string, n: number): number {
  return lines.findIndex((line) => line.partition === partition && line.n === n);
}

function change(run: Run, partition: string, n: number, changes: Partial<HandledLine>): void {
  const index = at(run.handled, partition, n);
  run.handled[index] = { ...run.handled[index]!, ...changes };
}

Deno.test("a run in which everything is in order has no problems", () => {
  assert.deepEqual(problemsOf(cleanRun()), []);
});

const doctored: Record<string, [doctor: (run: Run) => void, ...expected: RegExp[]]> = {
  "an effect is missing": [
    (run) => run.effects.splice(at(run.effects, "p", 1), 1),
    /^1 of p is lost$/,
  ],
  "an effect is there twice": [
    (run) => run.effects.push(run.effects[at(run.effects, "q", 3)]!),
    /^3 of q has its effect twice$/,
  ],
  "two effects have changed places": [
    (run) => {
      const [first, second] = [at(run.effects, "q", 0), at(run.effects, "q", 1)];
      [run.effects[first], run.effects[second]] = [run.effects[second]!, run.effects[first]!];
    },
    /^0 of q comes after 1$/,
  ],
  "an effect nobody says to have written": [
    (run) => run.handled.splice(at(run.handled, "p", 2), 1),
    /^nobody says to have written 2 of p by b/,
    /^2 of p was handled 0 times$/,
  ],
  "a former owner writes after its successor": [
    (run) => {
      const index = at(run.effects, "p", 3);
      run.effects[index] = { ...run.effects[index]!, instance: "a", generation: 1 };
      change(run, "p", 3, { instance: "a", generation: 1 });
    },
    /^3 of p by a in generation 1 has its effect after one of generation 2$/,
  ],
  "a worker handles what it was not given": [
    (run) => run.handled.push({ ...run.handled[at(run.handled, "q", 3)]!, instance: "c" }),
    /^not its owner: 3 of q by c in generation 2$/,
    /^two handlers at once: 3 of q by b .* and 3 of q by c/,
    /^3 of q was handled 2 times$/,
  ],
  "an effect is written under a right of somebody else": [
    (run) => {
      const index = at(run.effects, "q", 0);
      run.effects[index] = { ...run.effects[index]!, instance: "a" };
    },
    /^nobody says to have written 0 of q by a/,
    /^the effect is not by its owner: 0 of q by a in generation 1$/,
  ],
  "the old owner still handles one while the new one begins": [
    (run) => change(run, "p", 1, { endedMs: 21 }),
    /^two handlers at once: 1 of p by a in generation 1 and 2 of p by b in generation 2$/,
  ],
  "one that takes long overlaps with more than the next one": [
    (run) => change(run, "p", 0, { endedMs: 35 }),
    /two handlers at once: 0 of p .* and 1 of p/,
    /two handlers at once: 0 of p .* and 2 of p/,
    /two handlers at once: 0 of p .* and 3 of p/,
  ],
  "a message is handled before the one before it": [
    (run) => {
      change(run, "q", 1, { startedMs: 20, endedMs: 30 });
      change(run, "q", 2, { startedMs: 10, endedMs: 20 });
    },
    /^1 of q by b in generation 1 began after 2 of q/,
  ],
  "a message is delivered again after its effect": [
    (run) =>
      run.handled.push({
        ...run.handled[at(run.handled, "q", 3)]!,
        startedMs: 40,
        endedMs: 41,
        outcome: "already",
      }),
    /^3 of q by b in generation 2: already$/,
    /^3 of q was handled 2 times$/,
  ],
};

for (const [name, [doctor, ...expected]] of Object.entries(doctored)) {
  Deno.test(`planted: ${name}`, () => {
    const run = cleanRun();
    doctor(run);
    const problems = problemsOf(run);
    assert.equal(problems.length, expected.length, problems.join("\n"));
    for (const pattern of expected) {
      assert.ok(
        problems.some((problem) => pattern.test(problem)),
        `${pattern}\n${problems.join("\n")}`,
      );
    }
  });
}
