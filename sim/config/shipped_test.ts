/**
 * The configurations that are shipped: each is valid in the mode it is for, and asks for what its name and the READMEs promise.
 */
import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { loadConfig } from "./config.ts";
import { CHAOS_TYPES, type ChaosType, type SimulationConfig } from "./config_schema.ts";

const FOLDER = new URL("../../configs/", import.meta.url);
const NAMES = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
  .filter((name) => name.endsWith(".yaml")).sort();

/** A shipped configuration, with some of it set anew. */
async function shipped(name: string, ...sets: string[]): Promise<SimulationConfig> {
  const overrides = sets.map((set) => ({ set, shown: `--set ${set}` }));
  return (await loadConfig(new URL(name, FOLDER), overrides)).config;
}

/** The message it is refused with; undefined if it is not. */
async function refusal(name: string, ...sets: string[]): Promise<string | undefined> {
  try {
    await shipped(name, ...sets);
    return undefined;
  } catch (error) {
    assert.ok(isPartiError(error, "PARTI_INVALID_CONFIG"), String(error));
    return error.message;
  }
}

/** All kinds but these, in order. */
function allBut(...kinds: ChaosType[]): ChaosType[] {
  return CHAOS_TYPES.filter((kind) => !kinds.includes(kind)).toSorted();
}

Deno.test("shipped: each is valid in its own mode; by hand for all three kinds of processes", async () => {
  for (const name of NAMES) {
    const { mode } = (await shipped(name)).simulation;
    assert.equal(mode, name === "by-hand.yaml" ? "coordinator" : "all-in-one", name);
  }
  for (const mode of ["producer", "worker"]) {
    assert.equal(await refusal("by-hand.yaml", `simulation.mode=${mode}`), undefined);
  }
});

Deno.test("shipped: by hand those run as they are that the README names, and the others are refused for one kind", async () => {
  const refused: string[] = [];
  for (const name of NAMES) {
    // A cluster by hand is three addresses.
    const urls = "nats.url=nats://localhost:4222,nats://localhost:4223,nats://localhost:4224";
    const sets = ["simulation.mode=coordinator", ...name === "cluster.yaml" ? [urls] : []];
    const message = await refusal(name, ...sets);
    if (message === undefined) continue;
    assert.match(message, /no nats_disconnect with simulation\.mode coordinator/, name);
    refused.push(name.replace(".yaml", ""));
  }
  assert.deepEqual(refused, ["acceptance", "extreme", "realistic", "soak", "stress"]);
});

Deno.test("shipped: by-hand.yaml has every kind that is possible there", async () => {
  const { events } = (await shipped("by-hand.yaml")).chaos;
  const others = allBut(...events);
  assert.deepEqual(others, ["coordinator_crash", "nats_disconnect", "nats_node_kill"]);
  for (const kind of others) {
    const message = await refusal("by-hand.yaml", `chaos.events=[${[...events, kind]}]`);
    assert.match(message ?? "", new RegExp(`chaos\\.events: expected no ${kind} `), kind);
  }
});

Deno.test("shipped: acceptance.yaml and soak.yaml have every kind that one server can meet, cluster.yaml the other", async () => {
  for (const name of ["acceptance.yaml", "soak.yaml"]) {
    const { events } = (await shipped(name)).chaos;
    assert.deepEqual(events.toSorted(), allBut("nats_node_kill"), name);
  }
  const cluster = (await shipped("cluster.yaml")).chaos;
  assert.ok(cluster.events.includes("nats_node_kill"));
});

Deno.test("shipped: acceptance.yaml is the run that the simulation was built for", async () => {
  const { simulation, partitions, workers, chaos, thresholds } = await shipped("acceptance.yaml");
  assert.equal(simulation.duration, 30 * 60_000);
  assert.equal(partitions.count, 1_500);
  assert.equal(Math.round(partitions.count * partitions.message_rate_per_partition), 100);
  assert.equal(workers.count, 100);
  assert.deepEqual(chaos.interval, { minMs: 10_000, maxMs: 20_000 });
  const figures = thresholds.map(({ figure }) => figure);
  for (
    const figure of ["recoveryMs.count", "recoveryOwnedMs.p99", "memory.process.growth"] as const
  ) {
    assert.ok(figures.includes(figure), figure);
  }
});

Deno.test("shipped: events that are a minute apart or more leave the validation window its time", async () => {
  for (const name of NAMES) {
    const { chaos, coordinator: { validation_window } } = await shipped(name);
    if (!chaos.enabled || chaos.interval.minMs < 60_000) continue;
    assert.ok(validation_window <= chaos.interval.minMs, name);
  }
});

Deno.test("shipped: where things happen there is a bound for recovery, for balance and moves where no code has one, for memory where it is long", async () => {
  for (const name of NAMES) {
    const { simulation, chaos, workers, thresholds } = await shipped(name);
    const figures = thresholds.map(({ figure }) => figure);
    const has = (figure: typeof figures[number]) => {
      assert.ok(figures.includes(figure), `${name}: no threshold of ${figure}`);
    };
    if (!chaos.enabled) continue;
    if (!figures.includes("recoveryMs.p99")) has("recoveryOwnedMs.p99");
    if (workers.assignment_strategy !== "StickyBalanced") {
      has("balance.maxOverMean");
      has("moves.overNeeded");
    }
    if (simulation.duration < 12 * 3_600_000) continue;
    for (const who of ["process", "largest", "coordinator", "server"] as const) {
      has(`memory.${who}.growth`);
    }
  }
});
