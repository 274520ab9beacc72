/**
 * What can go wrong between a client and the simulated server beyond what a connection does by itself. Everything is off unless it is
 * switched on: a simulation without faults behaves as nats-server does on a good day.
 *
 * @module
 */
import type { Draws } from "../draw.ts";

/** Faults of buckets. Each is a probability from 0 to 1, except where it says otherwise. */
export interface KvFaults {
  /** A request is lost before it arrives: nothing is done, and the client learns only that time is up. */
  readonly requestLost: number;
  /** A write is carried out and its answer is lost: the client learns only that time is up. */
  readonly ackLost: number;
  /** An answer, to a read or a write, sets out late. */
  readonly answerLate: number;
  /** By how much at most, in milliseconds. */
  readonly answerLateMs: number;
  /** A read finds an earlier state of its key, as one through a replica that lags does. */
  readonly staleRead: number;
  /** A watch that has something to report stands still instead; what is overwritten meanwhile is never reported. */
  readonly watchStall: number;
  /** The longest such standstill, in milliseconds. */
  readonly watchStallMs: number;
  /** A watch that has something to report ends instead, and its handler is told that it is lost. */
  readonly watchReset: number;
}

/** Faults of core messaging, each a probability from 0 to 1. */
export interface MessagingFaults {
  /** A notice, a request or an answer is lost on its way from the server to a client. */
  readonly noticeLost: number;
}

/** Faults of streams and consumers. Each is a probability from 0 to 1, except where it says otherwise. */
export interface FeedFaults {
  /** A call or a publication is lost before it arrives: nothing is done, and the client learns only that time is up. */
  readonly requestLost: number;
  /** A publication is stored and the stream's word is lost: the client learns only that time is up. */
  readonly publishAckLost: number;
  /** A consumer is made, shrunk or deleted and the answer is lost: the client learns only that time is up. */
  readonly answerLost: number;
  /** A pull request is lost before it arrives: the pull notices that it hears nothing. */
  readonly pullLost: number;
  /** A list of consumers is out of date. Only the faults of all links count here, as they are kept for all. */
  readonly listStale: number;
  /** By how much at most, in milliseconds. */
  readonly listStaleMs: number;
  /** The server takes an ack late: after calls that were sent behind it, and never before acks that were sent ahead of it. */
  readonly ackLate: number;
  /** By how much at most, in milliseconds. */
  readonly ackLateMs: number;
  /** A message is delivered again before its ack wait is over. Only the faults of all links count here. */
  readonly redeliveredEarly: number;
  /** How much longer than an ack wait a message may wait for its redelivery, in milliseconds. Only the faults of all links count here. */
  readonly redeliveryLateMs: number;
}

/** All faults. */
export interface NatsFaults {
  /** Those of buckets. */
  readonly kv: KvFaults;
  /** Those of core messaging. */
  readonly messaging: MessagingFaults;
  /** Those of streams and consumers. */
  readonly feed: FeedFaults;
}

/** The faults of a part that strike by chance: all but those that are durations. */
export type Chances<Part> = Exclude<keyof Part & string, `${string}Ms`>;

/** What can strike, by its part and its own name. A redelivery that is late has no probability: it always is, by what its time says. */
export type FaultName =
  | `kv.${Chances<KvFaults>}`
  | `messaging.${Chances<MessagingFaults>}`
  | `feed.${Chances<FeedFaults> | "redeliveryLateMs"}`;

/** All that can strike. A name that is missing here is one that the compiler misses. */
const NAMES: Readonly<Record<FaultName, true>> = {
  "kv.requestLost": true,
  "kv.ackLost": true,
  "kv.answerLate": true,
  "kv.staleRead": true,
  "kv.watchStall": true,
  "kv.watchReset": true,
  "messaging.noticeLost": true,
  "feed.requestLost": true,
  "feed.publishAckLost": true,
  "feed.answerLost": true,
  "feed.pullLost": true,
  "feed.listStale": true,
  "feed.ackLate": true,
  "feed.redeliveredEarly": true,
  "feed.redeliveryLateMs": true,
};

/** All that can strike, in the order of the parts. */
export const FAULT_NAMES = Object.keys(NAMES) as readonly FaultName[];

