/**
 * One worker of the simulated group: a process with a connection and a `Manager`, exactly as an application has it.
 *
 * @module
 */
import type { Partition } from "../../assignment/partition.ts";
import { type StaticSource, staticSource } from "../../assignment/sources/static_source.ts";
import type { HandlerContext, PartitionMessage } from "../../consumption/handler.ts";
import { FencedOutput } from "../../effects.ts";
import { describeError, isPartiError } from "../../errors.ts";
import { Manager } from "../../manager.ts";
import { sleep } from "../../ports/clock.ts";
import type { World } from "../../ports/world.ts";
import { Draws } from "../draw.ts";
import type { SimProcess } from "../kernel/node.ts";
import type { SimLink } from "../nats/link.ts";
import type { Simulation } from "../workload.ts";
import type { CoreCatalog } from "./catalog.ts";
import type { Observer } from "./observer.ts";
import type { CoreParameters } from "./parameters.ts";

/** The group's name. */
export const GROUP = "sim";
/** The feed. */
export const FEED = "FEED";
/** The output. */
export const OUTPUT = "OUTPUT";
/** The subject of a partition's messages, up to its name. */
export const FEED_PREFIX = "in.";
/** The subject of a partition's effects, up to its name. */
export const OUTPUT_PREFIX = "out.";

const EFFECT_TIMEOUT_MS = 2_000;
const EFFECT_RETRY_MS = 50;

/** What a member is made from. */
export interface MemberOptions {
  /** The run. */
  readonly simulation: Simulation<CoreCatalog>;
  /** Its parameters. */
  readonly parameters: CoreParameters;
  /** Who watches. */
  readonly observer: Observer;
  /** The process. */
  readonly owner: SimProcess;
  /** Its connection. */
  readonly link: SimLink;
  /** The world over it. */
  readonly world: World;
  /** What its source says. */
  readonly partitions: readonly Partition[];
  /** Which stable ID it would like to have. */
  readonly preferredId: number;
}

/** A worker. */
export class Member {
  /** The process. */
  readonly owner: SimProcess;
  /** Its connection. */
  readonly link: SimLink;
  /** Its manager. */
  readonly manager: Manager;
  /** Its partition source. */
  readonly source: StaticSource;
  readonly #options: MemberOptions;
  readonly #held = new Set<string>();
  readonly #work: Draws;
  readonly #output: FencedOutput;
  #stopping: Promise<void> | undefined;

  /** @param options what it is made from */
  constructor(options: MemberOptions) {
    this.#options = options;
    const { owner, link, world, parameters, partitions, preferredId } = options;
    this.owner = owner;
    this.link = link;
    this.source = staticSource(partitions);
    this.#work = new Draws(options.simulation.plan.seed, "work", owner.name);
    this.#output = new FencedOutput(world.feed, {
      stream: OUTPUT,
      subjectTemplate: `${OUTPUT_PREFIX}{{.PartitionID}}`,
      timeoutMs: EFFECT_TIMEOUT_MS,
    });
    this.manager = new Manager({
      world,
      source: this.source,
      handler: (message, context) => this.#handle(message, context),
      hooks: this.#hooks(),
      consumptionEvents: this.#events(),
      config: {
        group: GROUP,
        preset: parameters.preset,
        preferredId,
        workerIdMax: parameters.maxWorkers * 3,
        consumer: {
          stream: FEED,
          subjectTemplate: `${FEED_PREFIX}{{.PartitionID}}`,
          deadLetterSubject: "dead",
        },
      },
    });
  }

  /** Whether it is still to work: started, and neither dead nor asked to leave. */
  get wanted(): boolean {
    return !this.owner.dead && this.#stopping === undefined;
  }

  /**
   * Starts it.
   *
   * @param onFailed called if it cannot: an application ends then, and whoever supervises it starts it anew
   */
  start(onFailed: () => void): void {
    this.manager.start().catch((error) => {
      if (!isPartiError(error)) throw error;
      if (this.wanted) onFailed();
    });
  }

  /** Stops it in an orderly way and ends the process. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      await this.manager.stop();
      this.link.close();
    })();
    return this.#stopping;
  }

  async #handle(message: PartitionMessage, context: HandlerContext): Promise<void> {
    const { observer, parameters, world, simulation } = this.#options;
    const end = observer.begin(context, message.streamSequence);
    try {
      const workMs = this.#work.between(parameters.workMinMs, parameters.workMaxMs);
      if (workMs > 0) await sleep(world.clock, workMs, context.signal);
      while (!context.signal.aborted) {
        try {
          const outcome = await this.#output.write(context, message.streamSequence, message.data);
          if (outcome === "already") simulation.assertions.reachable("an effect was there already");
          return;
        } catch (error) {
          if (isPartiError(error, "PARTI_FENCED")) {
            simulation.assertions.reachable("a zombie was fenced");
            throw error;
          }
          await sleep(world.clock, EFFECT_RETRY_MS, context.signal);
        }
      }
    } finally {
      end();
    }
  }

  #hooks(): NonNullable<ConstructorParameters<typeof Manager>[0]["hooks"]> {
    const { observer, simulation } = this.#options;
    const { assertions } = simulation;
    return {
      onStateChanged: (from, to) => {
        if (this.owner.dead) return;
        simulation.note(this.owner.name, to);
        observer.stateChanged(from, to);
        if (to === "ClaimingID" && from !== "Init") assertions.reachable("a lease was lost");
      },
      onAssignmentChanged: (change) => {
        if (!this.owner.dead) observer.assignmentChanged(this.#held, change);
      },
      onError: (error) => {
        assertions.always(
          "no invariant of parti breaks",
          !isPartiError(error, "PARTI_INVARIANT"),
          () => describeError(error),
        );
      },
    };
  }

  #events(): NonNullable<ConstructorParameters<typeof Manager>[0]["consumptionEvents"]> {
    const { assertions } = this.#options.simulation;
    return {
      redelivered: () => assertions.reachable("a message came again"),
      refused: () => assertions.reachable("a lane was refused"),
      evicted: () => assertions.reachable("a stranger's lane was evicted"),
      compacted: () => assertions.reachable("lanes were merged"),
    };
  }
}
