/**
 * For tests: a feed whose deliveries the test makes by hand. Holds no test.
 *
 * @module
 */
import type { PartiError } from "../errors.ts";
import type { FeedMessage, FeedStore, Pull, PullHandler } from "../ports/feed.ts";
import { Lane, type LaneEnd } from "./lanes/lane.ts";
import { Hold } from "./dispatch/hold.ts";
import { Slot, type Taken } from "./dispatch/slot.ts";

/** A delivery that notes what is said about it. */
export class FakeMessage implements FeedMessage {
  readonly subject: string;
  data = new Uint8Array();
  headers: Readonly<Record<string, string>> = {};
  readonly streamSequence: number;
  readonly deliverySequence: number;
  readonly deliveryCount: number;
  readonly storedAtMs: number;
  readonly pending = 0;
  acks = 0;
  workings = 0;
  confirms = 0;
  readonly ackHandle = this;
  /** What the confirmation waits for or fails with. */
  confirmation: () => Promise<void> = () => Promise.resolve();

  constructor(
    partition: string,
    streamSequence: number,
    deliverySequence = 1,
    deliveryCount = 1,
    storedAtMs = 0,
  ) {
    this.subject = `feed.${partition}`;
    this.streamSequence = streamSequence;
    this.deliverySequence = deliverySequence;
    this.deliveryCount = deliveryCount;
    this.storedAtMs = storedAtMs;
  }

  header(name: string): string | undefined {
    return this.headers[name];
  }
  ack(): void {
    this.acks++;
  }
  ackConfirmed(): Promise<void> {
    this.confirms++;
    return this.confirmation();
  }
  working(): void {
    this.workings++;
  }
}

/** A pull that notes what it is asked for. */
export class FakePull implements Pull {
  readonly handler: PullHandler;
  outstanding = 0;
  wanted = 0;
  wantedBytes = 0;
  closed = false;

  constructor(handler: PullHandler) {
    this.handler = handler;
  }

  request(count: number, bytes = Infinity): void {
    this.wanted = count;
    this.wantedBytes = bytes;
  }
  close(): void {
    this.closed = true;
  }

  /** A message arrives, if it was asked for. */
  deliver(message: FeedMessage): boolean {
    if (this.wanted <= 0) return false;
    this.wanted--;
    this.handler.onMessage(message);
    return true;
  }
}

const RIGHT = { epoch: 1, generation: 1 };

/** Slots by name. */
export function slots(...ids: string[]): Slot[] {
  return ids.map((id) => new Slot({ keys: [id] }, id, `feed.${id}`, "feed", new Hold(RIGHT)));
}

/** A lane over a fake pull. */
export function fakeLane(
  fed: readonly Slot[],
  name = "lane",
): {
  lane: Lane;
  pull: FakePull;
  taken: { id: string; sequence: number; taken: Taken }[];
  ends: { reason: LaneEnd; detail: string }[];
  refusals: PartiError[];
} {
  const taken: { id: string; sequence: number; taken: Taken }[] = [];
  const ends: { reason: LaneEnd; detail: string }[] = [];
  const refusals: PartiError[] = [];
  let pull: FakePull | undefined;
  const feed: Pick<FeedStore, "pull"> = {
    pull: (_stream, _consumer, handler) => pull = new FakePull(handler),
  };
  const lane = new Lane({
    feed,
    stream: "feed",
    config: {
      name,
      filterSubjects: fed.map((slot) => slot.subject),
      ackWaitMs: 30_000,
      maxAckPending: 100,
      inactiveThresholdMs: 60_000,
      metadata: {},
    },
    slots: fed,
    operationTimeoutMs: 100,
    openedAtMs: 0,
    onTaken: (slot, message, what) =>
      taken.push({ id: slot.id, sequence: message.streamSequence, taken: what }),
    onEnd: (_lane, reason, detail) => ends.push({ reason, detail }),
    onRefused: (refusal) => refusals.push(refusal),
  });
  for (const slot of fed) slot.lane = lane;
  lane.setLimit(8, 1_000);
  return { lane, pull: pull!, taken, ends, refusals };
}
