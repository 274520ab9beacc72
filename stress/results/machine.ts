/**
 * On what it was measured: figures of two machines cannot be compared.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { PartiError } from "../../lib/errors.ts";
import { runCommand } from "../../tasks/run_command.ts";

/** A machine, and what runs on it. */
export interface MachineFacts {
  /** The model of its processors. */
  readonly cpuModel: string;
  /** How many there are. */
  readonly cpus: number;
  /** Its memory, in bytes. */
  readonly memoryBytes: number;
  /** Operating system and architecture. */
  readonly platform: string;
  /** The version of Deno. */
  readonly denoVersion: string;
  /** The version of nats-server; empty if none was used. */
  readonly natsServerVersion: string;
}

/**
 * Looks at this machine.
 *
 * @param natsServerVersion the version of the server that was used
 * @returns the facts
 */
export async function describeMachine(
  natsServerVersion: string | undefined,
): Promise<MachineFacts> {
  return {
    cpuModel: await cpuModel(),
    cpus: navigator.hardwareConcurrency,
    memoryBytes: Deno.systemMemoryInfo().total,
    platform: `${Deno.build.os} ${Deno.build.arch}`,
    denoVersion: Deno.version.deno,
    natsServerVersion: natsServerVersion ?? "",
  };
}

/** Memory that the system itself has taken differs from start to start. */
const MEMORY_TOLERANCE = 0.05;

/**
 * In what two machines differ so that durations and memory cannot be compared. Another version of Deno or of nats-server is no other
 * machine: what it costs is to be seen.
 *
 * @param a one
 * @param b the other
 * @returns one sentence for each difference
 */
export function machineDifferences(a: MachineFacts, b: MachineFacts): string[] {
  const differences: string[] = [];
  const compare = (what: string, one: string | number, other: string | number) => {
    if (one !== other) differences.push(`${what}: ${one || "unknown"} and ${other || "unknown"}`);
  };
  compare("processor", a.cpuModel, b.cpuModel);
  compare("number of processors", a.cpus, b.cpus);
  compare("platform", a.platform, b.platform);
  const off = Math.abs(a.memoryBytes - b.memoryBytes) / Math.max(a.memoryBytes, b.memoryBytes);
  if (off > MEMORY_TOLERANCE) {
    differences.push(`memory: ${gigabytes(a.memoryBytes)} and ${gigabytes(b.memoryBytes)}`);
  }
  return differences;
}

/**
 * A machine in one line.
 *
 * @param machine the machine
 */
export function machineText(machine: MachineFacts): string {
  const { cpuModel, cpus, memoryBytes, platform, denoVersion, natsServerVersion } = machine;
  const server = natsServerVersion === "" ? "" : `, nats-server ${natsServerVersion}`;
  return `${cpus} × ${cpuModel || "unknown processor"}, ${gigabytes(memoryBytes)}, ${platform}, ` +
    `Deno ${denoVersion}${server}`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1_024 ** 3).toFixed(1)} GB`;
}

/**
 * The model of the processors, in Linux's words: ARM's have numbers in the place of a name, and two kinds are not to be taken for one.
 *
 * @param text what is in `/proc/cpuinfo`
 * @returns the model; empty where it is not told
 */
export function cpuModelOf(text: string): string {
  const told = (name: string) => new RegExp(`^${name}\\s*:\\s*(.+)$`, "m").exec(text)?.[1];
  const [implementer, part] = [told("CPU implementer"), told("CPU part")];
  return told("model name") ??
    (implementer === undefined || part === undefined ? "" : `ARM ${implementer} ${part}`);
}

/** Empty where the system does not tell. */
async function cpuModel(): Promise<string> {
  try {
    return cpuModelOf(await Deno.readTextFile("/proc/cpuinfo"));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return await ask("sysctl", ["-n", "machdep.cpu.brand_string"]);
}

/**
 * The commit of the code that is measured.
 *
 * @param module the address of a file two folders below the repository's; by default this one
 * @returns its short name, with `+` where files are changed; empty where there is no repository
 */
export async function commitOf(module: string = import.meta.url): Promise<string> {
  if (Deno.build.standalone) return "";
  const folder = fileURLToPath(new URL("..", module));
  const name = await ask("git", ["-C", folder, "rev-parse", "--short", "HEAD"]);
  if (name === "") return "";
  const changes = await ask("git", ["-C", folder, "status", "--porcelain", "--untracked-files=no"]);
  return changes === "" ? name : `${name}+`;
}

/** What a program says, or nothing where it is not there or fails: these facts are told if they are known. */
async function ask(program: string, args: readonly string[]): Promise<string> {
  try {
    const { code, stdout } = await runCommand(program, args);
    return code === 0 ? stdout.trim() : "";
  } catch (error) {
    if (error instanceof PartiError) return "";
    throw error;
  }
}
