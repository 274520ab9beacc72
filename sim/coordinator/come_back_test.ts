import assert from "node:assert/strict";
import { parse } from "valibot";
import { isPartiError } from "../../lib/errors.ts";
import { PartiError, type PartiErrorCode } from "../../lib/errors.ts";
import type { Messaging, Notice } from "../../lib/ports/messaging.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { until } from "../../tasks/until.ts";
import { ChaosRunner } from "../chaos/chaos_run.ts";
import { Journal, readJournal } from "../checkpoint/journal.ts";
import { simulationSchema } from "../config/config_schema.ts";
import type { Left, PastFault } from "../ground/ground.ts";
import type { ChaosRecord } from "../report/report.ts";
import type { HostedProcess } from "../host/host.ts";
import { SimConsole } from "../console/status_line.ts";
import { Fleet } from "../run/fleet.ts";
import { status } from "../run/fleet_rig_test.ts";
import { RunState } from "../run/run_state.ts";
import { EffectsReader } from "../streams/effects_reader.ts";
import { topologyOf } from "../streams/topology.ts";
import { fromBytes, type Report, type ReportBatch, reportSubject, toBytes } from "../wire/wire.ts";
import { openInbox } from "../wire/inbox.ts";
import { catchUp, type CatchUpOptions, startMissing, takeOver } from "./come_back.ts";
import { Conclusions, conclusionsOf, type JournalEntry } from "./conclusions.ts";
import { loadRun, type RunCheckpoint, saveRun } from "./run_checkpoint.ts";
import { RunFacts } from "./run_facts.ts";
import { RunWatch } from "./run_watch.ts";

const config = parse(simulationSchema, {
  partitions: { count: 4 },
  workers: { count: 2 },
  producers: { count: 1 },
});

const hosted = (pid: number): HostedProcess => ({
  ...{ pid, output: [], kill: () => {}, terminate: () => {} },
  exited: new Promise(() => {}),
  pause: () => Promise.reject(new Error("nobody is paused here")),
});

/** A coordinator's parts without a server; children report by {@linkcode report}, which gives the answer. */
function coordinator(keep: (entry: JournalEntry) => void = () => {}) {
  const spawned: string[] = [];
  const ended: string[] = [];
  const fleet = new Fleet({
    spec: {} as never,
    hostOf: () => ({
      spawn: (_role, { process }) => (spawned.push(process), hosted(spawned.length)),
    }),
    maxWorkers: 4,
    leaveTimeoutMs: 1_000,
    onUnexpectedExit: ({ process }) => ended.push(process),
  });
  const console = new SimConsole({
    ...{ write: () => {}, terminal: false, color: false, columns: () => 80 },
    now: () => new Date(0),
  });
  const state = new RunState([1, 1, 1, 1], () => fleet, console);
  const heard = new Map<string, (notice: Notice) => void>();
  const messaging = {
    subscribe: (subject: string, onNotice: (notice: Notice) => void) => {
      heard.set(subject, onNotice);
      return { close: () => {} };
    },
  } as unknown as Messaging;
  const inbox = openInbox(messaging, "r", {
    report: (process, report) => state.takeReport(process, report),
    begun: (...what) => state.takeBegun(...what),
  }, keep);
  const facts = new RunFacts({ config, configFile: "x", arguments: [], seed: 1, runId: "r" });
  const chaos = new ChaosRunner({
    ...{ plan: { seed: 1, events: [] }, runId: "r", fleet, state, messaging, console },
    ...{ server: undefined, minWorkers: 1, windowMs: 1_000 },
    timing: { heartbeatTtlMs: 6_000, electionTimeoutMs: 5_000 },
  });
  const watch = new RunWatch({
    ...{ runId: "r", state, fleet, facts, console, durationMs: 1 },
    ...{ ...{ onTick: () => {}, serverPids: () => [] }, chaos: () => 0 },
  });
  const reader = new EffectsReader(undefined as never, "effects", () => {}, () => {});
  const kept: string[] = [];
  const observer = { keeps: ({ process }: { process: string }) => void kept.push(process) };
  const parts = { facts, state, watch, fleet, chaos, reader, inbox, observer };
  const report = (process: string, number: number, ...reports: Report[]) => {
    const batch: ReportBatch = { process, number, reports };
    let answer;
    heard.get(reportSubject("r"))!({
      ...{ subject: reportSubject("r"), data: toBytes(batch) },
      respond: (data: Uint8Array) => answer = fromBytes(data),
    } as Notice);
    return answer;
  };
  return {
    parts,
    report,
    spawned,
    ended,
    kept,
    save: () => JSON.parse(JSON.stringify(saveRun(parts))) as RunCheckpoint,
  };
}

const sent = (first: number, last: number, partition = 0): Report => {
  return { kind: "sent", partition, first, last };
};
const owns = (...owned: number[]): Report => {
  return { kind: "status", status: status({ owned }), atUs: 5 };
};

