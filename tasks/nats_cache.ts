/**
 * Where fetched nats-servers are kept: one folder per version, complete or not there at all, and verified each time.
 *
 * @module
 */

import { describeError, isPartiError, PartiError } from "../lib/errors.ts";
import { withFileLock } from "./file_lock.ts";
import {
  compareVersions,
  type NatsBinary,
  readNatsVersion,
  requireNewEnough,
} from "./nats_binary.ts";
import { matchesLine } from "./nats_source.ts";
import type { Report } from "./progress.ts";
import { sha256OfFile } from "./sha256.ts";

/** What is written beside the program. */
interface CacheRecord {
  readonly version: string;
  readonly sha256: string;
  readonly source: string;
}

const recordName = "nats-server.json";
const temporaryPrefix = ".new-";

/** The cache of nats-servers. */
export class NatsCache {
  /** The directory that holds one folder per version. */
  readonly dir: string;
  readonly #report: Report;

  /**
   * @param dir the directory; it need not exist
   * @param report where to say that something is wrong with an entry
   */
  constructor(dir: string, report: Report) {
    this.dir = dir;
    this.#report = report;
  }

  /**
   * Finds the newest program of a version line whose checksum is right.
   *
   * @param versionLine such as `2.10`; by default any
   * @returns the program, or nothing
   */
  async find(versionLine?: string): Promise<NatsBinary | undefined> {
    const versions = (await this.#versions()).filter((version) =>
      matchesLine(version, versionLine)
    );
    for (const version of versions.sort(compareVersions).reverse()) {
      try {
        return await this.#verified(version);
      } catch (error) {
        this.#report(`ignoring the cached nats-server ${version}: ${describeError(error)}`);
      }
    }
    return undefined;
  }

  /**
   * Adds a program. Call it under {@linkcode locked}.
   *
   * @param source what to remember about where it is from
   * @param fetch puts the program as `nats-server` into the directory it is given
   * @returns the program in its place
   */
  async add(source: string, fetch: (dir: string) => Promise<void>): Promise<NatsBinary> {
    await this.#removeUnfinished();
    // In the same file system, so that the rename at the end is one step.
    const dir = await Deno.makeTempDir({ dir: this.dir, prefix: temporaryPrefix });
    try {
      await fetch(dir);
      const program = `${dir}/nats-server`;
      await Deno.chmod(program, 0o755);
      const version = await readNatsVersion(program);
      requireNewEnough({ path: program, version });
      const record: CacheRecord = { version, sha256: await sha256OfFile(program), source };
      await Deno.writeTextFile(`${dir}/${recordName}`, JSON.stringify(record, null, 2) + "\n");
      await Deno.chmod(dir, 0o755);
      await this.#remove(version); // it is there only if it did not verify
      await Deno.rename(dir, `${this.dir}/${version}`);
      return { path: `${this.dir}/${version}/nats-server`, version };
    } finally {
      await Deno.remove(dir, { recursive: true }).catch(() => {});
    }
  }

  /**
   * Does something while no other process does the same with this cache.
   *
   * @param work what to do
   * @returns what it returns
   */
  async locked<T>(work: () => Promise<T>): Promise<T> {
    await Deno.mkdir(this.dir, { recursive: true });
    return await withFileLock(`${this.dir}/.lock`, work, {
      onWait: () => this.#report("waiting for another process that is fetching nats-server"),
    });
  }

  async #verified(version: string): Promise<NatsBinary> {
    const path = `${this.dir}/${version}/nats-server`;
    const text = await Deno.readTextFile(`${this.dir}/${version}/${recordName}`);
    const record = JSON.parse(text) as Partial<CacheRecord>;
    if (await sha256OfFile(path) !== record.sha256) {
      throw new PartiError("PARTI_REFUSED", "its checksum is not the recorded one", {
        value: path,
      });
    }
    // It may be one for another architecture, where a home directory is shared between machines.
    const binary = { path, version: await readNatsVersion(path) };
    requireNewEnough(binary);
    return binary;
  }

  async #versions(): Promise<string[]> {
    const names: string[] = [];
    try {
      for await (const { name } of Deno.readDir(this.dir)) {
        if (/^\d+\.\d+\.\d+/.test(name)) names.push(name);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return names;
  }

  /** What a killed process left: nobody else is at work while we hold the lock. */
  async #removeUnfinished(): Promise<void> {
    for await (const { name } of Deno.readDir(this.dir)) {
      if (name.startsWith(temporaryPrefix)) await this.#remove(name);
    }
  }

  async #remove(name: string): Promise<void> {
    await Deno.remove(`${this.dir}/${name}`, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/**
 * The directory for the cache of this user.
 *
 * @param env reads an environment variable
 * @returns a path, by the XDG rules
 */
export function defaultCacheDir(env: (name: string) => string | undefined): string {
  const xdg = env("XDG_CACHE_HOME");
  // By the rules, a relative path there is to be ignored.
  const base = xdg?.startsWith("/") ? xdg : `${env("HOME") ?? "/tmp"}/.cache`;
  return `${base}/parti/nats-server`;
}

/**
 * Tells whether an error only says that something was not to be had here.
 *
 * @param error anything caught
 * @returns true if another source may be tried
 */
export function isExpectedFailure(error: unknown): boolean {
  return isPartiError(error) || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotFound;
}
