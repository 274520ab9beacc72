/**
 * For tests: streams and consumers of the model on a manual clock, and pullers at the server. Holds no test.
 *
 * @module
 */
import type { ConsumerConfig } from "../../ports/feed.ts";
import { ManualClock } from "../../test_support/manual_clock.ts";
import { type Delivery, type PullAsk, PullInbox } from "./pull_model.ts";
import { TestSession } from "./simulate_test.ts";
import { type StreamHost, StreamModel } from "./stream_model.ts";
import { traitsOf } from "./version_traits.ts";

/** The host of streams, as a test has it in hand. */
export interface TestHost extends StreamHost {
  /** The clock everything happens on. */
  readonly clock: ManualClock;
}

/**
 * @param version which nats-server it is like
 * @param changes what is different from a good day
 * @returns a host without jitter and faults
 */
export function hostOf(version = "2.15.1", changes: Partial<StreamHost> = {}): TestHost {
  const clock = new ManualClock();
  return {
    clock,
    traits: traitsOf(version),
    nowMs: () => clock.monotonicMs(),
    wallMs: () => clock.wallMs(),
    schedule: (delayMs, _label, fire) => clock.setTimer(delayMs, fire),
    idleJitterMs: () => 0,
    redeliveryLateMs: () => 0,
    redeliveryEarly: () => undefined,
    chunk: (count) => count,
    ...changes,
  };
}

/**
 * @param host its server
 * @param retention how long it keeps messages
 * @returns a stream over `feed.>`
 */
export function streamOn(
  host: StreamHost,
  retention: "workqueue" | "limits" = "workqueue",
): StreamModel {
  const options = { subjects: ["feed.>"], retention, storage: "file", replicas: 1 } as const;
  return new StreamModel("S", options, host);
}

/**
 * @param name its name
 * @param filterSubjects what it reads
 * @param changes other settings than the usual
 * @returns the configuration of a consumer
 */
export function consumerOf(
  name: string,
  filterSubjects: readonly string[],
  changes: Partial<ConsumerConfig> = {},
): ConsumerConfig {
  return {
    name,
    filterSubjects,
    ackWaitMs: 1_000,
    maxAckPending: 100,
    inactiveThresholdMs: 0,
    metadata: {},
    ...changes,
  };
}

/**
 * Publishes messages to one subject.
 *
 * @param stream the stream
 * @param subject the subject
 * @param count how many
 */
export function publish(stream: StreamModel, subject: string, count = 1): void {
  for (let i = 0; i < count; i++) {
    stream.publish({ subject, data: new Uint8Array(1), headers: {}, options: {} }, "publish");
  }
}

/** A puller at the server, and what it was told. */
export class TestPuller {
  /** Its address. */
  readonly inbox: PullInbox;
  /** Its connection. */
  session = new TestSession();
  /** What was delivered. */
  readonly deliveries: Delivery[] = [];
  /** What else it was told: `expired <token> <left>` or `deleted`. */
  readonly told: string[] = [];
  /** Whether it would ask again at once. */
  renews = false;
  readonly #host: TestHost;
  #token = 0;

  /** @param host the server */
  constructor(host: TestHost) {
    this.#host = host;
    this.inbox = new PullInbox({
      onDeliveries: (deliveries) => void this.deliveries.push(...deliveries),
      onExpired: (token, left) => void this.told.push(`expired ${token} ${left}`),
      onTooLarge: (token, left, leftBytes) =>
        void this.told.push(`too large ${token} ${left} ${leftBytes}`),
      onDeleted: () => void this.told.push("deleted"),
    });
    this.listen();
  }

  /** The stream sequences of what was delivered. */
  get sequences(): number[] {
    return this.deliveries.map(({ message }) => message.sequence);
  }

  /** Listens, on a new connection if the old one has ended. */
  listen(): void {
    if (!this.session.open) this.session = new TestSession();
    this.inbox.listen(this.session, () => this.#host.nowMs());
  }

  /** A request for so many messages, and bytes. */
  ask(batch: number, bytes?: number): PullAsk {
    const token = this.#token++;
    const wouldRenew = (): boolean => this.renews;
    const { inbox } = this;
    return { inbox, token, batch, bytes, expiresMs: 30_000, heartbeatMs: 5_000, wouldRenew };
  }
}
