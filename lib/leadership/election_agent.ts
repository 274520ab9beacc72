/**
 * What the library needs of an election. The one it brings along is `kv_election.ts`; another (Kubernetes leases, etcd, …) is
 * plugged in by implementing this.
 *
 * @module
 */

/** Somebody who wants to lead. */
export interface Candidate {
  /** The stable ID. */
  readonly worker: string;
  /** The instance. */
  readonly instance: string;
}

/** A time of leadership. */
export interface Term {
  /**
   * Grows from term to term, whoever leads: the fencing token. An agent whose tokens can restart (after its store was lost) is
   * still safe: the publication raises the epoch above the last one published.
   */
  readonly epoch: number;
  /** Whether this term is still in force, judged now and not by the last event. */
  readonly valid: boolean;
  /** Proves against the store, not the clock, that this term is in force: true only if a renewal sent now succeeded. */
  confirm(): Promise<boolean>;
}

/** What an agent reports. Calls come one at a time. */
export interface ElectionHandlers {
  /** The candidate leads from now on. */
  onElected(term: Term): void;
  /** The candidate leads no longer, without having resigned. */
  onDeposed(reason: string): void;
  /** Who leads, as far as known; undefined while nobody does. */
  onLeader(leader: Candidate | undefined): void;
  /** Something failed and is tried again. */
  onError(error: unknown): void;
}

/** A candidacy under way. */
export interface Candidacy {
  /** A hint that this instance is dead: if it leads, run for its place at once. Being wrong is safe and costs a term. */
  suspect(instance: string): void;
  /** Ends the candidacy, giving up leadership so that a successor can start at once. */
  resign(): Promise<void>;
  /** Ends the candidacy and leaves everything to expire, as after losing one's own lease. */
  abandon(): Promise<void>;
}

/** An election. */
export interface ElectionAgent {
  /**
   * Runs for leadership until the candidacy ends.
   *
   * @param candidate who runs
   * @param handlers who is told
   * @returns the candidacy
   */
  run(candidate: Candidate, handlers: ElectionHandlers): Promise<Candidacy>;
}
