/**
 * What the application does with its messages: each one's effect is written once, and now and then something goes wrong with it.
 *
 * @module
 */
import { decodeJsonObject } from "../../codec.ts";
import type { HandlerContext, PartitionMessage } from "../../consumption/dispatch/handler.ts";
import { FencedOutput } from "../../effects/effects.ts";
import { isPartiError } from "../../errors.ts";
import { sleep } from "../../ports/clock.ts";
import type { World } from "../../ports/world.ts";
import { Draws } from "../draw.ts";
import type { Simulation } from "../workload.ts";
import type { CoreCatalog } from "./catalog.ts";
import { OUTPUT, OUTPUT_PREFIX } from "./names.ts";
import type { Observer, WorkerView } from "./observer.ts";
import type { CoreParameters } from "./parameters.ts";

const EFFECT_TIMEOUT_MS = 2_000;
const EFFECT_RETRY_MS = 50;
/** How often a handler without a right looks whether its successor has written, and how long it waits in between, in milliseconds. */
const ZOMBIE_LOOKS = 5;
const ZOMBIE_LOOK_MS = 300;

/** What work needs. */
export interface WorkOptions {
  /** The run. */
  readonly simulation: Simulation<CoreCatalog>;
  /** Its parameters. */
  readonly parameters: CoreParameters;
  /** Who watches. */
  readonly observer: Observer;
  /** Where it is done. */
  readonly world: World;
  /** Whose it is, for the draws. */
  readonly name: string;
  /** What the worker knows in the instant in which a handler of this instance starts. */
  readonly view: (instance: string) => WorkerView;
  /** Told when a handler of this instance has ended well. */
  readonly onDone: (instance: string) => void;
  /** How often the group tries a message. */
  readonly maxDeliver: () => number;
}

/** The work of one process. */
export class Work {
  readonly #options: WorkOptions;
  readonly #labour: Draws;
  readonly #luck: Draws;
  readonly #poison: Draws;
  readonly #output: FencedOutput;
  #busy = 0;
  #onIdle: () => void = () => {};

  /** @param options what it needs */
  constructor(options: WorkOptions) {
    const { simulation: { plan: { seed } }, world, name } = options;
    this.#options = options;
    this.#labour = new Draws(seed, "work", name);
    this.#luck = new Draws(seed, "luck", name);
    // By message: whoever handles it, it is poison.
    this.#poison = new Draws(seed, "poison");
    this.#output = new FencedOutput(world.feed, {
      stream: OUTPUT,
      subjectTemplate: `${OUTPUT_PREFIX}{{.PartitionID}}`,
      timeoutMs: EFFECT_TIMEOUT_MS,
    });
  }

  /** Resolves when no handler runs any more: one that does not heed its signal goes on after the worker has stopped. */
  async idle(): Promise<void> {
    while (this.#busy > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }

  /** Handles a message. */
  async handle(message: PartitionMessage, context: HandlerContext): Promise<void> {
    const { observer: { messages }, view, onDone } = this.#options;
    // A handler of a process that is not told to end sees one signal for as long as it runs.
    const { signal } = context;
    // What the context says may change with the next try, and what began under it does not.
    const { partitionId, worker, instance, epoch, generation } = context;
    const right = { partitionId, worker, instance, epoch, generation, signal };
    const end = messages.begin(right, message.streamSequence, view(instance));
    let isWell = false;
    this.#busy++;
    try {
      await this.#do(message, context, signal);
      isWell = !signal.aborted;
    } finally {
      if (signal.aborted) await this.#outlive(context, message.data);
      end(isWell);
      if (isWell) onDone(instance);
      if (--this.#busy === 0) this.#onIdle();
    }
  }

  async #do(
    message: PartitionMessage,
    context: HandlerContext,
    signal: AbortSignal,
  ): Promise<void> {
    const { handlers } = this.#options.parameters;
    const workMs = this.#workMs();
    if (workMs > 0) {
      await sleep(this.#options.world.clock, workMs, handlers.heedless ? undefined : signal);
    }
    if (this.#isPoison(message, context)) throw this.#failure("poison");
    const isUnlucky = context.attempt < this.#options.maxDeliver() &&
      this.#luck.chance(handlers.hiccups);
    const isLate = this.#luck.chance(0.5);
    if (isUnlucky && !isLate) throw this.#failure("a hiccup");
    await this.#write(message, context, signal);
    if (isUnlucky) throw this.#failure("a hiccup after the effect");
  }

  #workMs(): number {
    const { workMinMs, workMaxMs, handlers } = this.#options.parameters;
    const isLingering = this.#labour.chance(handlers.lingers);
    const usualMs = this.#labour.between(workMinMs, workMaxMs);
    return isLingering ? handlers.lingerMs : usualMs;
  }

  #isPoison(
    { data, streamSequence }: PartitionMessage,
    { partitionId }: HandlerContext,
  ): boolean {
    const { parameters: { handlers }, observer } = this.#options;
    if (handlers.poison === 0) return false;
    const number = Number(decodeJsonObject(data)?.["n"]);
    if (this.#poison.floatAt(number) >= handlers.poison) return false;
    observer.messages.poisonous(partitionId, streamSequence);
    return true;
  }

  #failure(why: string): Error {
    this.#options.simulation.assertions.reachable("a handler failed");
    return new Error(why);
  }

  async #write(
    { streamSequence, data }: PartitionMessage,
    context: HandlerContext,
    signal: AbortSignal,
  ): Promise<void> {
    const { simulation: { assertions }, world } = this.#options;
    while (!signal.aborted) {
      try {
        const outcome = await this.#output.write(context, streamSequence, data);
        if (outcome === "already") assertions.reachable("an effect was there already");
        return;
      } catch (error) {
        if (isPartiError(error, "PARTI_FENCED")) throw error;
        await sleep(world.clock, EFFECT_RETRY_MS, signal);
      }
    }
  }

  /** It has lost its right and gone on all the same. The worst it could do is to write what its successor has not written yet. */
  async #outlive(context: HandlerContext, data: Uint8Array): Promise<void> {
    const { simulation: { assertions }, observer: { messages }, parameters, world } = this.#options;
    if (!parameters.handlers.heedless) return;
    assertions.reachable("a handler outlived its right");
    for (let looks = 0; looks < ZOMBIE_LOOKS; looks++) {
      const sequence = messages.forbidden(context);
      if (sequence !== undefined) return await this.#trespass(context, sequence, data);
      await sleep(world.clock, ZOMBIE_LOOK_MS);
    }
  }

  async #trespass(context: HandlerContext, sequence: number, data: Uint8Array): Promise<void> {
    try {
      await this.#output.write(context, sequence, data);
    } catch (error) {
      if (!isPartiError(error, "PARTI_FENCED")) return;
      this.#options.simulation.assertions.reachable("a zombie was fenced");
    }
  }
}
