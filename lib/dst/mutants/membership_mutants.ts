/**
 * Bugs in `lib/membership` and `lib/leadership`: who is alive, and who leads.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

/** The bugs. */
export const membershipMutants: readonly Mutant[] = [
  {
    name: "renewal-by-put",
    about: "A lease is renewed without a compare: a zombie takes back what its successor holds.",
    file: "lib/membership/lease.ts",
    find: "await bucket.update(key, value(), this.#revision);",
    replace: "await bucket.put(key, value());",
  },
  {
    name: "election-renewed-by-put",
    about:
      "Only the leader's key is renewed without a compare: two leaders keep each other's lease.",
    file: "lib/membership/lease.ts",
    find: "await bucket.update(key, value(), this.#revision);",
    replace:
      'await (key === "leader" ? bucket.put(key, value()) : bucket.update(key, value(), this.#revision));',
  },
  {
    name: "lease-counted-from-reply",
    about:
      "A renewal counts from its answer and not from before its request: the holder stops after the others may begin.",
    file: "lib/membership/lease.ts",
    find: "this.#endsAtMs = Math.max(this.#endsAtMs, this.#endOf(sentAtMs));",
    replace: "this.#endsAtMs = this.#endOf(clock.monotonicMs());",
  },
  {
    name: "lease-valid-by-timer",
    about:
      "Validity is what a timer said last, not what the clock says now: after a pause a zombie acts.",
    file: "lib/membership/lease.ts",
    find: 'return this.#state === "held" && !this.#isOver();',
    replace: 'return this.#state === "held";',
  },
  {
    name: "stranger-adopted",
    about:
      "A lost compare is always taken for one's own write: a lease that was taken over goes on.",
    file: "lib/membership/lease.ts",
    find: "if (holder !== instance) return this.#lose(",
    replace: "if (holder === undefined) return this.#lose(",
  },
  {
    name: "lease-not-given-back",
    about: "A lease that is released stays in the bucket until it expires.",
    file: "lib/membership/lease.ts",
    find: `        if (released === undefined) await bucket.remove(key, revision);`,
    replace: "        if (released === undefined) return;",
  },
  {
    name: "stable-id-by-put",
    about: "A free stable ID is claimed without a compare: two workers hold one.",
    file: "lib/membership/acquire_lease.ts",
    find: "await bucket.create(key, options.value())",
    replace: "await bucket.put(key, options.value())",
  },
  {
    name: "takeover-by-put",
    about: "A lease is taken over from a dead holder without a compare: several heirs win.",
    file: "lib/membership/acquire_lease.ts",
    find: "await bucket.update(key, options.value(), expected)",
    replace: "await bucket.put(key, options.value())",
  },
  {
    name: "probe-without-grace",
    about: "One answer of 'no responders' kills: a worker that merely reconnects is evicted.",
    file: "lib/membership/prober.ts",
    find: "  return await findMissing(options, missing, signal) ?? [];",
    replace: "  return missing;",
  },
  {
    name: "silence-kills",
    about: "A server that does not say in time who is there is taken to say that nobody is.",
    file: "lib/membership/prober.ts",
    find: "    return undefined;\n  }\n  if (signal?.aborted)",
    replace: "    return instances;\n  }\n  if (signal?.aborted)",
  },
  {
    name: "evicted-without-compare",
    about: "The evictor deletes a lease whatever its revision: whoever has renewed since dies too.",
    file: "lib/membership/roster.ts",
    find: "await bucket.remove(key, member.revision);",
    replace: "await bucket.remove(key);",
  },
  {
    name: "verdict-outlives-renewal",
    about:
      "A verdict that could not be carried out is carried out later on whoever has renewed since.",
    file: "lib/assignment/leader/evictor.ts",
    find:
      "    if (revision === verdict.revision) return verdict.reason;\n    this.#condemned.delete(instance);\n    return undefined;",
    replace: "    return verdict.reason;",
  },
  {
    name: "watch-not-opened-again",
    about: "A KV watch that was lost stays lost.",
    file: "lib/membership/steady_watch.ts",
    find: "clock.setTimer(jitter(random, delayMs), () => void this.#open());",
    replace: "undefined;",
  },
  {
    name: "resigned-and-kept",
    about: "Who resigns does not give back the leader's lease, and goes on renewing it.",
    file: "lib/leadership/kv_election.ts",
    find: "await Promise.all([lease?.release(), this.#campaign, closed]);",
    replace: "await Promise.all([this.#campaign, closed]);",
  },
];
