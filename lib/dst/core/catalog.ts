/**
 * What the simulation of a group asserts.
 *
 * @module
 */
import { type ManagerState, TRANSITIONS } from "../../manager/state.ts";
import {
  always,
  alwaysAtLeast,
  alwaysAtMost,
  reachable,
  sometimes,
  sometimesAtLeast,
  sometimesEach,
} from "../assertions/catalog.ts";
import { LATENCY_SHAPES } from "../latency.ts";
import { FAULT_KINDS } from "./fault_kinds.ts";

const states = Object.keys(TRANSITIONS) as ManagerState[];

/**
 * @param from the state before
 * @param to the state after
 * @returns how the change is called in the catalog
 */
export function changeName(from: ManagerState, to: ManagerState): string {
  return `${from} → ${to}`;
}

const changes = states.flatMap((from) => TRANSITIONS[from].map((to) => changeName(from, to)));

/** After the last fault has healed the group has this long to be whole and the feed to be empty, in virtual milliseconds. */
export const CONVERGENCE_MS = 120_000;

/** Places of the library that may misbehave on purpose: each calls `World.buggify` with its name. */
export const BUGGIFY_SITES = [
  "acknowledged-late",
  "few-parts",
  "lane-stalls",
  "look-fails",
  "merge-early",
  "narrow-lane",
  "notice-lost",
  "proof-lost",
  "shrink-in-doubt",
  "stored-in-parts",
  "survey-early",
  "unable-early",
] as const;