/** A good day: nothing goes wrong by itself. */
export const NO_FAULTS: NatsFaults = {
  kv: {
    requestLost: 0,
    ackLost: 0,
    answerLate: 0,
    answerLateMs: 0,
    staleRead: 0,
    watchStall: 0,
    watchStallMs: 0,
    watchReset: 0,
  },
  messaging: { noticeLost: 0 },
  feed: {
    requestLost: 0,
    publishAckLost: 0,
    answerLost: 0,
    pullLost: 0,
    listStale: 0,
    listStaleMs: 0,
    ackLate: 0,
    ackLateMs: 0,
    redeliveredEarly: 0,
    redeliveryLateMs: 0,
  },
};

/** The most that {@linkcode drawFaults} gives. */
const MOST: NatsFaults = {
  kv: {
    requestLost: 0.05,
    ackLost: 0.1,
    answerLate: 0.1,
    answerLateMs: 1_500,
    staleRead: 0.3,
    watchStall: 0.05,
    watchStallMs: 8_000,
    watchReset: 0.02,
  },
  messaging: { noticeLost: 0.2 },
  feed: {
    requestLost: 0.2,
    publishAckLost: 0.1,
    answerLost: 0.2,
    pullLost: 0.02,
    listStale: 0.3,
    listStaleMs: 5_000,
    ackLate: 0.2,
    ackLateMs: 50,
    redeliveredEarly: 0.02,
    redeliveryLateMs: 2_000,
  },
};

/**
 * Draws which faults a run has and how often each strikes. Each is on in one run of two: with all of them on all the time, one would hide
 * what another would find.
 *
 * @param draws where the numbers come from
 * @returns the faults
 */
export function drawFaults(draws: Draws): NatsFaults {
  const some = (most: number): number => {
    const isOn = draws.chance(0.5);
    const share = draws.float();
    return isOn ? most * share : 0;
  };
  return {
    kv: {
      requestLost: some(MOST.kv.requestLost),
      ackLost: some(MOST.kv.ackLost),
      answerLate: some(MOST.kv.answerLate),
      answerLateMs: draws.between(0, MOST.kv.answerLateMs),
      staleRead: some(MOST.kv.staleRead),
      watchStall: some(MOST.kv.watchStall),
      watchStallMs: draws.between(0, MOST.kv.watchStallMs),
      watchReset: some(MOST.kv.watchReset),
    },
    messaging: { noticeLost: some(MOST.messaging.noticeLost) },
    feed: {
      requestLost: some(MOST.feed.requestLost),
      publishAckLost: some(MOST.feed.publishAckLost),
      answerLost: some(MOST.feed.answerLost),
      pullLost: some(MOST.feed.pullLost),
      listStale: some(MOST.feed.listStale),
      listStaleMs: draws.between(0, MOST.feed.listStaleMs),
      ackLate: some(MOST.feed.ackLate),
      ackLateMs: draws.between(0, MOST.feed.ackLateMs),
      redeliveredEarly: some(MOST.feed.redeliveredEarly),
      redeliveryLateMs: some(MOST.feed.redeliveryLateMs),
    },
  };
}

/** The faults of each part that are on, with their probabilities and durations. Parts and faults that are left out are off. */
export type StrikingFaults = {
  readonly [Part in keyof NatsFaults]?: { readonly [key: string]: number };
};

/**
 * Leaves out what is off: what a plan says of faults is to be read by people.
 *
 * @param faults the faults
 * @returns those that are on
 */
export function strikingFaults(faults: NatsFaults): StrikingFaults {
  const parts = Object.entries(faults).map(([part, values]) => {
    const on = Object.entries(values as Record<string, number>).filter(([, value]) => value > 0);
    return [part, Object.fromEntries(on)] as const;
  });
  return Object.fromEntries(parts.filter(([, on]) => Object.keys(on).length > 0));
}

/**
 * The opposite of {@linkcode strikingFaults}.
 *
 * @param striking the faults that are on; names are not checked
 * @returns all faults
 */
export function allFaults(striking: StrikingFaults): NatsFaults {
  return {
    kv: { ...NO_FAULTS.kv, ...striking.kv },
    messaging: { ...NO_FAULTS.messaging, ...striking.messaging },
    feed: { ...NO_FAULTS.feed, ...striking.feed },
  };
}
