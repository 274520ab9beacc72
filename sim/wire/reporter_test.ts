import assert from "node:assert/strict";
import { PartiError } from "../../lib/errors.ts";
import type { Messaging, Notice } from "../../lib/ports/messaging.ts";
import { systemClock } from "../../lib/ports/nats/clock.ts";
import { ManualClock } from "../../lib/test_support/manual_clock.ts";
import { until } from "../../tasks/until.ts";
import { openInbox } from "./inbox.ts";
import { Reporter } from "./reporter.ts";
import type { Report } from "./wire.ts";

/** Messaging between one inbox and one reporter; `onRequest` may break a request before or after it arrives. */
function pair(onRequest: (count: number) => "ok" | "lost" | "answer lost", maxBytes = Infinity) {
  let inbox: ((notice: Notice) => void) | undefined;
  let count = 0;
  const messaging = {
    subscribe(subject: string, onNotice: (notice: Notice) => void) {
      if (subject.endsWith(".report")) inbox = onNotice;
      return { close: () => inbox = undefined };
    },
    request(subject: string, data: Uint8Array): Promise<Uint8Array> {
      if (data.length > maxBytes) {
        return Promise.reject(new PartiError("PARTI_TOO_LARGE", "max_payload size exceeded"));
      }
      const fate = onRequest(++count);
      return new Promise((resolve, reject) => {
        const answer = fate === "ok" ? resolve : () => {};
        if (fate !== "lost") inbox?.({ subject, data, respond: answer });
        if (fate !== "ok") reject(new PartiError("PARTI_TIMEOUT", "no answer"));
      });
    },
  } as unknown as Messaging;
  return { messaging, requests: () => count };
}

function sent(sequence: number): Report {
  return { kind: "sent", partition: 0, first: sequence, last: sequence };
}

Deno.test("every report arrives once and in order, though requests and answers are lost", async () => {
  const { messaging } = pair((count) => (["lost", "answer lost", "ok"] as const)[count % 3]!);
  const taken: number[] = [];
  const inbox = openInbox(messaging, "r", {
    begun: () => assert.fail("nothing has begun"),
    report(process, report) {
      assert.equal(process, "producer-0#1");
      if (report.kind === "memory") return;
      assert.ok(report.kind === "sent");
      for (let sequence = report.first; sequence <= report.last; sequence++) taken.push(sequence);
    },
  });
  const reporter = new Reporter({ clock: systemClock, messaging }, "r", "producer-0#1");
  for (let sequence = 1; sequence <= 1_200; sequence++) reporter.add(sent(sequence));
  await reporter.flush();
  assert.equal(reporter.pending, 0);
  assert.deepEqual(taken, Array.from({ length: 1_200 }, (_, index) => index + 1));
  inbox.close();
});

Deno.test("how much memory there is goes along with what is sent anyway, once a second at most", async () => {
  const { messaging, requests } = pair(() => "ok");
  const taken: Report[] = [];
  const inbox = openInbox(messaging, "r", {
    begun: () => assert.fail("nothing has begun"),
    report: (_process, report) => taken.push(report),
  });
  const clock = new ManualClock();
  const reporter = new Reporter({ clock, messaging }, "r", "worker-0#1", () => 5);
  const memory = { kind: "memory", rssBytes: 5 };
  reporter.add(sent(1));
  await reporter.flush();
  assert.deepEqual(taken.splice(0), [sent(1), memory]);
  await clock.advance(999);
  reporter.add(sent(2));
  await reporter.flush();
  assert.deepEqual(taken.splice(0), [sent(2)]);
  await clock.advance(5_001);
  assert.deepEqual([taken.length, requests()], [0, 2], "nothing is sent for it");
  reporter.add(sent(3));
  await reporter.flush();
  assert.deepEqual(taken, [sent(3), memory]);
  inbox.close();
});

Deno.test("planted: reports that are too much for one message come in several; one that is too much by itself is named", async () => {
  const { messaging } = pair((count) => count % 2 === 0 ? "answer lost" : "ok", 2_000);
  const taken: string[] = [];
  const inbox = openInbox(messaging, "r", {
    begun: () => assert.fail("nothing has begun"),
    report(_process, report) {
      if (report.kind === "memory") return;
      if (report.kind === "sent") taken.push(String(report.first));
      else taken.push(report.kind === "trouble" ? report.message : report.kind);
    },
  });
  const reporter = new Reporter({ clock: systemClock, messaging }, "r", "worker-0#1");
  const all = Array.from({ length: 100 }, (_, index) => index + 1);
  for (const sequence of all) {
    if (sequence === 50) reporter.add({ kind: "violation", message: "x".repeat(3_000) });
    else reporter.add(sent(sequence));
  }
  await until("all is told", () => reporter.pending === 0);
  const named = "a report (violation) of 3033 bytes is more than the server takes";
  assert.deepEqual(taken, all.map((sequence) => sequence === 50 ? named : String(sequence)));
  inbox.close();
});

Deno.test("who reports too fast has to wait, and a closed reporter lets go", async () => {
  const { messaging, requests } = pair(() => "lost");
  const reporter = new Reporter({ clock: systemClock, messaging }, "r", "worker-0#1");
  await reporter.room();
  for (let sequence = 1; sequence <= 20_100; sequence++) {
    reporter.add({ kind: "uncertain", partition: 0, sequence });
  }
  let passed = false;
  const room = reporter.room().then(() => passed = true);
  while (requests() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(passed, false);
  reporter.close();
  await room;
});
