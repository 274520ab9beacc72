/**
 * A run that is watched from outside while it goes on: which processes and servers there are and how they stand, which connections a worker
 * has, what the processes say to the coordinator, and when each event of chaos is done. No test of its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { NatsConnection } from "@nats-io/nats-core";
import { connectNats } from "../../lib/ports/nats/world.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { runOrThrow } from "../../tasks/run_command.ts";
import { until } from "../../tasks/until.ts";
import type { ChaosPlan, PlannedChaos } from "../chaos/chaos_plan.ts";
import { urlsOf } from "../config/nats_section.ts";
import type { Delivery } from "../ledger/ledger.ts";
import type { ChaosRecord, SimReport } from "../report/report.ts";
import { pauseFor } from "../run/wait.ts";
import {
  type ChildSpec,
  fromBytes,
  type ReportBatch,
  reportSubject,
  type WorkerStatus,
} from "../wire/wire.ts";
import { startSim } from "./sim_rig_test.ts";

/** How often it is looked, in milliseconds. */
const LOOK_MS = 100;
/** How long a start may take on a busy machine. */
const PATIENCE_MS = 60_000;

/** A process as it stood at some moment between two, which lie apart on a busy machine. */
export interface Sight {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly pid: number;
  /** As `ps` has it: `T` for one that is stopped. */
  readonly stat: string;
  /** Its connections to the server, by the numbers of their sockets. */
  readonly connections: readonly string[];
}

/** An event of chaos as it was done. */
export interface DoneEvent {
  /** When it was said, in milliseconds since 1970. */
  readonly atMs: number;
  readonly record: ChaosRecord;
  readonly plan: PlannedChaos;
}

/** A process's reports as they came by. */
interface SeenBatch extends ReportBatch {
  readonly atMs: number;
}

/** What was seen of a run. */
export class WatchedRun {
  /** What it is called. */
  readonly name = `watched-${crypto.randomUUID().slice(0, 8)}`;
  /** Workers and producers, by process and incarnation; in the order of their coming. */
  readonly processes = new Map<string, Sight[]>();
  /** Servers, by the folder of each. */
  readonly servers = new Map<string, Sight[]>();
  /** All reports, also those that were sent twice. */
  readonly batches: SeenBatch[] = [];
  /** When it was said that an event is done, in the order of the events. */
  readonly saidMs: number[] = [];
  code = -1;
  text = "";
  report!: SimReport;
  events: readonly DoneEvent[] = [];

  /** The incarnation of a name that was there before a moment. */
  incarnation(name: string, atMs: number): string {
    const found = this.#of(name).filter(([, [first]]) => first!.untilMs < atMs).at(-1);
    assert.ok(found !== undefined, `no ${name} before that moment`);
    return found[0];
  }

  /** The one that came after another; undefined if none did. */
  nextOf(process: string): string | undefined {
    const [name] = process.split("#") as [string];
    const all = this.#of(name).map(([each]) => each);
    return all[all.indexOf(process) + 1];
  }

  #of(name: string): [string, Sight[]][] {
    return [...this.processes].filter(([process]) => process.startsWith(`${name}#`));
  }

  /** What a process handled, each once. */
  handled(process: string): Delivery[] {
    const all = new Map<string, Delivery>();
    for (const batch of this.batches) {
      if (batch.process !== process) continue;
      for (const report of batch.reports) {
        if (report.kind !== "delivered") continue;
        all.set(`${report.delivery.startUs} ${report.delivery.partition}`, report.delivery);
      }
    }
    return [...all.values()];
  }

  /** What a worker last said of itself before a moment. */
  statusOf(process: string, beforeMs: number): WorkerStatus | undefined {
    return this.#statuses(process, beforeMs).at(-1);
  }

  /** The stable IDs that a worker has had. */
  stableIdsOf(process: string): string[] {
    const all = this.#statuses(process).map(({ worker }) => worker);
    return [...new Set(all.filter((worker) => worker !== ""))];
  }

  #statuses(process: string, beforeMs: number = Number.POSITIVE_INFINITY): WorkerStatus[] {
    return this.batches.filter((batch) => batch.process === process && batch.atMs < beforeMs)
      .flatMap(({ reports }) => reports)
      .flatMap((report) => report.kind === "status" ? [report.status] : []);
  }
}

