/**
 * A worker with actors by partition as a process of its own. Each turn is told to whoever judges, as by `bus_program.ts`. Only tests start
 * this.
 *
 * @module
 */
import type { Actor, ActorContext } from "../bus/actors/actor.ts";
import { PartitionActors } from "../bus/actors/partition_actors.ts";
import { MessageBus } from "../bus/bus.ts";
import { encodeJson } from "../codec.ts";
import type { GroupConfigInput } from "../config/config.ts";
import { Manager } from "../manager/manager.ts";
import { sleep } from "../ports/clock.ts";
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import type { World } from "../ports/world.ts";
import type { ShardedFeed } from "../sharding/shards.ts";
import { say } from "../../tasks/console.ts";
import { JUDGE_SUBJECT, type TurnNotice } from "./bus_program.ts";

/** What a worker is to do. */
export interface PartitionProgramSpec {
  /** The server. */
  readonly url: string;
  /** The bus. */
  readonly bus: string;
  /** The worker. */
  readonly node: string;
  /** The group. */
  readonly config: GroupConfigInput;
  /** Its feed. */
  readonly feed: ShardedFeed;
  /** How long a turn takes, in milliseconds. */
  readonly workMs: number;
}

/** The type of the actors, which keep the keys of their calls, and answer with them. */
export const KEEPER = "test::keeper";

const decoder = new TextDecoder();

async function main(spec: PartitionProgramSpec): Promise<void> {
  const { url, node, feed, config } = spec;
  const nc = await connectNats({ servers: url, name: node });
  const world = natsWorld(nc);
  const bus = new MessageBus({ world, bus: spec.bus, node });
  const actors = new PartitionActors({ world, bus, feed });
  actors.define(KEEPER, { state: true, create: (context) => keeper(world, spec, context) });
  await bus.start();
  const manager = new Manager({
    ...{ world, config },
    handler: actors.handler,
    consumptionEvents: actors.events,
  });
  await manager.start();
  say("ready");
}

function keeper(
  world: World,
  { node, workMs }: PartitionProgramSpec,
  context: ActorContext,
): Actor {
  const { id, state, mayAct } = context;
  // JSON has no bigint, and the epochs of a test are small.
  const token = Number(context.token);
  const tell = (phase: TurnNotice["phase"], fenced: boolean): void => {
    const notice: TurnNotice = { ...{ actor: id, node, token, phase, fenced }, atMs: Date.now() };
    world.messaging.publish(JUDGE_SUBJECT, encodeJson(notice));
  };
  return {
    async handle({ key, signal }) {
      tell("begin", false);
      let fenced = true;
      try {
        await sleep(world.clock, workMs, signal);
        const kept: string[] = state!.value === undefined
          ? []
          : JSON.parse(decoder.decode(state!.value));
        const next = encodeJson(kept.includes(key!) ? kept : [...kept, key!]);
        await state!.save(next);
        fenced = false;
        return next;
      } finally {
        // What was kept before its right was over counts, and it does nothing after.
        tell("end", fenced || !mayAct());
      }
    },
  };
}

if (import.meta.main) await main(JSON.parse(Deno.args[0]!));
