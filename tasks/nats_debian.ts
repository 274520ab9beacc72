/**
 * Gets nats-server from the package of a Debian-like system, without root and without touching the system: apt works
 * with lists, a cache and a sources file of our own, and the package is unpacked, not installed.
 *
 * apt itself verifies the package: the checksum against the list, the list against the release file, and its
 * signature against the keys that the system already trusts.
 *
 * @module
 */

import { PartiError } from "../lib/errors.ts";
import { type AptEntry, readAptEntries } from "./apt_sources.ts";
import { compareVersions, minNatsVersion } from "./nats_binary.ts";
import { type FetchRequest, matchesLine, type NatsSource } from "./nats_source.ts";
import { runCommand, runOrThrow } from "./run_command.ts";

/** What tests replace. */
export interface DebianOptions {
  /** apt's configuration. */
  readonly aptDir?: string;
  /** Which system this is. */
  readonly osRelease?: string;
  /** The program `apt-get`. */
  readonly aptGet?: string;
}

/** Suites from new to old, by the names that stay true when a release comes out. */
const suitesOf = {
  debian: { suites: ["unstable", "testing", "stable", "oldstable"], components: ["main"] },
  ubuntu: { suites: ["devel"], components: ["main", "universe"] },
};

const commandTimeoutMs = 240_000;

/**
 * The distribution's package as a source.
 *
 * @param options what tests replace
 * @returns the source
 */
export function debianSource(options: DebianOptions = {}): NatsSource {
  return {
    name: "the distribution's package",
    fetch: (request) => fetchFromDebian(request, options),
  };
}

async function fetchFromDebian(request: FetchRequest, options: DebianOptions): Promise<void> {
  const system = await readSystem(options.osRelease ?? "/etc/os-release");
  const entry = await findMirror(options.aptDir ?? "/etc/apt", system.codename, system.suites);
  const reasons: string[] = [];
  for (const suite of system.suites) {
    try {
      await fetchFromSuite(request, entry, suite, system.components, options.aptGet ?? "apt-get");
      return;
    } catch (error) {
      if (!(error instanceof PartiError)) throw error;
      reasons.push(`${suite}: ${error.message}`);
    }
  }
  throw new PartiError("PARTI_NOT_FOUND", reasons.join("; "));
}

async function readSystem(file: string) {
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch {
    throw new PartiError("PARTI_NOT_FOUND", "this is not a Debian-like system");
  }
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(text)?.[1];
  const family = ` ${field("ID")} ${field("ID_LIKE")} `;
  const isUbuntu = family.includes(" ubuntu ");
  if (!isUbuntu && !family.includes(" debian ")) {
    throw new PartiError("PARTI_NOT_FOUND", "this is not a Debian-like system");
  }
  const codename = field("UBUNTU_CODENAME") ?? field("DEBIAN_CODENAME") ??
    field("VERSION_CODENAME");
  const { suites, components } = suitesOf[isUbuntu ? "ubuntu" : "debian"];
  // Debian's own release is among the aliases already; Ubuntu has one alias only.
  return { codename, components, suites: isUbuntu && codename ? [...suites, codename] : suites };
}

/** The entry that brings this system its own release: its mirror has the other suites too. */
async function findMirror(
  aptDir: string,
  codename: string | undefined,
  aliases: readonly string[],
): Promise<AptEntry> {
  const own = (await readAptEntries(aptDir)).find((entry) =>
    entry.components.includes("main") &&
    entry.suites.some((suite) => suite === codename || aliases.includes(suite)) &&
    entry.uris.some((uri) => !uri.startsWith("cdrom:"))
  );
  if (own) return own;
  throw new PartiError(
    "PARTI_NOT_FOUND",
    `no source in ${aptDir} brings this system's own release (${codename ?? "unknown"})`,
  );
}

async function fetchFromSuite(
  { dir, versionLine }: FetchRequest,
  entry: AptEntry,
  suite: string,
  components: readonly string[],
  aptGet: string,
): Promise<void> {
  const work = `${dir}/apt-${suite}`;
  try {
    const config = await writeAptConfig(work, entry, suite, components);
    const options = { cwd: work, timeoutMs: commandTimeoutMs };
    // Its exit code is no answer: a hook of the system may fail without root, after everything has arrived.
    const update = await runCommand(aptGet, ["-c", config, "update"], options);
    const listed = await runCommand(
      aptGet,
      ["-c", config, "download", "--print-uris", "nats-server"],
      options,
    );
    const version = /nats-server_([^_\s]+)_\S+\.deb/.exec(listed.stdout)?.[1];
    if (version === undefined) {
      const said = (update.stderr.trim() || listed.stderr.trim() || "no such package").split("\n");
      throw new PartiError("PARTI_NOT_FOUND", said.slice(-2).join(" / "));
    }
    requireVersion(decodeURIComponent(version), versionLine);
    await runOrThrow(aptGet, ["-c", config, "download", "nats-server"], options);
    await unpack(work, dir);
  } finally {
    // The lists are tens of megabytes, and only this one package was wanted of them.
    await Deno.remove(work, { recursive: true }).catch(() => {});
  }
}

function requireVersion(packaged: string, versionLine: string | undefined): void {
  // "2.10.27-1+b2" is Debian's second rebuild of its first packaging of 2.10.27; "1:" would be an epoch.
  const version = packaged.replace(/^\d+:/, "");
  if (compareVersions(version, minNatsVersion) < 0) {
    throw new PartiError("PARTI_SERVER_TOO_OLD", `${version} is too old`);
  }
  if (!matchesLine(version, versionLine)) {
    throw new PartiError("PARTI_NOT_FOUND", `${version} is not ${versionLine}`);
  }
}

async function writeAptConfig(
  work: string,
  entry: AptEntry,
  suite: string,
  components: readonly string[],
): Promise<string> {
  await Deno.mkdir(`${work}/lists/partial`, { recursive: true });
  await Deno.mkdir(`${work}/cache/archives/partial`, { recursive: true });
  const architecture = (await runOrThrow("dpkg", ["--print-architecture"])).trim();
  await Deno.writeTextFile(
    `${work}/own.sources`,
    [
      "Types: deb",
      `URIs: ${entry.uris.filter((uri) => !uri.startsWith("cdrom:")).join(" ")}`,
      `Suites: ${suite}`,
      `Components: ${components.join(" ")}`,
      `Architectures: ${architecture}`,
      ...(entry.signedBy === undefined ? [] : [`Signed-By: ${entry.signedBy}`]),
      "",
    ].join("\n"),
  );
  // Read after the system's configuration, whose proxy settings are needed and whose hooks are not.
  await Deno.writeTextFile(
    `${work}/apt.conf`,
    `
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::sourcelist "${work}/own.sources";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "${work}/lists";
Dir::Cache "${work}/cache";
APT::Sandbox::User "root";
APT::Default-Release "";
Acquire::Languages "none";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
`,
  );
  return `${work}/apt.conf`;
}

async function unpack(work: string, dir: string): Promise<void> {
  let deb: string | undefined;
  for await (const entry of Deno.readDir(work)) if (entry.name.endsWith(".deb")) deb = entry.name;
  if (deb === undefined) throw new PartiError("PARTI_NOT_FOUND", "apt-get downloaded no package");
  await runOrThrow("dpkg", ["-x", deb, "x"], { cwd: work, timeoutMs: commandTimeoutMs });
  for (const place of ["usr/sbin", "usr/bin"]) {
    try {
      await Deno.rename(`${work}/x/${place}/nats-server`, `${dir}/nats-server`);
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new PartiError("PARTI_NOT_FOUND", `${deb} has no nats-server in it`);
}
