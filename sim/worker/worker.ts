/**
 * The worker's handler and its reports: decodes a message, works for a while, writes the effect through the fence, and tells
 * the coordinator about each call.
 *
 * @module
 */
import { isPartiError, OUTAGE_CODES, PartiError } from "../../lib/errors.ts";
import { sleep } from "../../lib/ports/clock.ts";
import type { World } from "../../lib/ports/world.ts";
import { type FaultKind, shownSequence, strikes } from "../fault/fault.ts";
import type { Delivery } from "../ledger/ledger.ts";
import { Seeded } from "../seed/seeded.ts";
import { type EffectPayload, encodeEffect } from "../streams/effect.ts";
import { decodeMessage, nowUs, type SimMessage } from "../streams/message.ts";
import { pastFenceSubject } from "../streams/topology.ts";
import type { Reporter } from "../wire/reporter.ts";
import { begunSubject, type ChildSpec, fromBytes, intruderSubject, toBytes } from "../wire/wire.ts";
import type { GroupMember, GroupMessage } from "./group_member.ts";

const STATUS_INTERVAL_MS = 1_000;
/** So many times as long handlers take in a worker that is told to be slow, and at least {@linkcode SLOW_MIN_MS}. */
const SLOW_FACTOR = 20;
const SLOW_MIN_MS = 50;
const INTRUDER_TIMEOUT_MS = 5_000;
const INTRUDER_WORK_MS = 20;
const RETRY_DELAY_MS = 200;

/** A worker of the simulation. */
export class SimWorker {
  readonly #spec: ChildSpec;
  readonly #world: World;
  readonly #member: GroupMember;
  readonly #reporter: Reporter;
  readonly #stopped = new AbortController();
  #statusUnderWay = false;
  #slow = false;

  /**
   * @param spec who and where
   * @param world the worker's world
   * @param member its membership, not started
   * @param reporter where reports go
   */
  constructor(spec: ChildSpec, world: World, member: GroupMember, reporter: Reporter) {
    this.#spec = spec;
    this.#world = world;
    this.#member = member;
    this.#reporter = reporter;
  }

  /** Joins the group and works. */
  async start(): Promise<void> {
    this.#beIntruder();
    void this.#reportStatusNowAndThen();
    await this.#member.start((message) => this.handle(message));
    this.reportStatus();
  }

  /** Leaves the group and sees all reports answered. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#member.stop();
    this.reportStatus();
    await this.#reporter.flush();
  }

  /** From now on handlers take much longer, or as long as they should. */
  setSlow(slow: boolean): void {
    this.#slow = slow;
  }

  /**
   * Handles one message.
   *
   * @param message the message
   */
  async handle(message: GroupMessage): Promise<void> {
    const startUs = nowUs();
    const content = decodeMessage(message.data);
    if (content.partitionId !== message.partition) {
      throw new PartiError(
        "PARTI_INVARIANT",
        `a message of partition ${content.partitionId} came as one of ${message.partition}`,
        { value: content },
      );
    }
    const right = watchRight(message.signal);
    await this.#reporter.room();
    this.#sayBegun(message, content, startUs);
    let outcome: Delivery["outcome"] = "failed";
    try {
      await this.#work(content, message.signal);
      this.#failOnPurpose(content);
      outcome = await this.#effect(message, content, startUs);
    } finally {
      this.#report(message, { ...this.#shown(content), startUs, outcome, ...right() });
    }
  }

