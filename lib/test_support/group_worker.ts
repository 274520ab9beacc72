/**
 * The program of a worker process for tests: a whole `Manager`, which writes the effect of each message to a fenced output and says how
 * it is when it is asked. `group_fleet.ts` starts it. SIGTERM stops it in order. Only tests use this.
 *
 * @module
 */
import { staticSource } from "../assignment/sources/static_source.ts";
import { partitionId } from "../assignment/partition.ts";
import { encodeJson } from "../codec.ts";
import type { GroupConfigInput } from "../config/config.ts";
import { FencedOutput } from "../effects/effects.ts";
import { describeError, isPartiError } from "../errors.ts";
import { Manager } from "../manager/manager.ts";
import type { ManagerState } from "../manager/state.ts";
import type { MessageHandler } from "../consumption/dispatch/handler.ts";
import { sleep } from "../ports/clock.ts";
import { connectNats, natsWorld } from "../ports/nats/world.ts";
import type { World } from "../ports/world.ts";
import { exitWhenParentDies } from "../../tasks/spawn.ts";
import { trafficNames } from "./traffic.ts";

/** The argument of the process. */
export interface GroupWorkerSpec {
  /** The server. */
  readonly url: string;
  /** Its name in the fleet; the group knows nothing of it. */
  readonly name: string;
  /** The group's configuration. */
  readonly config: GroupConfigInput;
  /** The partitions' names. */
  readonly partitions: readonly string[];
  /** How long a handler works before it writes, in milliseconds. */
  readonly workMs: number;
}

/** How a worker is. */
export interface GroupWorkerStatus {
  /** Its state. */
  readonly state: ManagerState;
  /** All states so far. */
  readonly states: readonly ManagerState[];
  /** Its stable ID; null while it has none. */
  readonly workerId: string | null;
  /** Its instance; null while it has no lease. */
  readonly instance: string | null;
  /** Whether it leads. */
  readonly isLeader: boolean;
  /** The generation that it follows; null before the first. */
  readonly generation: number | null;
  /** What it holds. */
  readonly partitions: readonly string[];
  /** What went wrong. */
  readonly errors: readonly string[];
}

/** Where a worker answers. */
export function groupControlSubject(name: string): string {
  return `control.${name}`;
}

const OPERATION_TIMEOUT_MS = 10_000;
const RETRY_MS = 50;

/** Writes each message's effect once, however long that takes. */
function effectsHandler(world: World, { config, workMs }: GroupWorkerSpec): MessageHandler {
  const { output: stream, outputTemplate: subjectTemplate } = trafficNames(config.group);
  const output = new FencedOutput(world.feed, { stream, subjectTemplate, timeoutMs: 2_000 });
  return async (message, context) => {
    const { signal } = context;
    await sleep(world.clock, workMs, signal);
    while (!signal.aborted) {
      try {
        await output.write(context, message.streamSequence, message.data);
        return;
      } catch (error) {
        if (isPartiError(error, "PARTI_FENCED")) throw error;
        // The output is out of reach: the message is not at fault.
        await sleep(world.clock, RETRY_MS, signal);
      }
    }
    signal.throwIfAborted();
  };
}

/**
 * Runs this process as a worker. It has begun when this resolves, and goes on until it is ended.
 *
 * @param spec what it is
 */
export async function runGroupWorker(spec: GroupWorkerSpec): Promise<void> {
  exitWhenParentDies();
  const nc = await connectNats({ servers: spec.url, name: spec.name });
  const world = natsWorld(nc);
  const states: ManagerState[] = ["Init"];
  const errors: string[] = [];
  const manager = new Manager({
    world,
    config: spec.config,
    source: staticSource(spec.partitions.map((id) => ({ keys: [id] }))),
    handler: effectsHandler(world, spec),
    hooks: {
      onStateChanged: (_from, to) => void states.push(to),
      onError: (error) => void errors.push(describeError(error)),
    },
  });
  const status = (): GroupWorkerStatus => ({
    state: manager.state,
    states,
    workerId: manager.workerId ?? null,
    instance: manager.instance ?? null,
    isLeader: manager.isLeader,
    generation: manager.assignment?.generation ?? null,
    partitions: manager.assignment?.partitions.map(partitionId) ?? [],
    errors,
  });
  world.messaging.subscribe(
    groupControlSubject(spec.name),
    (notice) => notice.respond(encodeJson(status())),
  );
  Deno.addSignalListener("SIGTERM", () => {
    void manager.stop().then(() => nc.drain()).then(() => Deno.exit(0));
  });
  await world.messaging.flush(OPERATION_TIMEOUT_MS);
  // Whoever started this waits for the line: from now on it answers.
  Deno.stdout.writeSync(new TextEncoder().encode("ready\n"));
  await manager.start();
}

if (import.meta.main) await runGroupWorker(JSON.parse(Deno.args[0]!));