Deno.test("coming back: planted: something that is heard before all is known again would be forgotten: it is an error", () => {
  const first = before();
  const checkpoint = first.save();
  const second = coordinator();
  second.report("producer-0#1", 2, sent(11, 12));
  assert.throws(
    () => takeOver(second.parts, checkpoint, leftBy(EVERYBODY), []),
    (error) => isPartiError(error, "PARTI_INVARIANT"),
  );
  assert.throws(
    () => loadRun(second.parts, checkpoint),
    (error) => isPartiError(error, "PARTI_INVARIANT"),
  );
});

function leftBy(living: readonly string[], faults: readonly PastFault[] = []): Left {
  const processes = new Map(living.map((process, index) => [process, hosted(100 + index)]));
  return { killedUs: 1_000, processes, living: new Set(living), faults };
}

/** A coordinator that has heard something, and whose state is then saved. */
function before(keep?: (entry: JournalEntry) => void) {
  const first = coordinator(keep);
  for (const index of [0, 1]) first.parts.fleet.spawn("worker", index);
  first.parts.fleet.spawn("producer", 0);
  first.report("producer-0#1", 1, sent(1, 10));
  first.report("worker-0#1", 1, owns(0, 1));
  first.report("worker-1#1", 1, owns(2, 3));
  return first;
}

const EVERYBODY = ["worker-0#1", "worker-1#1", "producer-0#1"];

Deno.test("coming back: what was answered for after the checkpoint is known, and what comes again counts once", () => {
  using dir = new TempDir();
  using journal = new Journal({ folder: dir.path, keep: 3, onTrouble: assert.fail });
  let isWritten = false;
  const first = before((entry) => isWritten && journal.append(entry));
  const number = journal.next();
  const checkpoint = first.save();
  isWritten = true;
  assert.equal(first.report("producer-0#1", 2, sent(11, 15)), "taken");
  first.report("producer-0#1", 2, sent(11, 15));
  first.report("worker-0#1", 2, { kind: "violation", message: "it broke" });

  const second = coordinator();
  const entries = readJournal<JournalEntry>(dir.path, number);
  assert.equal(entries.length, 2, "what came twice is written once");
  takeOver(second.parts, checkpoint, leftBy(EVERYBODY), [...entries, ...entries]);
  const { state } = second.parts;
  assert.equal(state.sent, 15);
  assert.deepEqual(state.violations, ["worker-0#1: it broke"]);
  // The answer was lost with the one that was killed.
  assert.equal(second.report("producer-0#1", 2, sent(11, 15)), "taken");
  second.report("producer-0#1", 3, sent(16, 16));
  assert.equal(state.sent, 16);
  assert.equal(state.ledger.totals().sent, 16);
});

Deno.test("coming back: planted: a journal that has forgotten a batch does not know what was in it", () => {
  const entries: JournalEntry[] = [];
  const first = before((entry) => entries.push(entry));
  const checkpoint = first.save();
  entries.length = 0;
  first.report("producer-0#1", 2, sent(11, 15));
  const second = coordinator();
  takeOver(second.parts, checkpoint, leftBy(EVERYBODY), entries.slice(1));
  assert.equal(second.parts.state.sent, 10);
});

Deno.test("coming back: a handler that was at work when the coordinator was killed is counted once", () => {
  const first = before();
  first.parts.inbox.again({ begun: ["worker-0#1", "i", 0, 1, 50] });
  const second = coordinator();
  takeOver(second.parts, first.save(), leftBy(EVERYBODY), []);
  const { ledger } = second.parts.state;
  assert.equal(ledger.handlers.unreported, 1);
  second.report("worker-0#1", 2, {
    kind: "delivered",
    delivery: {
      ...{ partition: 0, sequence: 1, process: "worker-0#1", instance: "i", epoch: 1 },
      ...{ generation: 1, streamSequence: 1, deliveryCount: 1, startUs: 50, endUs: 60 },
      outcome: "written",
    },
  });
  assert.equal(ledger.handlers.unreported, 0);
  assert.equal(ledger.totals().deliveries, 1);
});

Deno.test("coming back: who lives is adopted, who has ended is missed, who is missing is started", async () => {
  const first = before();
  const checkpoint = first.save();
  // A crash of before is made good between the checkpoint and the kill; and a worker ends by itself meanwhile.
  const left = leftBy(["worker-0#1", "worker-2#1"]);
  const died = { ...hosted(9), exited: Promise.resolve({ code: 1, signal: null }) };
  const processes = new Map([...left.processes, ["worker-1#1", died], ["producer-0#1", hosted(3)]]);
  const second = coordinator();
  const { fleet } = second.parts;
  takeOver(second.parts, checkpoint, { ...left, processes }, []);
  await until("its end is known", () => second.ended.length > 0);
  assert.deepEqual(second.ended, ["worker-1#1"]);
  assert.deepEqual(fleet.running("worker").map(({ process }) => process), [
    "worker-0#1",
    "worker-2#1",
  ]);
  assert.deepEqual(fleet.get("worker-0#1")!.status!.owned, [0, 1]);
  assert.equal(fleet.get("worker-0#1")!.hosted!.pid, 100);
  await startMissing(fleet, { ...config, workers: { ...config.workers, count: 3 } });
  assert.deepEqual(second.spawned, ["worker-1#2"], "the next incarnation of that name");
});

