/**
 * For tests: what the tests of the keeper's parts share. They see them from outside: consumers on the model server, where time is
 * ours and everything can go wrong. Holds no test.
 *
 * @module
 */
import { ModelTeam, type ModelTeamOptions } from "../model_team_test.ts";

export function team(options: Partial<ModelTeamOptions> = {}): ModelTeam {
  return new ModelTeam({ seed: 1, members: 2, partitions: 4, ...options });
}

/** Which member's lanes have which subjects on the server. */
export function locks(team: ModelTeam): Record<string, string> {
  const entries = team.server.lanes.flatMap(({ metadata, filterSubjects }) =>
    filterSubjects.map((subject) => [subject, metadata["parti_instance"]!] as const)
  );
  return Object.fromEntries(entries.sort());
}

export const all = (team: ModelTeam, index: number) =>
  Object.fromEntries(team.partitions.map((name) => [name, index]));

export function calls(team: ModelTeam): number {
  return [...team.server.calls.values()].reduce((sum, count) => sum + count, 0);
}
