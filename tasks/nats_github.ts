/**
 * Gets nats-server from its project's official releases, for this system and architecture.
 *
 * @module
 */

import { describeError, PartiError } from "../lib/errors.ts";
import { compareVersions } from "./nats_binary.ts";
import { type FetchRequest, matchesLine, type NatsSource } from "./nats_source.ts";
import { runOrThrow } from "./run_command.ts";
import { sha256OfFile } from "./sha256.ts";

/** What tests replace. */
export interface GithubOptions {
  /** The project's pages. */
  readonly projectUrl?: string;
  /** The project in GitHub's API. */
  readonly apiUrl?: string;
  /** How long the first answer may take: where GitHub cannot be reached, that has to be found out soon. */
  readonly connectTimeoutMs?: number;
}

const projectUrl = "https://github.com/nats-io/nats-server";
const apiUrl = "https://api.github.com/repos/nats-io/nats-server";
const connectTimeoutMs = 5_000;
const downloadTimeoutMs = 300_000;
const maxDownloadBytes = 200_000_000;
const maxApiPages = 5;

/**
 * The official releases as a source.
 *
 * @param options what tests replace
 * @returns the source
 */
export function githubSource(options: GithubOptions = {}): NatsSource {
  return { name: "the official release", fetch: (request) => fetchFromGithub(request, options) };
}

async function fetchFromGithub(request: FetchRequest, options: GithubOptions): Promise<void> {
  const base = options.projectUrl ?? projectUrl;
  const firstMs = options.connectTimeoutMs ?? connectTimeoutMs;
  const tag = request.versionLine === undefined
    ? await latestTag(base, firstMs)
    : await newestTagOf(request.versionLine, options.apiUrl ?? apiUrl, firstMs);
  const name = `nats-server-${tag}-${platform()}`;
  const downloads = `${base}/releases/download/${tag}`;
  const archive = `${request.dir}/${name}.tar.gz`;
  try {
    const sums = await (await get(`${downloads}/SHA256SUMS`, downloadTimeoutMs)).text();
    await download(`${downloads}/${name}.tar.gz`, archive);
    await requireChecksum(archive, `${name}.tar.gz`, sums);
    await runOrThrow("tar", ["-xzf", archive, "-C", request.dir, `${name}/nats-server`]);
    await Deno.rename(`${request.dir}/${name}/nats-server`, `${request.dir}/nats-server`);
  } finally {
    await Deno.remove(archive).catch(() => {});
    await Deno.remove(`${request.dir}/${name}`, { recursive: true }).catch(() => {});
  }
}

/** The address of the latest release redirects to its tag; unlike the API it has no rate limit. */
async function latestTag(base: string, timeoutMs: number): Promise<string> {
  const response = await get(`${base}/releases/latest`, timeoutMs);
  await response.body?.cancel();
  const tag = /\/tag\/(v\d+\.\d+\.\d+)$/.exec(response.headers.get("location") ?? "")?.[1];
  if (tag !== undefined) return tag;
  throw new PartiError("PARTI_NOT_FOUND", `${base}/releases/latest names no release`);
}

async function newestTagOf(line: string, api: string, timeoutMs: number): Promise<string> {
  const versions: string[] = [];
  for (let page = 1; page <= maxApiPages; page++) {
    const response = await get(`${api}/releases?per_page=100&page=${page}`, timeoutMs);
    const releases = await response.json() as { tag_name?: string; prerelease?: boolean }[];
    for (const { tag_name: tag = "", prerelease = false } of releases) {
      const version = /^v(\d+\.\d+\.\d+)$/.exec(tag)?.[1];
      if (version !== undefined && !prerelease && matchesLine(version, line)) {
        versions.push(version);
      }
    }
    if (versions.length > 0 || releases.length < 100) break;
  }
  const newest = versions.sort(compareVersions).at(-1);
  if (newest !== undefined) return `v${newest}`;
  throw new PartiError("PARTI_NOT_FOUND", `there is no release ${line}`);
}

function platform(): string {
  const arch = { x86_64: "amd64", aarch64: "arm64" }[Deno.build.arch];
  return `${Deno.build.os}-${arch}`;
}

async function get(url: string, timeoutMs: number): Promise<Response> {
  let response: Response;
  try {
    // Redirects are followed for downloads; the one that names the latest release is the answer itself.
    response = await fetch(url, {
      redirect: url.endsWith("/latest") ? "manual" : "follow",
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === "TimeoutError";
    const cause = timedOut ? `no answer in ${timeoutMs} ms` : (error as Error).cause ?? error;
    throw new PartiError(
      "PARTI_DISCONNECTED",
      `${new URL(url).host} cannot be reached: ${describeError(cause)}`,
      { value: url, cause: error },
    );
  }
  if (response.status < 400) return response;
  await response.body?.cancel();
  throw new PartiError("PARTI_NOT_FOUND", `${url} answers ${response.status}`, { value: url });
}

async function download(url: string, path: string): Promise<void> {
  const { body } = await get(url, downloadTimeoutMs);
  if (!body) throw new PartiError("PARTI_NOT_FOUND", `${url} is empty`);
  let bytes = 0;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.length;
      if (bytes <= maxDownloadBytes) return controller.enqueue(chunk);
      throw new PartiError("PARTI_REFUSED", `${url} is larger than ${maxDownloadBytes} bytes`);
    },
  });
  const file = await Deno.open(path, { create: true, write: true, truncate: true });
  await body.pipeThrough(limit).pipeTo(file.writable);
}

async function requireChecksum(path: string, name: string, sums: string): Promise<void> {
  const line = sums.split("\n").find((line) => line.trim().endsWith(name));
  const expected = line?.trim().split(/\s+/)[0];
  if (expected === undefined) {
    throw new PartiError("PARTI_REFUSED", `SHA256SUMS does not list ${name}`);
  }
  const actual = await sha256OfFile(path);
  if (actual !== expected) {
    throw new PartiError(
      "PARTI_REFUSED",
      `${name} has the checksum ${actual}, and SHA256SUMS says ${expected}`,
    );
  }
}
