/**
 * Bugs at the top of `lib`: a worker's sessions, hooks and effects.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

/** The bugs. */
export const workerMutants: readonly Mutant[] = [
  {
    name: "output-not-fenced",
    about:
      "An effect is written whatever was written before: a zombie's comes after its successor's.",
    file: "lib/effects/effects.ts",
    find: "expectedLastSubjectSequence: tail.outputSequence,",
    replace: "",
  },
  {
    name: "output-repeats",
    about: "An effect that is in the stream already is written again.",
    file: "lib/effects/effects.ts",
    find: "if (tail.inputSequence >= inputSequence) {",
    replace: "if (tail.inputSequence > inputSequence) {",
  },
  {
    name: "older-owner-writes",
    about: "Who reads that somebody newer has written writes all the same.",
    file: "lib/effects/effects.ts",
    find: "if ((tail.epoch - token.epoch || tail.generation - token.generation) > 0) {",
    replace: "if (tail.epoch > Infinity) {",
  },
  {
    name: "acting-without-lease",
    about: "A session may act for as long as it has not heard that its lease is gone.",
    file: "lib/session/right.ts",
    find: "return !signal.aborted && (lease()?.valid ?? false);",
    replace: "return !signal.aborted && lease() !== undefined;",
  },
  {
    name: "lost-and-gone-on",
    about: "A session whose lease is lost goes on beside its successor.",
    file: "lib/session/session.ts",
    find:
      "    this.#end.abort();\n    this.#lease?.abandon();\n    this.#consumer?.fence(reason);\n",
    replace: "",
  },
  {
    name: "left-without-release",
    about: "A leaver gives back its lease before its lanes are released.",
    file: "lib/session/hand_over.ts",
    find: "await applier.letGo();",
    replace: "void applier.letGo();",
  },
  {
    name: "same-instance-again",
    about: "After a lost lease a worker comes back as the instance it was.",
    file: "lib/manager/lives.ts",
    find: "const instance = world.random.uuid();",
    replace: "const instance = [...this.#former].at(-1) ?? world.random.uuid();",
  },
  {
    name: "rejoin-gives-up",
    about: "A worker whose first try to come back fails stays out.",
    file: "lib/manager/lives.ts",
    find: "        events.onError(error);\n        // Losing",
    replace: "        events.onError(error);\n        return;\n        // Losing",
  },
  {
    name: "gate-open",
    about: "Handlers begin while the connection is away, when others may have taken over.",
    file: "lib/session/right.ts",
    find: "return this.#gate.pass(signal);",
    replace: "return void signal;",
  },
  {
    name: "gate-without-proof",
    about: "After a reconnect handlers begin before a renewal has proven the lease.",
    file: "lib/session/connection_gate.ts",
    find: "const isProven = await confirm();",
    replace: "const isProven = confirm !== undefined;",
  },
  {
    name: "gate-by-an-old-proof",
    about: "A proof from before the connection went again opens the gate while it is away.",
    file: "lib/session/connection_gate.ts",
    find: "if (isMoot()) return;",
    replace: "",
  },
  {
    name: "gate-without-lanes",
    about:
      "After a reconnect handlers begin before it is known whether the lanes, which are the locks, are still there.",
    file: "lib/session/right.ts",
    find: "await consumer()?.reconnected();",
    replace: "void consumer;",
  },
  {
    name: "gate-stays-shut",
    about: "The gate is not tried again after a renewal that proved nothing.",
    file: "lib/session/connection_gate.ts",
    find: "await sleep(clock, CONFIRM_AGAIN_MS, signal);",
    replace: "return;",
  },
  {
    name: "not-interrupted",
    about: "Handlers run on for as long as the connection is away, and others begin beside them.",
    file: "lib/session/connection_gate.ts",
    find: "if (!signal.aborted) this.#grace ??= clock.setTimer(graceMs, onAway);",
    replace: "void clock, graceMs, onAway, signal;",
  },
  {
    name: "applied-before-held",
    about: "A generation is acknowledged before the worker holds what it gives.",
    file: "lib/session/assignment_applier.ts",
    find: "await consumer()?.settled();",
    replace: "void consumer;",
  },
  {
    name: "degraded-for-ever",
    about: "Degraded mode does not end when the connection is back.",
    file: "lib/manager/degraded.ts",
    find: `behavior.recoveryGracePeriodMs;
    }
    this.#leaveLater();`,
    replace: `behavior.recoveryGracePeriodMs;
    }`,
  },
  {
    name: "deposed-and-leading",
    about: "Whoever is deposed goes on with the leader's work.",
    file: "lib/session/candidate.ts",
    find: "onDeposed: (reason) => void (current() && this.#leaveOffice(reason)),",
    replace: "onDeposed: () => {},",
  },
  {
    name: "start-breaks-an-invariant",
    about:
      "A worker cannot start now and then since it has miscounted something, and is started again.",
    file: "lib/manager/manager.ts",
    find: "      this.#listen();\n      await this.#lives.begin(signal);\n",
    replace:
      '      this.#listen();\n      if (this.#options.world.random.float() < 0.2) throw new PartiError("PARTI_INVARIANT", "planted");\n      await this.#lives.begin(signal);\n',
  },
];
