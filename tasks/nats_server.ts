/**
 * Finds or fetches a nats-server: the one that was named, the cache, the PATH, the official release, the
 * distribution's package.
 *
 * @module
 */

import { describeError, PartiError } from "../lib/errors.ts";
import { note } from "./console.ts";
import {
  minNatsVersion,
  type NatsBinary,
  readNatsVersion,
  requireNewEnough,
} from "./nats_binary.ts";
import { defaultCacheDir, isExpectedFailure, NatsCache } from "./nats_cache.ts";
import { debianSource } from "./nats_debian.ts";
import { githubSource } from "./nats_github.ts";
import { matchesLine, type NatsSource } from "./nats_source.ts";
import { type Report, withProgress } from "./progress.ts";

/** What to look for, and where. */
export interface EnsureNatsServerOptions {
  /** A program to use and nothing else. By default what `PARTI_NATS_SERVER` says, if anything. */
  readonly binary?: string | undefined;
  /** Only versions that begin like this, such as `2.10`. By default what `PARTI_NATS_VERSION` says, if anything. */
  readonly versionLine?: string | undefined;
  /** Reads an environment variable. */
  readonly env?: (name: string) => string | undefined;
  /** Where to keep what was fetched. */
  readonly cacheDir?: string;
  /** Where to fetch from, in this order. */
  readonly sources?: readonly NatsSource[];
  /** Where to say what takes long. */
  readonly report?: Report;
}

/** A nats-server that can be used. */
export interface FoundNatsServer extends NatsBinary {
  /** Where it was found. */
  readonly source: string;
}

/**
 * Finds a nats-server that is new enough, or fetches one into the cache.
 *
 * @param options what to look for
 * @returns its path, its version, and where it was found
 * @throws {PartiError} `PARTI_SERVER_TOO_OLD` or `PARTI_NOT_FOUND` for a named one that is no use, and
 * `PARTI_NOT_FOUND` with the reasons of all sources if there is none
 */
export async function ensureNatsServer(
  options: EnsureNatsServerOptions = {},
): Promise<FoundNatsServer> {
  const env = options.env ?? ((name) => Deno.env.get(name) || undefined);
  const versionLine = requireVersionLine(options.versionLine ?? env("PARTI_NATS_VERSION"));
  if (options.binary !== undefined) {
    return await named(options.binary, versionLine, "--nats-server");
  }
  const fromEnv = env("PARTI_NATS_SERVER");
  if (fromEnv !== undefined) return await named(fromEnv, versionLine, "PARTI_NATS_SERVER");

  const report = options.report ?? note;
  const cache = new NatsCache(options.cacheDir ?? defaultCacheDir(env), report);
  const cached = await cache.find(versionLine);
  if (cached) return { ...cached, source: "cache" };
  const reasons = [`cache: nothing in ${cache.dir}`];
  const onPath = await findOnPath(env("PATH") ?? "", versionLine, reasons);
  if (onPath) return onPath;
  const sources = options.sources ?? [githubSource(), debianSource()];
  return await fetchIntoCache(cache, sources, versionLine, report, reasons);
}

async function named(
  path: string,
  versionLine: string | undefined,
  source: string,
): Promise<FoundNatsServer> {
  const binary = { path, version: await readNatsVersion(path) };
  requireNewEnough(binary);
  if (!matchesLine(binary.version, versionLine)) {
    throw new PartiError(
      "PARTI_INVALID_CONFIG",
      `${path} is nats-server ${binary.version}, and version ${versionLine} was asked for`,
      { value: versionLine, hint: `leave out ${source} or the version` },
    );
  }
  return { ...binary, source };
}

function requireVersionLine(line: string | undefined): string | undefined {
  if (line === undefined || /^\d+(\.\d+){0,2}$/.test(line)) return line;
  throw new PartiError("PARTI_INVALID_CONFIG", `"${line}" is not a version such as 2.10`, {
    value: line,
  });
}

async function findOnPath(
  path: string,
  versionLine: string | undefined,
  reasons: string[],
): Promise<FoundNatsServer | undefined> {
  for (const dir of path.split(":").filter((dir) => dir.startsWith("/"))) {
    const candidate = `${dir}/nats-server`;
    try {
      if (!(await Deno.stat(candidate)).isFile) continue;
    } catch {
      continue;
    }
    try {
      return await named(candidate, versionLine, "PATH");
    } catch (error) {
      reasons.push(`PATH: ${reasonOf(error)}`);
    }
  }
  if (reasons.length === 1) reasons.push("PATH: there is no nats-server");
  return undefined;
}

async function fetchIntoCache(
  cache: NatsCache,
  sources: readonly NatsSource[],
  versionLine: string | undefined,
  report: Report,
  reasons: string[],
): Promise<FoundNatsServer> {
  try {
    return await cache.locked(async () => {
      // Another process may have fetched it while we waited.
      const cached = await cache.find(versionLine);
      if (cached) return { ...cached, source: "cache" };
      return await fetchFromFirst(cache, sources, versionLine, report, reasons);
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    reasons.push(`the cache cannot be written: ${error.message}`);
    throw nothingFound(versionLine, reasons, error);
  }
}

async function fetchFromFirst(
  cache: NatsCache,
  sources: readonly NatsSource[],
  versionLine: string | undefined,
  report: Report,
  reasons: string[],
): Promise<FoundNatsServer> {
  for (const source of sources) {
    try {
      const what = `fetching nats-server ${versionLine ?? ""} from ${source.name}`;
      const binary = await withProgress(
        what.replace("  ", " "),
        report,
        () => cache.add(source.name, (dir) => source.fetch({ dir, versionLine })),
      );
      return { ...binary, source: source.name };
    } catch (error) {
      if (!isExpectedFailure(error)) throw error;
      reasons.push(`${source.name}: ${reasonOf(error)}`);
    }
  }
  throw nothingFound(versionLine, reasons);
}

function nothingFound(
  versionLine: string | undefined,
  reasons: readonly string[],
  cause?: unknown,
): PartiError {
  const wanted = versionLine ?? `${minNatsVersion.replace(/\.0$/, "")} or newer`;
  return new PartiError(
    "PARTI_NOT_FOUND",
    [`no nats-server ${wanted} was found or could be fetched:`, ...reasons].join("\n  - "),
    {
      value: versionLine,
      hint: "install nats-server, or set PARTI_NATS_SERVER to one",
      cause,
    },
  );
}

function reasonOf(error: unknown): string {
  return error instanceof PartiError ? error.message : describeError(error);
}