/** All assertions of the workload `core`. */
export const coreCatalog = {
  "one leader per epoch": always("all assignments of one epoch are written by one instance"),
  "generations rise": always("each assignment written is newer than the one before"),
  "what is in force stays": always("nobody removes a part of the assignment in force"),
  "an assignment is complete": always(
    "each generation gives every partition of a list the source has had to exactly one worker",
  ),
  "one handler per partition": always("no two handlers of one partition run by right at one time"),
  "no right goes back": always("a handler never starts under an older right than the last one"),
  "only under a valid lease": always("no handler starts in a worker whose lease is over"),
  "nothing begins without a connection": always(
    "no handler starts in a worker that knows its connection to be away",
  ),
  "nothing begins unproven": always(
    "after a reconnect no handler starts before the lease is renewed over the new connection",
  ),
  "a handler has the newest right": always(
    "a handler starts under the assignment that its worker follows in this instant",
  ),
  "what is handled is locked": always(
    "a partition is locked by a lane of its worker when a handler starts, and until that has ended",
  ),
  "what is done is not begun again": always(
    "a message whose handler ended well is not handled again while its worker keeps its lease",
  ),
  "what is worked on is not sent again": always(
    "the server sends no message again to whoever is at work on it",
  ),
  "what is acknowledged is held": always(
    "whoever says that it has applied a generation has got what that gives it",
  ),
  "effects are those of the feed, once and in order": always(
    "each effect stored is of the next message that the feed has stored for its partition",
  ),
  "effects are of the newest owner": always(
    "the output of a partition never goes back to an older right",
  ),
  "only poison becomes a dead letter, in its turn": always(
    "a dead letter is the next message of its partition, and one on which every handler throws",
  ),
  "a stable ID has one holder": always(
    "nobody gets a stable ID under which another acts that nobody may take for dead",
  ),
  "moves without need keep their distance": alwaysAtLeast(
    0,
    "time between two moves of one leader that nobody needed, less the least there may be, in milliseconds",
  ),
  "a newcomer waits for the windows, and no longer": alwaysAtMost(
    0,
    "time from a lease until the assignment names it, less the caps of the windows, in milliseconds",
  ),
  "a newcomer waits until the group is quiet": alwaysAtLeast(
    0,
    "time from the last newcomer's lease until an assignment names it, less the settle time or what the cap leaves of it, in milliseconds",
  ),
  "a move without need waits for its window": alwaysAtLeast(
    0,
    "time from a change of the source, or from a term that finds loads uneven, until partitions move for it, less the settle time or the cap, in milliseconds",
  ),
  "an emergency waits for nothing": alwaysAtMost(
    0,
    "time from the end of a lease until its partitions have others, less what it may take, in milliseconds",
  ),
  "transitions are legal": always("each change of state is in the table"),
  "hooks tell the difference": always(
    "the assignment hook is told exactly what has changed, in order",
  ),
  "no assignment goes back": always(
    "what a worker takes for the assignment is never older than before",
  ),
  "a blip evicts nobody": always(
    "whoever reconnects sooner than the probes' grace keeps its lease and its partitions",
  ),
  "whoever lives is not evicted": always(
    "nobody loses a lease that it has just renewed, unless the others may take it for dead",
  ),
  "nothing is lost": always("after the end every message the feed has stored has its effect"),
  "the group converges": alwaysAtMost(
    CONVERGENCE_MS,
    "after the last fault everybody is Stable, everything owned, the feed empty, in milliseconds",
  ),
  "nothing leaks": always(
    "after a stop no timer, lease, lane, part of an assignment, subscription or watch is left",
  ),
  "no invariant of parti breaks": always("no worker reports PARTI_INVARIANT"),
  "whoever leads is not deposed": always(
    "nobody takes the lead from whoever has just renewed its lease, unless the others may take it for dead",
  ),
  states: sometimesEach(states, "every state is seen"),
  "state changes": sometimesEach(changes, "every legal transition is seen"),
  "places that misbehave": sometimesEach(BUGGIFY_SITES, "every buggify site of the library fires"),
  "faults that strike": sometimesEach(FAULT_KINDS, "every kind of fault has its effect"),
  "a worker crashed while it handled": reachable("SIGKILL in the middle of a handler"),
  "the leader crashed": reachable("SIGKILL of the worker that led"),
  "the leader was paused": reachable("SIGSTOP of the worker that led"),
  "a lease was lost": reachable("a worker lost its lease and came back as a new instance"),
  "a message came again": reachable("redelivery"),
  "a lane was refused": reachable("the server refused an overlapping filter"),
  "a stranger's lane was evicted": reachable(
    "whoever was refused deleted a lane in nobody's right",
  ),
  "a zombie was fenced": reachable("an effect was refused because a newer owner had written"),
  "an effect was there already": reachable(
    "a message was handled again and its effect not repeated",
  ),
  "partitions were removed": reachable("the source lost partitions while the group ran"),
  "partitions were added": reachable("the source got partitions while the group ran"),
  "somebody was evicted alive": reachable("a lease was taken from a worker whose process lives"),
  "a handler failed": reachable("a handler threw"),
  "a message became a dead letter": reachable("poison was stored as a dead letter"),
  "a handler outlived its right": reachable(
    "a handler went on after its signal had fired, and came back",
  ),
  "the source failed": reachable("the leader's partition source threw"),
  "the source said nothing": reachable("the leader's partition source gave an empty list"),
  "an assignment was in parts": reachable("an assignment lay in parts, and not under one key"),
  "an assignment was a change": reachable("an assignment was written as what it differs in"),
  "an heir had not heard": reachable(
    "the leader died right after it had named somebody who has not heard of it",
  ),
  "all stable IDs were taken": reachable("a worker could not start for want of a stable ID"),
  "a feed is sharded": sometimes("the feed has a stream for each shard, and partitions are keys"),
  "the server was away": sometimes("nobody was connected for three seconds"),
  "lanes were merged": reachable("compaction"),
  "producers in a run": sometimesAtLeast(3, "how many producers shared the partitions"),
  "the feed dropped what came twice": reachable("a producer published a message once more"),
  "latency shapes": sometimesEach(LATENCY_SHAPES, "every shape of the network is seen"),
  "workers at once": sometimesAtLeast(15, "how many workers ran at one time"),
  "epochs in a run": sometimesAtLeast(4, "how many leaders wrote one after another"),
} as const;

/** The type of {@linkcode coreCatalog}. */
export type CoreCatalog = typeof coreCatalog;
