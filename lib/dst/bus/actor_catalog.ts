/**
 * What the simulations of actors assert.
 *
 * @module
 */
import { ACTIVATION_TRANSITIONS } from "../../bus/actors/activation_state.ts";
import { always, alwaysAtMost, sometimes, sometimesEach } from "../assertions/catalog.ts";

/**
 * After the last fault actors and directory agree within so many times the duration of a lease. Two would do for what leases are for; but a
 * request that was lost in the last moment is given up after 5 s only, and tried again after a pause: up to 2 s for a lease, up to 5 s for
 * the watch by which a node sees the others. The latter is 6.7 times the shortest lease, and then it takes half of one until somebody sweeps.
 */
export const CONVERGENCE_LEASES = 8;

/** The places of the bus and of actors that may misbehave. */
export const ACTOR_SITES = [
  "bus-send-late",
  "bus-send-fails",
  "bus-answer-late",
  "bus-answer-twice",
  "bus-complete-late",
  "actor-lookup-late",
  "actor-place-late",
] as const;

/** One of them. */
export type ActorSite = typeof ACTOR_SITES[number];

/** The faults. */
export const ACTOR_FAULTS = [
  "crash",
  "leave",
  "pause",
  "cut",
  "block",
  "split",
  "kv",
  "kv-outage",
  "clock",
  "server-crash",
  "loss",
] as const;

const steps = Object.entries(ACTIVATION_TRANSITIONS)
  .flatMap(([from, next]) => next.map((to) => `${from} → ${to}` as const));

/** The assertions. */
export const actorCatalog = {
  "single activation": always(
    "no turn of an actor begins while another of it is in progress by right",
  ),
  "no life goes back": always("no turn begins under an older token than another has begun under"),
  "a place is given back by who has it": always("no node removes a newer place than its own"),
  "one turn at a time": always("no turn of a life begins during another, or during a hook of it"),
  "a turn begins by right": always("a turn begins only while the node's lease is valid"),
  "an answer is given by right": always(
    "a call is answered only while the node's lease is valid, and before a newer life has begun",
  ),
  "one outcome per call": always("each call is told exactly one outcome, and one that there is"),
  "the answer is the call's": always("a value is the one that only this call's actor gives"),
  "what is handled was called": always("each call that is handled was made"),
  "at most once": always("without a key no call is handled twice"),
  "no call is handled late": always("no turn begins for a call whose time is over"),
  "a value was handled": always("who gets a value was handled at least once"),
  "what was refused was not handled": always(
    "of a call that is tried once nobody is told that it was not handled, and it was",
  ),
  "on a good day all calls succeed": always(
    "without faults each call has its value in time, and what is told is handled once",
  ),
  "where nodes only crash callers learn in time": always(
    "without other faults no call of a patient caller ends by its deadline",
  ),
  "nothing kept is lost": always("what an actor has said it keeps is in its state"),
  "nothing is kept twice": always("no call is in an actor's state twice"),
  "what is kept was called": always("each call in a state was made"),
  "ids are unique": always("no two calls have one ID, whichever life made them"),
  "a call has the time it was given": always(
    "where a call comes its time is not over, and it has no more than its caller gave it",
  ),
  "who was told where an actor is calls it there": always(
    "a call goes to where the last answer came from, unless that node is taken for dead",
  ),
  "hops are few": always("no call is sent on more than twice"),
  "pending is what is open": always(
    "no call waits that has an outcome, and none is forgotten, after each event",
  ),
  "nothing is pending at the end": always("when all is quiet nobody waits"),
  "directory and hosts agree": alwaysAtMost(
    CONVERGENCE_LEASES,
    "how long after the last fault the directory says what is, in leases",
  ),
  "all actors answer": always("after healing every actor answers"),
  "only without a lease is a life cut short": always(
    "a life that takes turns ends at once only where the node's lease is over",
  ),
  "whoever ends is told": always(
    "whoever has begun is told of its end by its hook, has lost its right, or its process has died",
  ),
  "every life ends once": always("each life has come to its end, or its process has"),
  "hooks come once, by right": always(
    "a hook of a life is called once, by right, and in no turn and no other hook of it",
  ),
  "whoever leaves comes to its end": always(
    "a process that leaves in order has left when the faults are over, or a little later",
  ),
  "nothing leaks": always("after the end no timer, subscription, watch, entry or lease is left"),
  "no invariant of parti breaks": always("nobody reports PARTI_INVARIANT"),
  "transitions": sometimesEach(steps, "each change of an actor's life is seen"),
  "faults that strike": sometimesEach(ACTOR_FAULTS, "each kind of fault has its effect"),
  "places that misbehave": sometimesEach(ACTOR_SITES, "each place that may misbehave does"),
  "directory_hit": sometimes("an actor was found in the directory"),
  "directory_miss": sometimes("an actor was not in the directory"),
  "remote_forward": sometimes("a call was sent on"),
  "local_activation": sometimes("an actor began where its call came from"),
  "stale_entry_forwarded": sometimes("a call was sent on to where its actor had moved"),
  "register_race_lost": sometimes("somebody else was quicker to register"),
  "hop_limit_hit": sometimes("a call was sent on as often as it may be"),
  "lookup_failed_then_placed": sometimes("an actor began although the directory failed at first"),
  "a lease was lost": sometimes("a node lost its lease and went on as a new life"),
  "an actor moved": sometimes("an actor began where it had not been before"),
  "an actor was idle": sometimes("an actor ended since nobody called"),
  "a dead node was swept": sometimes("what a dead node left was removed"),
  "cancelled": sometimes("a call was given up"),
  "a mailbox was full": sometimes("a call was refused since too many waited for its actor"),
  "a key came again": sometimes("an actor was given a call once more and knew it"),
} as const;

/** The type of {@linkcode actorCatalog}. */
export type ActorCatalog = typeof actorCatalog;