/** Runs a simulation to its end, and watches it. */
export async function watchRun(
  args: readonly string[],
  meanwhile?: (nc: NatsConnection, run: WatchedRun) => Promise<void>,
): Promise<WatchedRun> {
  using temp = new TempDir();
  const out = `${temp.path}/out`;
  const run = new WatchedRun();
  const named = ["--set", `simulation.name=${run.name}`, "--out", out];
  const { output, ended } = startSim([...args, ...named], {
    env: { TMPDIR: temp.path },
    onText: (text) => {
      const said = text.match(/Injecting event: /g)?.length ?? 0;
      while (run.saidMs.length < said) run.saidMs.push(Date.now());
    },
  });
  const over = new AbortController();
  const watching = watchProcesses(run, temp.path, over.signal);
  let nc: NatsConnection | undefined;
  try {
    nc = await listen(run, output, ended);
    await meanwhile?.(nc, run);
  } finally {
    run.code = (await ended).code;
    over.abort();
    await Promise.all([watching, nc?.close()]);
  }
  run.text = output.text;
  await read(run, out);
  return run;
}

/** Hears all that the processes report, as soon as there is a server. */
async function listen(
  run: WatchedRun,
  output: { readonly text: string },
  ended: Promise<unknown>,
): Promise<NatsConnection> {
  let isOver = false;
  void ended.then(() => isOver = true);
  await until("it has a server", () => isOver || urlsIn(output.text) !== undefined, PATIENCE_MS);
  const servers = urlsIn(output.text);
  assert.ok(servers !== undefined, output.text);
  const nc = await connectNats({ servers, name: "watcher" });
  nc.subscribe(reportSubject("*"), {
    callback: (_, { data }) => {
      run.batches.push({ ...fromBytes<ReportBatch>(data), atMs: Date.now() });
    },
  });
  return nc;
}

function urlsIn(text: string): string[] | undefined {
  return /Using nats-server \S+ at (.+)$/m.exec(text)?.[1]?.split(", ");
}

async function read(run: WatchedRun, out: string): Promise<void> {
  const [report, plan] = await Promise.all(
    ["report", "chaos-plan"].map((name) => Deno.readTextFile(`${out}/${name}.json`)),
  ).catch((error) => assert.fail(`${error}\n${run.text}`));
  run.report = JSON.parse(report!) as SimReport;
  const { events } = JSON.parse(plan!) as ChaosPlan;
  const done = run.report.chaos.filter(({ skipped }) => skipped === undefined);
  assert.equal(done.length, run.saidMs.length, run.text);
  run.events = done.map((record, index) => {
    const planned = events.find(({ number }) => number === record.number)!;
    return { atMs: run.saidMs[index]!, record, plan: planned };
  });
}

async function watchProcesses(run: WatchedRun, dir: string, over: AbortSignal): Promise<void> {
  const childLine = / sim-(?:worker|producer) (\{.*\})$/;
  const serverLine = /^\s*\d+ +\S+ +\S*nats-server -c (\S+)\/nats\.conf$/;
  while (!over.aborted) {
    const fromMs = Date.now();
    const listing = await runOrThrow("ps", ["-eo", "pid=,stat=,args="]);
    const lines = listing.split("\n").filter((line) => {
      return line.includes(run.name) || line.includes(dir);
    });
    const seen = await Promise.all(lines.map(async (line) => {
      const [pid, stat] = line.trim().split(/ +/) as [string, string];
      const sight = { fromMs, pid: Number(pid), stat };
      const folder = serverLine.exec(line)?.[1];
      if (folder !== undefined) return { ...sight, all: run.servers, key: folder, connections: [] };
      const child = childLine.exec(line)?.[1];
      if (child === undefined) return undefined;
      const { process, natsUrl } = JSON.parse(child) as ChildSpec;
      const connections = await connectionsOf(sight.pid, urlsOf(natsUrl));
      return { ...sight, all: run.processes, key: process, connections };
    }));
    const untilMs = Date.now();
    for (const sight of seen) {
      if (sight !== undefined) note(sight.all, sight.key, { ...sight, untilMs });
    }
    await pauseFor(LOOK_MS, over);
  }
}

function note(all: Map<string, Sight[]>, key: string, sight: Sight): void {
  const sights = all.get(key) ?? [];
  sights.push(sight);
  all.set(key, sights);
}

const ESTABLISHED = "01";

/** The sockets through which a process is connected to its servers; none for one that has just ended. */
async function connectionsOf(pid: number, urls: readonly string[]): Promise<string[]> {
  const ports = urls.map((url) => {
    return Number(new URL(url).port).toString(16).toUpperCase().padStart(4, "0");
  });
  const isOurs = (remote = "") => ports.some((port) => remote.endsWith(`:${port}`));
  try {
    const own = new Set<string>();
    for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
      const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
      own.add(target);
    }
    const table = await Deno.readTextFile(`/proc/${pid}/net/tcp`);
    return table.split("\n").map((line) => line.trim().split(/ +/))
      .filter(([, , remote, state]) => isOurs(remote) && state === ESTABLISHED)
      .map((columns) => columns[9]!)
      .filter((inode) => own.has(`socket:[${inode}]`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    // A process that is about to end shows its files to nobody.
    if (error instanceof Deno.errors.PermissionDenied) return [];
    throw error;
  }
}
