/**
 * What simulations execute of the model of nats-server although its contract cannot: faults that no real server shows when it is told to,
 * and what is only there for a simulation's own eyes.
 *
 * @module
 */
import type { Excuse } from "./dst_closure_compare.ts";

const LOST = "Something is lost on a connection that lives on, which TCP does not do.";
const LATE_ACK = "A server takes an ack late only under load of its own.";
const EARLY = "A server repeats a message before its time only when its leader changes.";
const OLD_LIST = "Only a server that lags lists consumers as they were.";
const STALE_READ = "Only a replica that lags reads what was.";
const STALLED = "No server can be told to let a watch stand still or end.";
const PARTITION =
  "A network that keeps everything back and tells nobody is not to be had on one machine.";
const OBSERVER = "No client sees this: a simulation's observer looks into the model.";
const KILLED =
  "A contract lives in the process that would have to be killed; what a server sees of it, a closed socket, it sees of a close.";
const TWICE =
  "Plans of simulations do to a server what was done to it already; a contract does not.";

const folder = "lib/dst/nats";

/** All of them. */
export const excuses: readonly Excuse[] = [
  { file: `${folder}/faults.ts`, why: "It says which faults a simulation has." },
  { file: `${folder}/fault_board.ts`, why: "It switches faults on, and a contract has none." },
  {
    file: `${folder}/list_history.ts`,
    why: OLD_LIST,
  },
  {
    file: `${folder}/sim_feed.ts`,
    line:
      "return this.#model.listConsumers(stream, isStale ? draws.between(0, listStaleMs) : 0, what);",
    why: OLD_LIST,
  },
  {
    file: `${folder}/streams_model.ts`,
    line: "return this.#histories.get(found)?.asOf(list, this.#server.nowMs - ageMs) ?? list;",
    why: OLD_LIST,
  },
  {
    file: `${folder}/streams_model.ts`,
    line: "const kept = history ?? new ListHistory();",
    why: OLD_LIST,
  },
  {
    file: `${folder}/streams_model.ts`,
    line: "if (history === undefined) this.#histories.set(stream, kept);",
    why: OLD_LIST,
  },

  {
    file: `${folder}/bucket_model.ts`,
    line: 'if (isMarker || operation === "removed") continue;',
    why: OBSERVER,
  },
  {
    file: `${folder}/bucket_model.ts`,
    line: "for (const follower of [...this.#followers]) follower.expired?.(key);",
    why: OBSERVER,
  },
  {
    file: `${folder}/kv_wire.ts`,
    line: `if (this.#strikes("kv.requestLost", this.#faults.requestLost)) return;`,
    why: LOST,
  },
  {
    file: `${folder}/sim_feed.ts`,
    line: `if (this.#faults.strikes(this.#link, "feed.requestLost", faults.requestLost)) return;`,
    why: LOST,
  },
  {
    file: `${folder}/sim_pull.ts`,
    line: `if (this.#faults.strikes(this.#link, "feed.pullLost", pullLost)) {`,
    why: LOST,
  },
  {
    file: `${folder}/sim_pull.ts`,
    line: "if (this.#hasLost) this.#watch.look();",
    why: LOST,
  },

  { file: `${folder}/ack_queue.ts`, line: "const nowMs = this.#host.nowMs();", why: LATE_ACK },
  {
    file: `${folder}/sim_message.ts`,
    line: `return board.drawsOf(this.#link, "ack lateness").between(0, ackLateMs);`,
    why: LATE_ACK,
  },
  { file: `${folder}/consumer_model.ts`, line: "if (this.#deleted) return;", why: LATE_ACK },
  { file: `${folder}/consumer_model.ts`, line: "if (this.#deleted) return false;", why: LATE_ACK },
  {
    file: `${folder}/streams_model.ts`,
    line: "return strikes ? late.between(0, redeliveryLateMs) : 0;",
    why: "A server repeats a message late only under load of its own.",
  },

  {
    file: `${folder}/streams_model.ts`,
    line: "const isNow = redeliveredEarly > 0 && early.chance(redeliveredEarly);",
    why: EARLY,
  },
  {
    file: `${folder}/streams_model.ts`,
    line: `return this.#faults.noted("feed.redeliveredEarly", isNow) ? early.float() : undefined;`,
    why: EARLY,
  },

  {
    file: `${folder}/consumer_model.ts`,
    line: `this.#host.schedule(this.#config.ackWaitMs * part, "early redelivery", () => {`,
    why: EARLY,
  },
  { file: `${folder}/unacked.ts`, line: "expireNow(sequence: number): void {", why: EARLY },

  {
    file: `${folder}/bucket_model.ts`,
    line: "earlier(key: string): readonly (KvEntry | undefined)[] {",
    why: STALE_READ,
  },
  {
    file: `${folder}/kv_wire.ts`,
    line: `return this.#board.drawsOf(this.link, "stale state").pick(bucket.earlier(key));`,
    why: STALE_READ,
  },

  {
    file: `${folder}/bucket_reader.ts`,
    line: "if (entries.length > 0 && this.#isFaulty()) return;",
    why: STALLED,
  },
  {
    file: `${folder}/bucket_reader.ts`,
    line: "if (faults.isReset()) {",
    why: STALLED,
  },
  {
    file: `${folder}/bucket_reader.ts`,
    line: `this.#server.schedule(stallMs, "kv watch goes on", () => {`,
    why: STALLED,
  },
  {
    file: `${folder}/kv_wire.ts`,
    line: `return this.#board.drawsOf(this.link, "stall").between(0, watchStallMs);`,
    why: STALLED,
  },
  { file: `${folder}/sim_kv_watch.ts`, line: "onReset: () => {", why: STALLED },
  {
    file: `${folder}/sim_kv_watch.ts`,
    line: "if (this.#closed) return; // Nobody is left to be told.",
    why: "That a watch is closed in the instant in which its new beginning fails cannot be timed.",
  },

  { file: `${folder}/kv_wire.ts`, line: "if (isAnswerLost()) return;", why: LOST },
  {
    file: `${folder}/kv_wire.ts`,
    line: `const lateMs = this.#board.drawsOf(this.link, "how late").between(`,
    why: "A server answers late only under load of its own.",
  },

  { file: `${folder}/link.ts`, line: "get connectedForMs(): number {", why: OBSERVER },
  {
    file: `${folder}/sim_messaging.ts`,
    line: "onRefused(): Subscription {",
    why: "The model has no permissions, so nothing is ever refused.",
  },

  {
    file: `${folder}/link.ts`,
    line: `block(direction: "both" | "up" | "down" = "both"): void {`,
    why: PARTITION,
  },
  { file: `${folder}/link.ts`, line: "unblock(): void {", why: PARTITION },
  {
    file: `${folder}/link.ts`,
    line: "const staleMs = this.#draws.between(0, STALE_SESSION_MAX_MS);",
    why: PARTITION,
  },
  {
    file: `${folder}/link_session.ts`,
    line: "if (!this.open) return;",
    why:
      "Behind such a network a server ends a connection by itself and then hears that it has ended.",
  },
  { file: `${folder}/link.ts`, line: "owner.onDeath(() => this.#die());", why: KILLED },
  { file: `${folder}/link.ts`, line: "#die(): void {", why: KILLED },

  {
    file: `${folder}/sim_world.ts`,
    line: "buggify: options.buggify?.(link.owner.name) ?? NO_BUGGIFY,",
    why: "It is the library's own code that a simulation makes misbehave, and no server's.",
  },

  { file: `${folder}/server.ts`, line: "if (!this.running) return;", why: TWICE },
  { file: `${folder}/server.ts`, line: "if (this.running) return;", why: TWICE },

  {
    file: `${folder}/core_model.ts`,
    line: "get subscriptionCount(): number {",
    why: OBSERVER,
  },
  { file: `${folder}/kv_model.ts`, line: "get readerCount(): number {", why: OBSERVER },
  {
    file: `${folder}/kv_model.ts`,
    line: "find(name: string): BucketModel | undefined {",
    why: OBSERVER,
  },
  { file: `${folder}/streams_model.ts`, line: "all(): StreamModel[] {", why: OBSERVER },
  {
    file: `${folder}/stream_model.ts`,
    line: "for (const follower of this.#followers) follower(message);",
    why: OBSERVER,
  },
  { file: `${folder}/stream_model.ts`, line: "countOf(subject: string): number {", why: OBSERVER },
  {
    file: `${folder}/stream_model.ts`,
    line:
      "follow(follower: (message: LoggedMessage) => void, ofConsumers?: ConsumerFollower): void {",
    why: OBSERVER,
  },
  {
    file: `${folder}/consumer_table.ts`,
    line: "follow(follower: ConsumerFollower): void {",
    why: OBSERVER,
  },
  {
    file: `${folder}/consumer_table.ts`,
    line: "for (const follower of this.#followers) follower(...change);",
    why: OBSERVER,
  },
];
