/**
 * One repetition of a case, as the suite sees it: a server of its own, a process of its own, an answer or a reason why there is none.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import { launchNats, type NatsServer } from "../../tasks/nats_launcher.ts";
import { orIfGone } from "../../tasks/or_if_gone.ts";
import { spawnSelf } from "../../tasks/spawn.ts";
import { lineSplitter } from "../../tasks/test_output.ts";
import { type CaseOutcome, type Fault, idOf, type StressCase } from "../case.ts";
import { EXPOSE_GC } from "./collected_memory.ts";
import { CASE_COMMAND, type CaseSpec, readAnswer } from "./wire.ts";

/** How it is run. */
export interface RunCaseOptions {
  /** Which repetition, from 0. */
  readonly repetition: number;
  /** Whether this is only a sanity check. */
  readonly quick: boolean;
  /** All chances follow from it. */
  readonly seed: number;
  /** A module with another catalog than the project's. */
  readonly registry?: string | undefined;
  /** A planted defect. */
  readonly fault?: Fault | undefined;
  /** How long the case is to go on, in milliseconds. */
  readonly durationMs?: number | undefined;
  /** Told what the case is doing. */
  readonly onProgress?: (what: string) => void;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** What came of one process. */
export interface CaseRun {
  /** What it has measured. */
  readonly outcome: CaseOutcome;
  /** The version of its server; undefined if it had none. */
  readonly natsServerVersion: string | undefined;
}

const LAST_WORDS_MAX = 2_000;
const QUICK_TIMEOUT_MS = 120_000;
/** Streams of the largest case, with a margin. */
const STORE_MAX_BYTES = 16 * 1_024 ** 3;

/**
 * Runs a case once.
 *
 * @param stressCase the case
 * @param options how
 * @returns what it has measured
 * @throws {PartiError} `PARTI_REFUSED` if it could not be measured or its server ended, `PARTI_TIMEOUT` if it took too long,
 * `PARTI_ABORTED`; or what the launching of the server throws
 */
export async function runCaseOnce(
  stressCase: StressCase,
  options: RunCaseOptions,
): Promise<CaseRun> {
  await using server = stressCase.server
    ? await launchNats({ monitorPort: true, jetstream: { maxFileBytes: STORE_MAX_BYTES } })
    : undefined;
  const spec: CaseSpec = {
    id: idOf(stressCase),
    registry: options.registry ?? null,
    url: server?.url ?? "",
    monitorUrl: server === undefined ? "" : `http://127.0.0.1:${server.monitorPort}`,
    serverPid: server?.pid ?? 0,
    quick: options.quick,
    seed: options.seed,
    repetition: options.repetition,
    fault: options.fault ?? null,
    durationMs: options.durationMs ?? null,
  };
  const timeoutMs = timeoutMsOf(stressCase, options);
  const { v8Flags = [] } = stressCase;
  const env = { DENO_V8_FLAGS: [EXPOSE_GC.DENO_V8_FLAGS, ...v8Flags].join(",") };
  const outcome = await runProcess(spec, env, timeoutMs, options, server);
  return { outcome, natsServerVersion: server?.version };
}

/** A timer of more milliseconds than this fires at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * How long a process of a case may take: a sanity check of a case that may take an hour is not to hang for one. A planned duration is that of
 * the cases which go on for as long as the user says.
 *
 * @param stressCase the case
 * @param options how it is run
 * @returns milliseconds
 */
export function timeoutMsOf(
  { timeoutMs, leastDurationMs }: Pick<StressCase, "timeoutMs" | "leastDurationMs">,
  { quick, durationMs = 0 }: Pick<RunCaseOptions, "quick" | "durationMs">,
): number {
  const longest = quick ? Math.min(timeoutMs, QUICK_TIMEOUT_MS) : timeoutMs;
  return Math.min(TIMER_MAX_MS, longest + (leastDurationMs === undefined ? 0 : durationMs));
}

async function runProcess(
  spec: CaseSpec,
  env: Readonly<Record<string, string>>,
  timeoutMs: number,
  { onProgress = () => {}, signal = new AbortController().signal }: RunCaseOptions,
  server: NatsServer | undefined,
): Promise<CaseOutcome> {
  const interrupted = new PartiError("PARTI_ABORTED", "interrupted");
  if (signal.aborted) throw interrupted;
  const child = spawnSelf([CASE_COMMAND, JSON.stringify(spec)], {
    permissions: ["--allow-all"],
    env: { NO_COLOR: "1", ...env },
    stdout: "piped",
    stderr: "piped",
    ownGroup: true,
  });
  let over = false;
  /** Why it was ended from here. */
  let reason: PartiError | undefined;
  const end = (why: PartiError) => {
    if (over) return;
    reason ??= why;
    kill(child);
  };
  const onAbort = () => end(interrupted);
  const timer = setTimeout(() => end(tooSlow(timeoutMs)), timeoutMs);
  signal.addEventListener("abort", onAbort, { once: true });
  // What waits for a server that is gone would do so for as long as it may.
  void server?.exited.then((code) => end(serverEnded(server, code)));
  try {
    const [stdout, words, status] = await Promise.all([
      new Response(child.stdout).text(),
      followWords(child.stderr, onProgress),
      child.status.finally(() => kill(child)),
    ]);
    const answer = readAnswer(stdout);
    if (answer?.kind === "outcome") return answer.outcome;
    if (reason !== undefined) throw reason;
    if (answer?.kind === "error") throw new PartiError("PARTI_REFUSED", answer.message);
    if (answer?.kind === "unreadable") {
      throw new PartiError("PARTI_REFUSED", `its answer cannot be read: ${answer.why}`);
    }
    const how = status.signal === null ? `exit code ${status.code}` : status.signal;
    throw new PartiError("PARTI_REFUSED", `its process ended with ${how}: ${words.trim()}`);
  } finally {
    over = true;
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    await child.stdin.close().catch(() => {});
  }
}

/** With all that it has started: what hangs there would hold its standard error, and be beside all that is measured later. */
function kill({ pid }: Deno.ChildProcess): void {
  try {
    orIfGone(() => Deno.kill(-pid, "SIGKILL"), undefined);
  } catch (error) {
    // macOS says so of a group in which all have ended and nobody has been told yet.
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
}

function tooSlow(timeoutMs: number): PartiError {
  const what = `it took more than ${timeoutMs / 1_000} s`;
  return new PartiError("PARTI_TIMEOUT", what, { value: timeoutMs });
}

/** Its log goes with it, so its end is told here. */
function serverEnded(server: NatsServer, code: number): PartiError {
  const log = server.logTail(LAST_WORDS_MAX).trim();
  return new PartiError(
    "PARTI_REFUSED",
    `its nats-server ended with exit code ${code}; its log ends with:\n${log}`,
  );
}

async function followWords(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<string> {
  let text = "";
  for await (
    const line of stream.pipeThrough(new TextDecoderStream()).pipeThrough(lineSplitter())
  ) {
    onLine(line);
    text = `${text}\n${line}`.slice(-LAST_WORDS_MAX);
  }
  return text;
}
