/**
 * How many calls go there and back over the message bus: to a handler of another node, and to an actor there.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { ActorSystem } from "../../lib/bus/actors/actor_system.ts";
import { MessageBus } from "../../lib/bus/bus.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import type { CaseContext, CaseOutcome, Metric, Sample, StressCase } from "../case.ts";
import { publishInWindow } from "./bare_client.ts";
import { BareRequests } from "./bare_requests.ts";
import { PAYLOAD } from "./streams.ts";
import { ROUNDS, waysInTurns } from "./turns.ts";

/** So many calls under way at once, and so many in all. */
const LEVELS = [
  { atOnce: 1, count: 5_000, quickCount: 500 },
  { atOnce: 100, count: 60_000, quickCount: 3_000 },
] as const;
const WARM_UP_SHARE = 0.2;
const TARGET = { node: "server", type: "echo" };
const ACTOR_TYPE = "stress::echo";
const ACTORS = 100;
const BARE = "bare.echo";

/** A node, which has actors or only calls them. */
async function startNode(nc: NatsConnection, node: string): Promise<Node> {
  const world = natsWorld(nc);
  const bus = new MessageBus({ world, bus: "stress", node });
  const actors = new ActorSystem({ world, bus });
  if (node === TARGET.node) {
    bus.handle(TARGET.type, ({ payload }) => payload);
    actors.define(ACTOR_TYPE, { create: () => ({ handle: ({ payload }) => payload }) });
  }
  await bus.start();
  await actors.start();
  return {
    bus,
    actors,
    async [Symbol.asyncDispose]() {
      await actors.stop();
      await bus.stop();
    },
  };
}

interface Node extends AsyncDisposable {
  readonly bus: MessageBus;
  readonly actors: ActorSystem;
}

/** The client's own `request`; the same over one inbox with a table, as the library has; the bus; actors. */
type Way = "client" | "inbox" | "request" | "actor";
/** What is measured, and each over what. */
const FIGURES = [
  { way: "request", over: "client" },
  { way: "actor", over: "client" },
  { way: "request", over: "inbox" },
  { way: "actor", over: "inbox" },
  { way: "client", over: "inbox" },
] as const satisfies readonly { readonly way: Way; readonly over: Way }[];
type Figure = typeof FIGURES[number];

async function measure(
  { quick, progress }: CaseContext,
  calls: Readonly<Record<Way, (n: number) => Promise<unknown>>>,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const { atOnce, ...size } of LEVELS) {
    const rateOf = (way: Way) => async (share: number): Promise<number> => {
      const count = Math.ceil((quick ? size.quickCount : size.count) * share);
      const startedAtMs = performance.now();
      await publishInWindow(calls[way], { count, window: atOnce });
      return count / ((performance.now() - startedAtMs) / 1_000);
    };
    const turns = await waysInTurns<Way>({
      rounds: quick ? 1 : ROUNDS,
      warmUpShare: WARM_UP_SHARE,
      ways: {
        ...{ client: rateOf("client"), inbox: rateOf("inbox") },
        ...{ request: rateOf("request"), actor: rateOf("actor") },
      },
      progress: (what) => progress(`${atOnce} at once: ${what}`),
    });
    for (const turn of turns) {
      for (const figure of FIGURES) {
        const { way, over } = figure;
        samples.push({ metric: nameOf(figure, atOnce), value: turn[way], limit: turn[over] });
      }
    }
  }
  return samples;
}

async function run(context: CaseContext): Promise<CaseOutcome> {
  const here = await connectNats({ servers: context.url });
  const there = await connectNats({ servers: context.url });
  try {
    there.subscribe(BARE, { callback: (_error, message) => void message.respond(message.data) });
    await using _server = await startNode(there, TARGET.node);
    await using caller = await startNode(here, "caller");
    const { bus, actors } = caller;
    using requests = new BareRequests(here);
    const samples = await measure(context, {
      client: () => here.request(BARE, PAYLOAD),
      inbox: () => requests.ask(BARE, PAYLOAD),
      request: () => bus.request(TARGET, "echo", PAYLOAD),
      actor: (n) => actors.request(`${ACTOR_TYPE}/${n % ACTORS}`, "echo", PAYLOAD),
    });
    return { samples };
  } finally {
    await Promise.all([here.close(), there.close()]);
  }
}

/** What is accepted is held against the client's own `request`, and has the plain name. */
function nameOf({ way, over }: Figure, atOnce: number): string {
  return over === "inbox" ? `${way}_${atOnce}_inbox` : `${way}_${atOnce}`;
}

const TO = {
  client: "a subscription, by the client's own `request`",
  request: "a handler of another node",
  actor: `${ACTORS} actors of another node`,
} as const;

function metric(figure: Figure, atOnce: number): Metric {
  const { way, over } = figure;
  const common = {
    name: nameOf(figure, atOnce),
    unit: "calls/s",
    better: "higher",
    what: `Calls to ${TO[way]}, each with its answer, ${atOnce} under way`,
  } as const;
  return over === "client"
    ? {
      ...{ ...common, kind: "rate", limit: "the client's own `request` of the same payload" },
      target: { atLeast: 0.7, full: true },
    }
    : { ...common, kind: "count", limit: "one inbox with a table of who waits, on the client" };
}

/** The case. */
export const ROUND_TRIP_CASE: StressCase = {
  group: "speed",
  name: "round-trip",
  title: "Calls over the message bus and back, both nodes in one process",
  metrics: LEVELS.flatMap(({ atOnce }) => FIGURES.map((figure) => metric(figure, atOnce))),
  repetitions: 1,
  quick: true,
  server: true,
  timeoutMs: 300_000,
  run,
};
