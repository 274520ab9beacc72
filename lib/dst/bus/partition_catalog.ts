/**
 * What the simulation of actors by partition asserts.
 *
 * @module
 */
import { always, alwaysAtMost, sometimes, sometimesEach } from "../assertions/catalog.ts";
import { ACTOR_FAULTS } from "./actor_catalog.ts";

/** After the last fault the group is whole within so long, in milliseconds. */
export const WHOLE_MS = 120_000;

/** The assertions. */
export const partitionCatalog = {
  "single activation": always(
    "no turn of an actor begins while another of it is in progress by right",
  ),
  "one turn at a time": always(
    "in one process no turn of an actor begins during another, or during a hook, of whichever life",
  ),
  "a turn begins by right": always("a turn begins only while its shard is here"),
  "no life goes back": always("no turn begins under an older token than another has begun under"),
  "an answer is given by right": always(
    "a call is answered only while its turn may act, and before a newer life has begun",
  ),
  "one outcome per call": always("each call is told exactly one outcome, and one that there is"),
  "the answer is the call's": always("a value is the one that only this call's actor gives"),
  "what is handled was called": always("each call that is handled was made"),
  "a value was handled": always("who gets a value was handled at least once"),
  "what was refused was not handled": always(
    "of a call that is tried once nobody is told that it was not handled, and it was",
  ),
  "hooks come once, by right": always(
    "a hook of a life is called once, in no turn of its actor, and in no other life of it",
  ),
  "whoever ends is told": always(
    "whose signal fires is told of its end by its hook, or its process has died",
  ),
  "nothing is saved after the goodbye": always(
    "what an actor saves after its last hook has no effect",
  ),
  "what is stored is handled": always(
    "in the end every call that the feed has stored was handled, or given up since its actor could not begin",
  ),
  "on a good day all calls succeed": always("without faults each call has its value in time"),
  "nothing kept is lost": always("what an actor has said it keeps is in its state"),
  "nothing is kept twice": always("no call is in an actor's state twice"),
  "ids are unique": always("no two calls have one ID, whichever life made them"),
  "a call has the time it was given": always(
    "no call that comes has more time left than its caller gave it",
  ),
  "nothing is pending at the end": always("when all is quiet nobody waits"),
  "the group is whole": alwaysAtMost(
    WHOLE_MS,
    "how long after the last fault every worker is Stable, in milliseconds",
  ),
  "all actors answer": always("after healing every actor answers"),
  "whoever leaves comes to its end": always(
    "a process that leaves in order has left when the faults are over, or a little later",
  ),
  "nothing leaks": always("after the end no timer and no subscription is left"),
  "no invariant of parti breaks": always("nobody reports PARTI_INVARIANT"),
  "faults that strike": sometimesEach(ACTOR_FAULTS, "each kind of fault has its effect"),
  "an actor moved": sometimes("an actor began where it had not been before"),
  "a call came again": sometimes("an actor was given a call once more and knew it"),
  "maybe_delivered": sometimes("nobody knows whether a call was handled"),
  "cancelled": sometimes("a call was given up"),
  "timeout_triggered": sometimes("a call timed out"),
} as const;

/** The type of {@linkcode partitionCatalog}. */
export type PartitionCatalog = typeof partitionCatalog;
