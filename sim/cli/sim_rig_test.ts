/**
 * Whole runs as the tests of this folder need them: small, and as processes of their own. No test of its own.
 *
 * @module
 */
import { runOrThrow } from "../../tasks/run_command.ts";
import { selfArguments } from "../../tasks/spawn.ts";
import type { SimReport } from "../report/report.ts";

/** A run small enough for a test: a few processes, a few seconds. */
export const SMALL = [
  "partitions.count=12",
  "partitions.message_rate_per_partition=10",
  "workers.count=3",
  "producers.count=2",
  "workers.processing_delay.min=1ms",
  "workers.processing_delay.max=4ms",
  "simulation.duration=3s",
  "chaos.enabled=false",
  // Tests run where others do, too: what they find out is not how fast it is.
  "thresholds={}",
].flatMap((set) => ["--set", set]);

/** What came of it. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly report: SimReport | undefined;
}

/** Runs `parti sim` as a process of its own, to its end. */
export function sim(...args: string[]): Promise<Ended> {
  return simWith({}, ...args);
}

/** The same with more environment variables. */
export async function simWith(env: Record<string, string>, ...args: string[]): Promise<Ended> {
  const out = await Deno.makeTempDir({ prefix: "parti-sim-test-" });
  try {
    const command = new Deno.Command(Deno.execPath(), {
      args: selfArguments(["sim", "--out", out, ...args], ["--allow-all"]),
      env: { NO_COLOR: "1", ...env },
    });
    const { code, stdout, stderr } = await command.output();
    const text = await Deno.readTextFile(`${out}/report.json`).catch(() => undefined);
    return {
      code,
      stdout: new TextDecoder().decode(stdout),
      stderr: new TextDecoder().decode(stderr),
      report: text === undefined ? undefined : JSON.parse(text),
    };
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

/** What is wrong in a report, by name; empty for a clean one. */
export function defects({ messages, ownership }: SimReport): Record<string, number> {
  const { lost, duplicateEffects, outOfOrder, unexpected, undelivered, givenUp } = messages;
  const { interleavings } = ownership;
  const all = {
    lost,
    duplicateEffects,
    outOfOrder,
    unexpected,
    undelivered,
    givenUp,
    interleavings,
  };
  return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0));
}

/** The processes of a simulation with this name, or of one command of it: both are in the arguments of its workers and producers. */
export async function processesOf(name: string, command = ""): Promise<number[]> {
  const listing = await runOrThrow("ps", ["-eo", "pid=,args="]);
  const lines = listing.split("\n").filter((line) => line.includes(name));
  return lines.filter((line) => line.includes(command)).map((line) => parseInt(line));
}

/** How a run is started that is looked at while it goes on. */
export interface StartOptions {
  /** More environment variables. */
  readonly env?: Record<string, string>;
  /** Whether it is to be at the head of a process group of its own. */
  readonly leader?: boolean;
  /** The folder in which it is started. */
  readonly cwd?: string;
  /** Called with all that it has said so far, each time it says more. */
  readonly onText?: (text: string) => void;
}

/**
 * Starts `parti sim` as a process of its own.
 *
 * @param args its arguments
 * @param options how
 * @returns the process, what it has said so far on either stream, and its end
 */
export function startSim(
  args: readonly string[],
  { env = {}, leader = false, cwd = Deno.cwd(), onText }: StartOptions,
) {
  const self = selfArguments(["sim", ...args], ["--allow-all"]);
  const child = new Deno.Command(leader ? "setsid" : Deno.execPath(), {
    args: leader ? [Deno.execPath(), ...self] : self,
    ...{ cwd, env: { NO_COLOR: "1", ...env } },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = { text: "" };
  const reading = [child.stdout, child.stderr].map(async (stream) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output.text += text;
      onText?.(output.text);
    }
  });
  const ended = Promise.all([child.status, ...reading]).then(([status]) => status);
  return { child, output, ended };
}
