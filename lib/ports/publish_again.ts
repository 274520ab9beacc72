/**
 * Publishing that tries again by itself, where that is safe: with the same message ID, or on the same expected sequence. A try whose
 * answer is lost may have been stored; then the stream says "duplicate" to the next one and keeps the first.
 *
 * @module
 */
import { settled } from "../abort.ts";
import {
  describeError,
  isPartiError,
  OUTAGE_CODES,
  PartiError,
  type PartiErrorCode,
} from "../errors.ts";
import { sleep } from "./clock.ts";
import type { FeedStore, PublishAck, PublishOptions } from "./feed.ts";
import { DEFAULT_MAX_WAITING, publishedBytes } from "./publish_limit.ts";
import {
  DEFAULT_MAX_IN_FLIGHT,
  DEFAULT_MAX_IN_FLIGHT_BYTES,
  PublishPlaces,
} from "./publish_places.ts";
import { backoffMs, jitter } from "./random.ts";
import type { World } from "./world.ts";

/** How to try again. */
export interface PublishAgainOptions {
  /**
   * For how long a message is tried again, in milliseconds, from its first try on; no further one begins later. 30,000 unless given: an
   * election, a restart and a reconnect are over by then. It has to be well below the stream's duplicate window, which is two minutes
   * unless the stream says otherwise, with the time that one try takes (`timeoutMs`) on top.
   */
  readonly budgetMs?: number;
  /** The first pause between two tries, in milliseconds; it doubles, and jitter makes it up to half as long; 100 unless given. */
  readonly pauseMs?: number;
  /** The longest pause, in milliseconds; 2,000 unless given. */
  readonly pauseMaxMs?: number;
  /** Whether a full stream is waited for, too, as long as that: until its workers have caught up. Yes unless told otherwise. */
  readonly waitWhenFull?: boolean;
  /** How many publications may be under way at once, those between two tries included; 4,096 unless given. */
  readonly maxInFlight?: number;
  /** How many bytes of them; 4 MiB unless given. The last of them may go beyond it. */
  readonly maxInFlightBytes?: number;
  /** How many more may wait for their turn, before one is refused with `PARTI_OVERLOADED`; 65,536 unless given. */
  readonly maxWaiting?: number;
  /** Ends it early: nothing is published any more, no further try is made, and the last failure is thrown. */
  readonly signal?: AbortSignal;
}

/** Nothing was sent: there were others before it. */
const NOT_SENT: readonly PartiErrorCode[] = ["PARTI_OVERLOADED"];
/** It may have been stored all the same. */
const UNKNOWN: readonly PartiErrorCode[] = ["PARTI_TIMEOUT", "PARTI_UNAVAILABLE"];

/**
 * A publisher that tries again while nobody answers, or the server says that it cannot do it now: during an election in a cluster, a restart
 * of the server, a reconnect; and while the stream is full. Publications without a message ID and without an expected sequence are tried
 * once, since each further try might store the message again. Each try has the same ID, and the same data: who changes that before the
 * outcome is known changes what is stored.
 *
 * Whoever publishes on without waiting for each outcome waits for {@linkcode FeedStore.room} of this publisher, which is there when fewer
 * are under way than may be, those between two tries included, and the connection is. So an outage holds up who publishes instead of
 * piling up what is published.
 *
 * All tries together must be over within the stream's duplicate window. A server that was killed forgets the IDs of messages that were
 * consumed, so of a WorkQueue stream that is killed itself a message may come twice. Where messages of one subject are published
 * without waiting for each outcome, a second try comes behind those that were published meanwhile.
 *
 * ```ts no-assert
 * import { connectNats, natsWorld, publishAgain } from "@parti/parti";
 *
 * async function importOrders(orders: AsyncIterable<{ id: string; data: Uint8Array }>) {
 *   const nc = await connectNats({ servers: "nats://127.0.0.1:4222" });
 *   const publisher = publishAgain(natsWorld(nc));
 *   const outcomes = new Set<Promise<unknown>>();
 *   for await (const { id, data } of orders) {
 *     const room = publisher.room();
 *     if (room !== undefined) await room;
 *     const outcome = publisher.publish("orders.eu", data, { messageId: id })
 *       .catch((error) => console.error(`${id} may be missing`, error))
 *       .finally(() => outcomes.delete(outcome));
 *     outcomes.add(outcome);
 *   }
 *   await Promise.all(outcomes);
 *   await nc.close();
 * }
 * console.log(typeof importOrders);
 * ```
 *
 * @param world where streams are, time and jitter
 * @param options how to try again
 * @returns what publishes; it throws as {@linkcode FeedStore.publish} does, of the last try. Where an earlier one may have been stored, and
 * the last one does not tell, it throws `PARTI_TIMEOUT` with what the last one said as its cause: a guarded publication, for instance, may
 * have been refused because of itself. With as many waiting as may it throws `PARTI_OVERLOADED`, and with the signal fired before its
 * first try `PARTI_ABORTED`; nothing was sent then
 * @throws {PartiError} `PARTI_INVALID_CONFIG` for a budget or a pause below 0, or none that may be under way or wait
 */
export function publishAgain(
  world: Pick<World, "feed" | "clock" | "random">,
  options: PublishAgainOptions = {},
): Pick<FeedStore, "publish" | "room"> {
  const persistent = new PersistentPublisher(world, options);
  return {
    publish: (subject, data, how) => persistent.publish(subject, data, how),
    room: () => persistent.room(),
  };
}

