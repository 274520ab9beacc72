/**
 * For tests: clients that increment one shared register with compare-and-set, over a network that is slow and loses acknowledgements; and
 * the same with planted defects. It holds no test of its own.
 *
 * @module
 */
import { sleep } from "../ports/clock.ts";
import {
  always,
  alwaysAtMost,
  alwaysOrUnreachable,
  reachable,
  sometimes,
  sometimesAtLeast,
  sometimesEach,
  unreachable,
} from "./assertions/catalog.ts";
import { SimProcess } from "./kernel/node.ts";
import type { JsonObject, Plan, PlanBody, PlanStep } from "./plan/plan.ts";
import { drawSwarm } from "./plan/swarm.ts";
import {
  type AnyWorkload,
  defineWorkload,
  type DrawsFor,
  playSteps,
  type Simplification,
  type Simulation,
} from "./workload.ts";

/** What can be wrong with the toy. */
export type ToyBug =
  | "none"
  | "blind-put" // writes without looking at the revision
  | "blind-retry" // repeats an increment whose acknowledgement was lost, without asking whether it was applied
  | "miss" // declares something that never happens
  | "entropy" // takes a latency from outside the seed
  | "salt" // takes a latency from what was drawn when the module was loaded
  | "deadlock"
  | "livelock"
  | "spin" // never lets go of the thread
  | "escape" // looks at the clock of the world outside
  | "rejection" // leaves a rejection that nobody handles
  | "exit"; // ends the process

const CATALOG = {
  "no lost update": always("every acknowledged increment is in the register"),
  "no double update": always("no increment is in the register twice"),
  "conflict": sometimes("a compare-and-set loses against another client"),
  "lost acknowledgement": reachable("an increment was applied and its client was not told"),
  "applied before": alwaysOrUnreachable("what is repeated was applied"),
  "negative": unreachable("the register is below zero"),
  "attempts": alwaysAtMost(200, "attempts per increment"),
  "at once": sometimesAtLeast(3, "increments under way at the same time"),
  "client states": sometimesEach(["reading", "writing", "waiting", "done"], "states of a client"),
};

const MISSED = { "the moon": reachable("nobody gets there") };

type Toy = Simulation<typeof CATALOG>;

/** A register with revisions that knows which increments were applied. */
class Register {
  value = 0;
  revision = 0;
  losesAcks = false;
  readonly applied = new Set<string>();

  put(value: number, id: string): void {
    this.value = value;
    this.revision++;
    this.applied.add(id);
  }
}

const DEFAULT_OPERATIONS = 12;

/**
 * Makes the toy.
 *
 * @param bug what is wrong with it
 * @returns the workload, named `toy-` and the defect
 */
export function toyWorkload(bug: ToyBug): AnyWorkload {
  return defineWorkload({
    name: `toy-${bug}`,
    description: `clients increment a register; planted: ${bug}`,
    assertions: bug === "miss" ? { ...CATALOG, ...MISSED } : CATALOG,
    limits: { virtualMs: 600_000, events: 100_000, eventsPerInstant: 1_000 },
    expand,
    run: (simulation) => new Run(simulation as Toy, bug).run(),
    simplify,
  });
}

function expand(_seed: number, draws: DrawsFor): PlanBody {
  const clients = draws("clients").integer(2, 5);
  const swarm = drawSwarm(draws, ["acks"]);
  const times = draws("time");
  const who = draws("client");
  const operations = Array.from({ length: DEFAULT_OPERATIONS }, (_, index): PlanStep => ({
    id: `op-${index}`,
    atMs: Math.round(times.between(0, 200)),
    kind: "increment",
    args: { client: who.integer(1, clients) },
  }));
  const faults = Array.from({ length: 3 }, (_, index): PlanStep => ({
    id: `fault-${index}`,
    atMs: Math.round(draws("fault", `${index}`).between(0, 250)),
    kind: "lose-acks",
    args: { durationMs: draws("fault duration", `${index}`).integer(5, 60) },
  }));
  return {
    parameters: { clients },
    operations,
    faults: swarm["acks"] ? faults : [],
    buggify: {},
    swarm,
  };
}

function* simplify(plan: Plan): Iterable<Simplification> {
  const clients = Number(plan.parameters["clients"]);
  if (clients > 2) {
    const clientOf = (args: JsonObject) => Math.min(Number(args["client"]), clients - 1);
    yield {
      what: `${clients - 1} clients`,
      plan: {
        ...plan,
        parameters: { clients: clients - 1 },
        operations: plan.operations.map((step) => ({
          ...step,
          args: { client: clientOf(step.args) },
        })),
      },
    };
  }
  if ([...plan.operations, ...plan.faults].every(({ atMs }) => atMs === 0)) return;
  const sooner = (steps: readonly PlanStep[]) =>
    steps.map((step) => ({ ...step, atMs: Math.floor(step.atMs / 2) }));
  yield {
    what: "everything twice as soon",
    plan: { ...plan, operations: sooner(plan.operations), faults: sooner(plan.faults) },
  };
}

