/**
 * How to have the same run again.
 *
 * @module
 */
import { hideUserInfo, showSet } from "../config/secrets.ts";
import type { SimCommandOptions } from "./sim_command.ts";

/**
 * What the program has to be called with for the same run again. The folder is left out: the next run needs one of its own.
 *
 * @param options the options as they were given
 * @param seed the seed that the run got
 * @returns the arguments, beginning with the command
 */
export function argumentsAgain(options: SimCommandOptions, seed: number): string[] {
  const { config, mode, duration, set, natsUrl, fault } = options;
  const given: [string, string | undefined][] = [
    ["--config", config],
    ["--mode", mode],
    ["--duration", duration],
    ...set.map((each): [string, string] => ["--set", showSet(each)]),
    ["--nats-url", natsUrl && hideUserInfo(natsUrl)],
    ["--fault", fault],
    ["--seed", String(seed)],
  ];
  const asked = given.flatMap(([name, value]) => value === undefined ? [] : [name, value]);
  return ["sim", ...asked];
}