type Settings =
  & Required<Omit<PublishAgainOptions, "signal">>
  & Pick<PublishAgainOptions, "signal">;

/** Its places are as many as the feed's own, so that what it publishes waits here and not there: a try is sent when it begins. */
class PersistentPublisher {
  readonly #world: Pick<World, "feed" | "clock" | "random">;
  readonly #settings: Settings;
  readonly #again: readonly PartiErrorCode[];
  readonly #places: PublishPlaces;
  #feedHasRoom = true;

  constructor(world: Pick<World, "feed" | "clock" | "random">, options: PublishAgainOptions) {
    this.#world = world;
    this.#settings = settingsOf(options);
    const { waitWhenFull, maxInFlight, maxInFlightBytes, maxWaiting } = this.#settings;
    this.#again = [
      ...OUTAGE_CODES,
      ...NOT_SENT,
      ...(waitWhenFull ? ["PARTI_STREAM_FULL"] as const : []),
    ];
    this.#places = new PublishPlaces({
      most: maxInFlight,
      mostBytes: maxInFlightBytes,
      mostWaiting: maxWaiting,
      isOpen: () => this.#feedHasRoom,
    });
  }

  async publish(
    subject: string,
    data: Uint8Array,
    how: PublishOptions = {},
  ): Promise<PublishAck> {
    const { signal } = this.#settings;
    if (signal?.aborted) throw givenUp(subject);
    const bytes = publishedBytes(subject, data, how);
    await this.#places.enter(subject, bytes);
    try {
      if (signal?.aborted) throw givenUp(subject);
      return await this.#persist(subject, data, how);
    } finally {
      this.#places.leave(bytes);
    }
  }

  room(): Promise<void> | undefined {
    if (this.#feedHasRoom && !this.#settings.signal?.aborted) this.#follow(this.#world.feed.room());
    return this.#places.room();
  }

  /** One waits there for all who wait here. */
  #follow(room: Promise<void> | undefined): void {
    if (room === undefined) return;
    this.#feedHasRoom = false;
    const open = (): void => {
      this.#feedHasRoom = true;
      this.#places.opened();
    };
    const { signal } = this.#settings;
    // Where too many wait for it already, that is told to who publishes, and tried again.
    if (signal === undefined) room.then(open, open);
    else void settled(room, signal).then(open);
  }

  async #persist(subject: string, data: Uint8Array, how: PublishOptions): Promise<PublishAck> {
    const { clock, random, feed } = this.#world;
    const { budgetMs, pauseMs: firstMs, pauseMaxMs, signal } = this.#settings;
    const endMs = clock.monotonicMs() + budgetMs;
    let isUnknown = false;
    for (let failures = 0;; failures++) {
      try {
        return await feed.publish(subject, data, how);
      } catch (error) {
        const outcome = isUnknown ? perhapsStored(subject, error) : error;
        if (!isSafe(how) || !isPartiError(error, ...this.#again)) throw outcome;
        isUnknown ||= isPartiError(error, ...UNKNOWN);
        const pauseMs = jitter(random, backoffMs(firstMs, failures, pauseMaxMs));
        if (clock.monotonicMs() + pauseMs >= endMs) throw outcome;
        await sleep(clock, pauseMs, signal);
        if (signal?.aborted) throw outcome;
      }
    }
  }
}

function settingsOf(options: PublishAgainOptions): Settings {
  const settings: Settings = {
    ...{ budgetMs: 30_000, pauseMs: 100, pauseMaxMs: 2_000, waitWhenFull: true },
    maxInFlight: DEFAULT_MAX_IN_FLIGHT,
    maxInFlightBytes: DEFAULT_MAX_IN_FLIGHT_BYTES,
    maxWaiting: DEFAULT_MAX_WAITING,
    ...options,
  };
  const { budgetMs, pauseMs, pauseMaxMs, maxInFlight, maxInFlightBytes, maxWaiting } = settings;
  if (
    !(budgetMs >= 0) || !(pauseMs >= 0) || !(pauseMaxMs >= pauseMs) ||
    ![maxInFlight, maxInFlightBytes, maxWaiting].every((most) => most >= 1)
  ) {
    throw new PartiError("PARTI_INVALID_CONFIG", "publishAgain cannot be configured like this", {
      value: options,
      hint:
        "maxInFlight, maxInFlightBytes and maxWaiting must be at least 1, budgetMs and the pauses at least 0, with pauseMs not above pauseMaxMs",
    });
  }
  return settings;
}

function isSafe(options: PublishOptions): boolean {
  const { messageId, expectedLastSubjectSequence, expectedLastSequence } = options;
  return messageId !== undefined || expectedLastSubjectSequence !== undefined ||
    expectedLastSequence !== undefined;
}

function givenUp(subject: string): PartiError {
  return new PartiError("PARTI_ABORTED", `publish to ${subject}: given up before it was sent`, {
    value: subject,
  });
}

/** What the last try says is true of that one only. */
function perhapsStored(subject: string, last: unknown): unknown {
  if (isPartiError(last, "PARTI_TIMEOUT")) return last;
  return new PartiError(
    "PARTI_TIMEOUT",
    `publish to ${subject}: an earlier try may have been stored, and the last one failed: ${
      describeError(last)
    }`,
    {
      cause: last,
      value: subject,
      hint: "read the last message of the subject and compare, or publish with a message ID",
    },
  );
}