  #failOnPurpose({ poisoned, partitionId, partitionSequence }: SimMessage): void {
    if (poisoned) throw new Error("poisoned on purpose");
    const { fault } = this.#spec;
    if (strikes(fault, "give-up", partitionId, partitionSequence)) throw new Error("planted");
  }

  /** As which message the handler is reported. */
  #shown({ partitionId: partition, partitionSequence }: SimMessage) {
    const { fault } = this.#spec;
    const sequence = shownSequence(fault, "reorder-starts", partition, partitionSequence);
    return { partition, sequence };
  }

  #sayBegun({ instance }: GroupMessage, content: SimMessage, startUs: number): void {
    const { runId, process } = this.#spec;
    const { partition, sequence } = this.#shown(content);
    const data = toBytes([instance, partition, sequence, startUs]);
    this.#world.messaging.publish(begunSubject(runId, process), data);
  }

  /** The time a message takes follows from the seed: a run that is repeated works as long. */
  #work({ partitionId, partitionSequence }: SimMessage, signal: AbortSignal): Promise<void> {
    const { min, max } = this.#spec.config.workers.processing_delay;
    const seeded = new Seeded(this.#spec.seed, "delay", partitionId);
    const delayMs = seeded.durationMs(partitionSequence, { minMs: min, maxMs: max });
    const slowMs = Math.max(SLOW_MIN_MS, SLOW_FACTOR * delayMs);
    return sleep(this.#world.clock, this.#slow ? slowMs : delayMs, signal);
  }

  async #effect(
    message: GroupMessage,
    content: SimMessage,
    startUs: number,
  ): Promise<"written" | "already"> {
    const { fault, runId, name } = this.#spec;
    const { partitionId, partitionSequence } = content;
    const hit = (kind: FaultKind) => strikes(fault, kind, partitionId, partitionSequence);
    if (hit("lose")) return "written";
    const payload = this.#payload(message, content, startUs);
    if (hit("overlap") || hit("overlap-fenced")) {
      const other = name === "worker-0" ? "worker-1" : "worker-0";
      const subject = intruderSubject(runId, other);
      await this.#world.messaging.request(subject, toBytes(payload), INTRUDER_TIMEOUT_MS);
      if (hit("overlap")) return "written";
    }
    if (hit("overlap-within")) await this.#handleTwice(message, content);
    const outcome = await this.#write(message, encodeEffect(payload));
    if (hit("duplicate") && outcome === "written") await this.#writePastFence(payload);
    return outcome;
  }

  /** While the server is away the effect waits: it is not the message's fault, so its tries must not be used up. */
  async #write(message: GroupMessage, data: Uint8Array): Promise<"written" | "already"> {
    for (;;) {
      try {
        return await message.effect(data);
      } catch (error) {
        const away = isPartiError(error, ...OUTAGE_CODES);
        if (!away || message.signal.aborted) throw error;
        await sleep(this.#world.clock, RETRY_DELAY_MS, message.signal);
      }
    }
  }

  #payload(message: GroupMessage, content: SimMessage, startUs: number): EffectPayload {
    const { partitionId, partitionSequence, timestampUs } = content;
    return {
      partition: partitionId,
      sequence: shownSequence(this.#spec.fault, "reorder", partitionId, partitionSequence),
      publishedUs: timestampUs,
      availableUs: Math.round(message.storedAtMs * 1_000),
      acquiredUs: message.acquiredUs ?? 0,
      startUs,
      process: this.#spec.process,
      instance: message.instance,
      epoch: message.epoch,
      generation: message.generation,
      streamSequence: message.streamSequence,
      deliveryCount: message.deliveryCount,
    };
  }

  /** Handles another worker's message, while that one does. Only for the planted faults. */
  #beIntruder(): void {
    const { runId, name, process, fault } = this.#spec;
    if (fault?.kind !== "overlap" && fault?.kind !== "overlap-fenced") return;
    this.#world.messaging.subscribe(intruderSubject(runId, name), async (notice) => {
      const stolen = fromBytes<EffectPayload>(notice.data);
      const { instance } = this.#member.status();
      const startUs = nowUs();
      if (fault.kind === "overlap") {
        await this.#writePastFence({ ...stolen, process, instance, startUs });
      } else {
        // As if the fence had refused its effect: only the two handlers' times show that both were at it.
        await sleep(this.#world.clock, INTRUDER_WORK_MS);
        this.#report({ ...stolen, instance }, { ...stolen, startUs, outcome: "failed" });
      }
      notice.respond(toBytes("done"));
    });
  }

  /** A second handler of a message that is being handled. Only for the planted fault. */
  async #handleTwice(message: GroupMessage, content: SimMessage): Promise<void> {
    const startUs = nowUs();
    this.#sayBegun(message, content, startUs);
    await sleep(this.#world.clock, INTRUDER_WORK_MS);
    this.#report(message, { ...this.#shown(content), startUs, outcome: "failed" });
  }

  async #writePastFence(payload: EffectPayload): Promise<void> {
    const subject = pastFenceSubject(this.#spec.topology, payload.partition);
    await this.#world.feed.publish(subject, encodeEffect(payload));
  }

  #report(
    message: Pick<
      GroupMessage,
      "instance" | "epoch" | "generation" | "streamSequence" | "deliveryCount"
    >,
    handled: Pick<Delivery, "partition" | "sequence" | "startUs" | "outcome" | "rightEndedUs">,
  ): void {
    const { instance, epoch, generation, streamSequence, deliveryCount } = message;
    const { partition, sequence, startUs, outcome, rightEndedUs } = handled;
    const { process } = this.#spec;
    this.#reporter.add({
      kind: "delivered",
      delivery: {
        ...{ partition, sequence, process, instance, epoch, generation },
        ...{ streamSequence, deliveryCount, startUs, endUs: nowUs(), outcome },
        ...(rightEndedUs === undefined ? {} : { rightEndedUs }),
      },
    });
  }

  /** Tells the coordinator what this worker is doing. Of a burst of changes the last state is what counts. */
  reportStatus(): void {
    if (this.#statusUnderWay) return;
    this.#statusUnderWay = true;
    queueMicrotask(() => {
      this.#statusUnderWay = false;
      this.#reporter.add({ kind: "status", status: this.#member.status(), atUs: nowUs() }, "now");
    });
  }

  async #reportStatusNowAndThen(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.reportStatus();
      await sleep(this.#world.clock, STATUS_INTERVAL_MS, this.#stopped.signal);
    }
  }
}

/** Notes when the right to handle ends. The returned function tells it, and ends the watch. */
function watchRight(signal: AbortSignal): () => { rightEndedUs?: number } {
  let endedUs = signal.aborted ? nowUs() : undefined;
  const onEnd = () => endedUs = nowUs();
  signal.addEventListener("abort", onEnd);
  return () => {
    signal.removeEventListener("abort", onEnd);
    return endedUs === undefined ? {} : { rightEndedUs: endedUs };
  };
}
