/**
 * Another election than the one parti brings along: one that has to ask somebody before a candidate may run, and does not always get an
 * answer. What an application plugs in may take its time, and the worker shows meanwhile that it is in its election.
 *
 * @module
 */
import { PartiError } from "../../errors.ts";
import type { ElectionAgent } from "../../leadership/election_agent.ts";
import { type Clock, sleep } from "../../ports/clock.ts";
import type { Draws } from "../draw.ts";

/** How likely nobody answers. */
const UNANSWERED = 0.2;

/**
 * Makes an election.
 *
 * @param inner who decides
 * @param clock time
 * @param draws how long it takes
 * @param maxMs the same, at most, in milliseconds
 * @returns the agent
 */
export function patientElection(
  inner: ElectionAgent,
  clock: Clock,
  draws: Draws,
  maxMs: number,
): ElectionAgent {
  return {
    run: async (candidate, handlers) => {
      const isAnswered = !draws.chance(UNANSWERED);
      await sleep(clock, draws.between(0, maxMs));
      if (isAnswered) return await inner.run(candidate, handlers);
      throw new PartiError("PARTI_TIMEOUT", "whoever decides about elections does not answer");
    },
  };
}
