/**
 * An actor of phases 4 and 5: its turns and its hooks, and who is told of them.
 *
 * @module
 */
import type { Actor, ActorContext } from "../../bus/actors/actor.ts";
import type { ActorSystem } from "../../bus/actors/actor_system.ts";
import { type Clock, sleep } from "../../ports/clock.ts";
import { Draws } from "../draw.ts";
import type { SimProcess } from "../kernel/node.ts";
import type { Simulation } from "../workload.ts";
import type { ActorCatalog } from "./actor_catalog.ts";
import { readPayload } from "./actor_payload.ts";
import { turnsOf } from "./actor_turn.ts";
import type { ActorWatch } from "./actor_watch.ts";
import type { CallWatch } from "./call_watch.ts";
import type { Ledger } from "./ledger.ts";
import type { Turn } from "./turn_watch.ts";

/** Where an actor lives, and who watches it. */
export interface ActorStage {
  /** The run. */
  readonly simulation: Pick<Simulation<ActorCatalog>, "assertions" | "plan">;
  /** The process. */
  readonly owner: SimProcess;
  /** The time of the process. */
  readonly clock: Clock;
  /** The actors of the process. */
  readonly actors: Pick<ActorSystem, "mayAct">;
  /** The books. */
  readonly ledger: Ledger;
  /** Told of turns and hooks. */
  readonly watch: ActorWatch;
  /** Told of calls that have come. */
  readonly calls: CallWatch;
}

/** The share of the lives whose hooks take their time. */
const SLOW_LIVES = 0.2;
/** So long, in milliseconds. */
const HOOK_MS = [5, 100, 300];

/**
 * Makes one life of an actor.
 *
 * @param stage where it lives
 * @param context the life
 * @returns the actor
 */
export function simActor(stage: ActorStage, context: ActorContext): Actor {
  const { simulation: { assertions, plan }, owner, clock, actors, ledger, watch, calls } = stage;
  const { id, signal, state, token } = context;
  watch.made(owner, context);
  const draws = new Draws(plan.seed, "hooks", `${owner.name} ${id} ${token}`);
  const isSlow = draws.chance(SLOW_LIVES);
  const linger = async (): Promise<void> => {
    if (isSlow) await sleep(clock, draws.pick(HOOK_MS), signal);
  };
  const take = turnsOf({ assertions, ledger, clock, context });
  return {
    handle: async (call) => {
      const { payload, key, leftMs } = call;
      assertions.always("no call is handled late", leftMs() > 0, id);
      calls.came(ledger.find(readPayload(payload).token), leftMs());
      const turn: Turn = { owner, context, signal };
      watch.begin(turn, call, actors.mayAct);
      try {
        return await take(payload, signal, (isKnown) => {
          assertions.sometimes("a key came again", key !== undefined && isKnown);
        });
      } finally {
        watch.end(turn);
      }
    },
    onActivate: () => watch.hooked("activate", context, actors.mayAct, linger),
    onDeactivate: (reason) => {
      assertions.sometimes("an actor was idle", reason === "idle");
      return watch.hooked("deactivate", context, actors.mayAct, async () => {
        await linger();
        if (isSlow && state?.value !== undefined) await state.save(state.value);
      });
    },
  };
}