Deno.test("coming back: a fault that ended with the coordinator is an excuse for as long as it lasted, and the absence is none", () => {
  const first = before();
  const checkpoint = { ...first.save(), savedUs: 20_000_000 };
  const faults: PastFault[] = [
    { kind: "stoodStill", process: "worker-0#1", fromUs: 15_000_000, untilUs: 21_000_000 },
    { kind: "stoodStill", process: "worker-1#1", fromUs: 1_000_000, untilUs: 2_000_000 },
    { kind: "outage", process: "", fromUs: 40_000_000, untilUs: 41_000_000 },
  ];
  const second = coordinator();
  takeOver(second.parts, checkpoint, leftBy(EVERYBODY, faults), []);
  const { ledger: { impairments }, outages } = second.parts.state;
  const during = (process: string, atUs: number) => impairments.during(process, atUs, atUs + 1);
  assert.equal(during("worker-0#1", 16_000_000), "stoodStill");
  assert.equal(during("worker-0#1", 30_000_000), undefined);
  assert.equal(during("worker-1#1", 1_500_000), undefined, "it was in the checkpoint, if anywhere");
  assert.equal(during("worker-1#1", 30_000_000), undefined);
  assert.deepEqual(outages, [{ fromUs: 40_000_000, untilUs: 41_000_000 }]);
});

Deno.test("coming back: what the one before had concluded holds, and what it waited for is waited for", () => {
  const entries: JournalEntry[] = [];
  const first = before();
  const record: ChaosRecord = {
    type: "worker_crash",
    ...{ number: 1, atMs: 1, target: "worker-0", recoveredMs: null },
    ...{ wholeMs: null, moves: { total: 0, needed: 0 } },
  };
  first.parts.chaos.load([{ ...record }, { ...record, number: 2 }]);
  const gone = {
    process: "worker-0#1",
    atUs: 0,
    partitions: [0],
    epoch: 1,
    generation: 1,
  } as const;
  first.parts.state.gone({ ...gone, how: "killed", event: 2 }, () => {});
  const { state, chaos } = first.parts;
  const conclusions = new Conclusions(
    () => conclusionsOf(state, chaos.records),
    (entry) => entries.push(JSON.parse(JSON.stringify(entry))),
    () => {},
  );
  conclusions.note();
  const checkpoint = first.save();
  chaos.records[0]!.recoveredMs = 70;
  state.incidents.push("something happened");
  conclusions.note();
  conclusions.note();
  assert.equal(entries.length, 2, "only what is new");

  const second = coordinator();
  takeOver(second.parts, checkpoint, leftBy(EVERYBODY), entries);
  const { chaos: { records }, state: { incidents } } = second.parts;
  assert.deepEqual(records.map(({ recoveredMs }) => recoveredMs), [70, null]);
  assert.deepEqual(incidents, ["something happened"]);
  second.parts.state.takeEffect(
    toBytes({
      ...{ partition: 0, sequence: 1, publishedUs: 1, availableUs: 2, acquiredUs: 0, startUs: 3 },
      ...{ process: "worker-1#1", instance: "i", epoch: 1, generation: 2 },
      ...{ streamSequence: 1, deliveryCount: 1 },
    }),
    300_000,
    1,
  );
  assert.deepEqual(records.map(({ recoveredMs }) => recoveredMs), [70, 300]);
});

Deno.test("planted: what went wrong since the last checkpoint is in another one soon: a run that is killed must not forget it", () => {
  const { state, chaos } = coordinator().parts;
  let asked = 0;
  const conclusions = new Conclusions(
    () => conclusionsOf(state, chaos.records),
    () => {},
    () => void asked++,
  );
  conclusions.note();
  assert.equal(asked, 0, "nothing is wrong");
  state.incidents.push("something happened");
  conclusions.note();
  conclusions.note();
  assert.equal(asked, 1);
  state.doubts.push("who knows");
  conclusions.note();
  assert.equal(asked, 2);
  state.takeReport("worker-0#1", { kind: "violation", message: "told a partition twice" });
  conclusions.note();
  assert.equal(asked, 3);
});

Deno.test("catching up: an outage is waited out, and what is none is not", async () => {
  let asked = 0;
  const catchUpWhere = (code: PartiErrorCode) => {
    const streamInfo = () => {
      if (++asked < 3) return Promise.reject(new PartiError(code, "no"));
      return Promise.resolve({ lastSequence: 7 });
    };
    return catchUp({
      stage: { world: { feed: { streamInfo } }, topology: topologyOf("simulation", undefined) },
      ...{ fleet: { running: () => [] }, reader: { last: 7 }, messaging: {}, runId: "r" },
      ...{ changes: () => ({ added: [], retired: [] }), patienceMs: 60_000 },
      signal: new AbortController().signal,
    } as unknown as CatchUpOptions);
  };
  assert.equal(await catchUpWhere("PARTI_TIMEOUT"), true);
  asked = 0;
  await assert.rejects(catchUpWhere("PARTI_NOT_FOUND"));
  assert.equal(asked, 1);
});
