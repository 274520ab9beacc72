/**
 * Asks a nats-server program for its version.
 *
 * @module
 */

import { PartiError } from "../lib/errors.ts";
import { runCommand } from "./run_command.ts";

/** A nats-server that was asked and is new enough. */
export interface NatsBinary {
  /** Its path. */
  readonly path: string;
  /** Its version, such as `2.15.1`. */
  readonly version: string;
}

/** The oldest nats-server that has what parti stands on (consumers with several filters and with metadata). */
export const minNatsVersion = "2.10.0";

/**
 * Runs a program to learn which nats-server it is.
 *
 * @param path the program
 * @returns its version, such as `2.15.1`
 */
export async function readNatsVersion(path: string): Promise<string> {
  let output: string;
  try {
    output = (await runCommand(path, ["--version"], { timeoutMs: 10_000 })).stdout;
  } catch (error) {
    if (error instanceof PartiError) throw new PartiError(error.code, error.message, about(path));
    throw error;
  }
  const version = /^nats-server: v?(\d+\.\d+\.\d+\S*)/m.exec(output)?.[1];
  if (version !== undefined) return version;
  throw new PartiError("PARTI_NOT_FOUND", `${path} is not a nats-server`, about(path));
}

function about(path: string) {
  return {
    value: path,
    hint: "set PARTI_NATS_SERVER to an executable nats-server, or name none to have one found",
  };
}

/**
 * Compares two versions by their three numbers.
 *
 * @param a a version such as `2.10.27`
 * @param b another
 * @returns negative if a is older, positive if it is newer, else 0
 */
export function compareVersions(a: string, b: string): number {
  const left = a.split(/[.+~-]/).map(Number);
  const right = b.split(/[.+~-]/).map(Number);
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Refuses a nats-server that is too old.
 *
 * @param binary the server
 * @throws {PartiError} `PARTI_SERVER_TOO_OLD`
 */
export function requireNewEnough(binary: NatsBinary): void {
  if (compareVersions(binary.version, minNatsVersion) >= 0) return;
  throw new PartiError(
    "PARTI_SERVER_TOO_OLD",
    `${binary.path} is nats-server ${binary.version}, and parti needs ${minNatsVersion} or newer`,
    {
      value: binary.version,
      hint: "name a newer one, or none: then `deno task nats-server` finds or fetches one",
    },
  );
}
