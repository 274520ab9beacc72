/**
 * A node with actors as a process of its own. Each turn is told to whoever judges, when it begins and when it ends: what counts is what
 * hosts do, not what a directory says. Only tests start this.
 *
 * @module
 */
import type { Actor, ActorContext } from "../bus/actors/actor.ts";
import { ActorSystem } from "../bus/actors/actor_system.ts";
import { MessageBus } from "../bus/bus.ts";
import { encodeJson } from "../codec.ts";
import { isPartiError } from "../errors.ts";
import { sleep } from "../ports/clock.ts";
import { say } from "../../tasks/console.ts";
import { connectNats, natsWorld } from "../ports/nats/world.ts";

/** What a node is to do. */
export interface BusProgramSpec {
  /** The server. */
  readonly url: string;
  /** The bus. */
  readonly bus: string;
  /** The node. */
  readonly node: string;
  /** How long its lease lasts, in milliseconds. */
  readonly leaseTtlMs: number;
  /** How long a turn takes, in milliseconds. */
  readonly workMs: number;
}

/** What is told of a turn. */
export interface TurnNotice {
  /** The actor. */
  readonly actor: string;
  /** The node. */
  readonly node: string;
  /** The fencing token of the actor's life. */
  readonly token: number;
  /** Whether it begins or ends. */
  readonly phase: "begin" | "end";
  /** When, in milliseconds since 1970: all processes are on one machine. */
  readonly atMs: number;
  /** Its right was over when it ended: nothing of it has counted. */
  readonly fenced: boolean;
}

/** The type of the actors, which count their calls and keep the count. */
export const COUNTER = "test::counter";
/** Where turns are told. */
export const JUDGE_SUBJECT = "test.judge";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

async function main(spec: BusProgramSpec): Promise<void> {
  const nc = await connectNats({ servers: spec.url, name: spec.node });
  const world = natsWorld(nc);
  const bus = new MessageBus({ world, bus: spec.bus, node: spec.node });
  const actors = new ActorSystem({ world, bus, leaseTtlMs: spec.leaseTtlMs });
  const tell = (notice: TurnNotice): void =>
    world.messaging.publish(JUDGE_SUBJECT, encodeJson(notice));
  actors.define(COUNTER, {
    state: true,
    create: (context): Actor => counter(context),
  });
  const counter = ({ id, token, signal, state, mayAct }: ActorContext): Actor => ({
    async handle() {
      const about = { actor: id, node: spec.node, token: Number(token) };
      tell({ ...about, phase: "begin", atMs: Date.now(), fenced: false });
      let fenced = false;
      try {
        await sleep(world.clock, spec.workMs, signal);
        const count = Number(decoder.decode(state!.value ?? encoder.encode("0"))) + 1;
        const text = encoder.encode(String(count));
        await state!.save(text);
        return text;
      } catch (error) {
        fenced = isPartiError(error, "PARTI_FENCED");
        throw error;
      } finally {
        // What it has done before its right was over counts, and it does nothing after.
        fenced ||= !mayAct();
        tell({ ...about, phase: "end", atMs: Date.now(), fenced });
      }
    },
  });
  await bus.start();
  await actors.start();
  say("ready");
}

if (import.meta.main) await main(JSON.parse(Deno.args[0]!));
