/**
 * What the simulations of calls assert.
 *
 * @module
 */
import {
  always,
  alwaysAtMost,
  combineCatalogs,
  sometimes,
  sometimesAtLeast,
  sometimesEach,
} from "../assertions/catalog.ts";

/** A timer of a process fires so late at most, in milliseconds: one quantum of scheduling. */
export const QUANTUM_MS = 1;

/** The places of the bus that may misbehave. */
export const SERVICE_SITES = [
  "bus-send-late",
  "bus-send-fails",
  "bus-answer-late",
  "bus-answer-twice",
  "bus-complete-late",
] as const;

/** What always holds for calls. */
export const CALLS = {
  "one outcome per call": always("each call is told exactly one outcome, and one that there is"),
  "the answer is the call's": always("a value is the one that only this call's handler gives"),
  "what is handled was called": always("each call that is handled was made"),
  "at most once": always("without a key no call is handled twice"),
  "a value was handled": always("who gets a value was handled at least once"),
  "what was refused was not handled": always(
    "of a call that is tried once nobody is told that it was not handled, and it was",
  ),
  "pending is what is open": always(
    "calls that wait are those without an outcome, after each event",
  ),
  "ids are unique": always("no two calls have one ID, whichever life made them"),
  "a call has the time it was given": always(
    "where a call comes its time is not over, and it has no more than its caller gave it",
  ),
  "nothing is pending at the end": always("when all is quiet nobody waits"),
  "nothing leaks": always("after the end no timer and no subscription is left"),
  "request_sent": sometimes("a call was sent"),
  "response_received": sometimes("an answer came"),
  "callback_completed": sometimes("a caller was told a value"),
} as const;

/** Phase 1: two nodes on a good day. */
export const pairCatalog = combineCatalogs(CALLS, {
  "on a good day all calls succeed": always("without faults each call has its value"),
});

/** Phase 2: what a network does. */
export const networkCatalog = combineCatalogs(CALLS, {
  "on a good day all calls succeed": always("without faults each call has its value"),
  "after healing all calls succeed": always(
    "what is called when the faults are over has its value, and what is told is handled once",
  ),
  "a timeout is in time": alwaysAtMost(
    QUANTUM_MS,
    "how much later than it should a call times out, in milliseconds",
  ),
  "no timeout is early": always("no call times out before its time"),
  "network_failure_handled": sometimes("a call had an outcome although the network failed it"),
  "timeout_triggered": sometimes("a call timed out"),
  "late_response_ignored": sometimes("an answer came after the outcome"),
  "duplicate_response_ignored": sometimes("an answer came twice"),
  "retry_succeeded": sometimes("a call with a key was handled at a further try"),
  "maybe_delivered": sometimes("nobody knows whether a call was handled"),
  "send_error": sometimes("a call never left"),
  "cancelled": sometimes("a call was given up"),
  "places that misbehave": sometimesEach(SERVICE_SITES, "each place that may misbehave does"),
  "faults that strike": sometimesEach(
    ["noticeLost", "cut", "block both", "block up", "block down", "server-crash", "clock"],
    "each kind of fault has its effect",
  ),
});

/** Two things in one instant, in either order. */
export const RACES = [
  "answer before timeout",
  "timeout before answer",
  "answer before cancel",
  "cancel before answer",
  "answer before stop",
  "stop before answer",
  "second answer behind the first",
] as const;

/** Phase 3: many at once. */
export const stormCatalog = combineCatalogs(CALLS, {
  "calls in flight": sometimesAtLeast(100, "how many calls of one node wait in one instant"),
  "concurrent_requests": sometimesAtLeast(11, "how many are handled at once"),
  "high_pending_count": sometimesAtLeast(11, "how many wait at once"),
  "too many are refused": sometimes("a call is refused since too many wait"),
  "races": sometimesEach(RACES, "both orders of what happens in one instant"),
  "calls in a run": sometimesAtLeast(1_000, "how many calls a run makes"),
});
