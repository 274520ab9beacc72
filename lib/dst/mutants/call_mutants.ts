/**
 * Bugs in `lib/bus`: calls. The first four are those of the program this bus is named after.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const BUS = "lib/bus/bus.ts";
const CALLER = "lib/bus/caller.ts";
const PENDING = "lib/bus/pending.ts";

const bugs: readonly Mutant[] = [
  {
    name: "deadline-by-wall-clock",
    about: "How much time a call has left is counted by the machine's own clock.",
    file: CALLER,
    find: "return () => endMs - clock.monotonicMs();",
    replace: "return () => endMs - clock.monotonicMs() + 0 * Date.now();",
  },
  {
    name: "lookout-by-real-polling",
    about: "Whether a receiver is still there is polled by real timers.",
    file: "lib/bus/lookout.ts",
    find: `    this.#timer = world.clock.setTimer(everyMs, () => {
      this.#timer = undefined;
      this.#looking = this.#look().then(() => {
        this.#looking = undefined;
        if (this.#options.isNeeded()) this.wake();
        // Whoever was missing once may have been there since.
        else this.#missing.clear();
      });
    });`,
    replace: `    setTimeout(() => void this.#look(), everyMs);
    world.clock.monotonicMs();`,
  },
  {
    name: "pending-leaked-on-timeout",
    about: "A call that has timed out goes on waiting for its answer.",
    file: PENDING,
    find: `      this.fail(
        id,
        new PartiError("PARTI_TIMEOUT", \`no answer within \${timeoutMs} ms\`, {
          value: timeoutMs,
          hint: "whether it was handled is unknown",
        }),
      );`,
    replace:
      `      reject(new PartiError("PARTI_TIMEOUT", \`no answer within \${timeoutMs} ms\`));`,
  },
  {
    name: "pending-leaked-on-send-error",
    about: "A call that could not be sent goes on waiting for its answer.",
    file: CALLER,
    find: `    send(makeCall).catch((error) => this.#pending.fail(id, notSent(error)));
    return await answer;`,
    replace: `    answer.catch(() => {});
    await send(makeCall).catch((error) => Promise.reject(notSent(error)));
    return await answer;`,
  },
  {
    workload: "bus-4-directory",
    name: "ids-reused-after-restart",
    about: "Two lives of one node number their calls alike.",
    file: "lib/bus/names.ts",
    find: 'return `${node}_${identity.replaceAll("-", "").slice(0, LIFE_LENGTH)}`;',
    replace: "return `${node}_${identity.slice(0, 0)}${LIFE_LENGTH}`;",
  },
  {
    name: "retried-without-a-key",
    about: "A call without a key is tried again like one with a key: it may be handled twice.",
    file: CALLER,
    find: "if (idempotencyKey === undefined) return attempt(timeoutMs);",
    replace: 'if (idempotencyKey === "") return attempt(timeoutMs);',
  },
  {
    name: "call-timer-left-behind",
    about: "The timer of a call that has its answer goes on.",
    file: PENDING,
    find: "    pending.timer.cancel();\n",
    replace: "",
  },
  {
    workload: "bus-3-storm",
    name: "stopped-with-calls-open",
    about: "A bus that stops leaves its calls waiting.",
    file: BUS,
    find:
      '    this.caller.failAll(() => new PartiError("PARTI_STOPPED", "the bus has stopped"));\n    invariant(this.pending === 0, "a stopped bus has a pending call");\n',
    replace: "",
  },
  {
    name: "answer-to-somebody-else",
    about: "An answer settles the call that waits longest, not the one it answers.",
    file: PENDING,
    find: "const pending = this.#take(answer.id);",
    replace: "const pending = this.#take([...this.#pending.keys()][0] ?? answer.id);",
  },
  {
    name: "deadline-by-wall-time",
    about: "How much time a call has left is counted by a clock that jumps.",
    file: CALLER,
    find:
      "    const endMs = clock.monotonicMs() + timeoutMs;\n    return () => endMs - clock.monotonicMs();",
    replace:
      "    const endMs = clock.wallMs() + timeoutMs;\n    return () => endMs - clock.wallMs();",
  },
  {
    workload: "bus-4-directory",
    name: "ids-of-the-node",
    about: "IDs of calls are made from the node's name: two lives of it make the same.",
    file: PENDING,
    find: "const id = `${this.#address}:${++this.#issued}`;",
    replace: 'const id = `${this.#address.split("_")[0]}:${++this.#issued}`;',
  },
  {
    workload: "bus-4-directory",
    name: "lost-told-as-not-sent",
    about: "Whose node loses its lease in the middle of a call is told that nobody has handled it.",
    file: "lib/bus/outcome.ts",
    find: `  "lost": {
    code: "PARTI_MAYBE_DELIVERED",`,
    replace: `  "lost": {
    code: "PARTI_NOT_SENT",`,
  },
  {
    name: "told-and-never-sent",
    about: "What a node is told never leaves, and whoever tells it hears nothing of that.",
    file: "lib/bus/bus.ts",
    find: "    await this.caller.tell(\n      this.outbox.to(subject),",
    replace: "    await this.caller.tell(\n      () => Promise.resolve(),",
  },
  {
    workload: "bus-4-directory",
    name: "told-and-not-sent-on",
    about: "What an actor is told is lost where that has moved.",
    file: "lib/bus/actors/forwarder.ts",
    find: "    const subject = addressSubject(bus.name, address);\n    try {",
    replace:
      '    if (call.kind === "oneway") return;\n    const subject = addressSubject(bus.name, address);\n    try {',
  },
];

/** The bugs. */
export const callMutants: readonly Mutant[] = bugs.map((mutant) => ({
  workload: "bus-2-network",
  ...mutant,
}));