/** Outside the seed: what the toy with the leak draws from. */
let leak = 0;
/** Other in each process, and the same in all runs of one. */
const salt = Math.random();

/** One run. */
class Run {
  readonly #toy: Toy;
  readonly #bug: ToyBug;
  readonly #register = new Register();
  readonly #clients = new Map<number, { process: SimProcess; last: Promise<void> }>();
  #acknowledged = 0;
  #underWay = 0;

  constructor(toy: Toy, bug: ToyBug) {
    this.#toy = toy;
    this.#bug = bug;
  }

  async run(): Promise<void> {
    const { kernel, plan, assertions } = this.#toy;
    kernel.addInvariant(() => {
      if (this.#register.value < 0) assertions.unreachable("negative");
    });
    this.#plant();
    const faults = playSteps(this.#toy, plan.faults, (step) => this.#loseAcks(step));
    await playSteps(this.#toy, plan.operations, (step) => this.#queue(step));
    await faults;
    const { value } = this.#register;
    const seen = `${this.#acknowledged} increments, and the register is ${value}`;
    assertions.always("no lost update", value >= this.#acknowledged, seen);
    assertions.always("no double update", value <= this.#acknowledged, () => seen);
    if (this.#bug === "deadlock") await this.#toy.awaiting("godot", new Promise(() => {}));
  }

  async #loseAcks({ args }: PlanStep): Promise<void> {
    this.#register.losesAcks = true;
    await this.#toy.kernel.sleep(Number(args["durationMs"]), "acks lost");
    this.#register.losesAcks = false;
  }

  /** A client does one thing after the other. */
  #queue(step: PlanStep): Promise<void> {
    const number = Number(step.args["client"]);
    let client = this.#clients.get(number);
    if (client === undefined) {
      const process = new SimProcess(this.#toy.kernel, `client-${number}#1`);
      client = { process, last: Promise.resolve() };
      this.#clients.set(number, client);
    }
    const { process, last } = client;
    client.last = last.then(() => this.#increment(process, step.id));
    return client.last;
  }

  async #increment(client: SimProcess, id: string): Promise<void> {
    const { assertions } = this.#toy;
    const latency = this.#toy.draws("latency", id);
    const wait = (ms: number) => sleep(client.clock, ms + this.#leak());
    const register = this.#register;
    assertions.sometimesAtLeast("at once", ++this.#underWay);
    let isDone = false;
    for (let attempt = 1; !isDone; attempt++) {
      assertions.alwaysAtMost("attempts", attempt);
      assertions.sometimesEach("client states", "reading");
      await wait(latency.between(1, 10));
      const seen = { value: register.value, revision: register.revision };
      const wasApplied = attempt > 1 && this.#bug !== "blind-retry" && register.applied.has(id);
      assertions.sometimesEach("client states", "writing");
      const isSlow = this.#toy.buggify.for(client.name)("slow write");
      await wait(latency.between(1, 10) * (isSlow ? 5 : 1));
      const isStale = this.#bug !== "blind-put" && register.revision !== seen.revision;
      assertions.sometimes("conflict", isStale);
      if (wasApplied) assertions.alwaysOrUnreachable("applied before", register.applied.has(id));
      if (isStale && !wasApplied) continue;
      if (!wasApplied) register.put(seen.value + 1, id);
      isDone = wasApplied || !register.losesAcks;
      if (isDone) continue;
      assertions.reachable("lost acknowledgement");
      assertions.sometimesEach("client states", "waiting");
      await wait(this.#toy.buggify.knob("client timeout", 20, 1, 100, client.name));
    }
    assertions.sometimesEach("client states", "done");
    this.#acknowledged++;
    this.#underWay--;
  }

  /** As much code under test does with what it does not expect. */
  #swallow(work: () => void): void {
    try {
      work();
    } catch {
      // It goes on.
    }
  }

  #leak(): number {
    if (this.#bug === "salt") return salt;
    return this.#bug === "entropy" ? leak++ % 7 : 0;
  }

  #plant(): void {
    const { kernel, plan } = this.#toy;
    if (this.#bug === "livelock") {
      const again = () => void kernel.schedule(0, "again", again);
      again();
    }
    if (this.#bug === "escape") this.#swallow(() => Date.now());
    if (this.#bug === "rejection") void Promise.reject(new Error("nobody handles this"));
    // The first seeds are good, so that it can be seen that they are counted.
    if (this.#bug === "exit" && plan.seed % 10 === 5) Deno.exit(7);
    while (this.#bug === "spin" && plan.seed % 10 === 5);
  }
}
