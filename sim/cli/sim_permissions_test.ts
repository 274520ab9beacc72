import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { coveredBy } from "../../lib/ports/nats/subjects.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { launchNats, type NatsServer } from "../../tasks/nats_launcher.ts";
import { selfArguments } from "../../tasks/spawn.ts";
import { until } from "../../tasks/until.ts";
import { parseConfig } from "../config/config.ts";
import { CHAOS_TYPES, type ChaosType } from "../config/config_schema.ts";
import {
  type Permission,
  PERMISSION_ROLES,
  type PermissionRole,
  permissionsBlock,
  rolePermissions,
} from "../wire/permissions.ts";
import { defects, sim, SMALL } from "./sim_rig_test.ts";

const NAME = "allowed";

/** A server on which each role is a user with just what it needs; without one line of it. */
async function launch(without?: Permission): Promise<NatsServer> {
  const users = PERMISSION_ROLES.map((role) => {
    const lines = rolePermissions(NAME, role).filter(({ action, subject }) =>
      action !== without?.action || subject !== without.subject
    );
    return `{ user: ${role}, password: x, permissions: ${permissionsBlock(lines)} }`;
  });
  return await launchNats({
    extraConfig: `accounts { A { jetstream: enabled, users: [ ${users.join("\n")} ] } }`,
  });
}

function argumentsFor(server: NatsServer, ...more: string[]): string[] {
  const user = (role: PermissionRole) => `{ user: ${role}, password: x }`;
  const set = [
    ...["nats.mode=external", `nats.url=${server.url}`, `simulation.name=${NAME}`],
    ...["nats.user=coordinator", "nats.password=x"],
    ...[`nats.workers=${user("worker")}`, `nats.producers=${user("producer")}`],
    ...more,
  ];
  return [...SMALL, ...set.flatMap((one) => ["--set", one])];
}

function violations(server: NatsServer): { action: Permission["action"]; subject: string }[] {
  const found = server.logTail(1_000_000).matchAll(
    /(Publish|Subscription) Violation .*?Subject "([^"]+)"/g,
  );
  return [...found].map(([, what, subject]) => {
    return { action: what === "Publish" ? "publish" : "subscribe", subject: subject! };
  });
}

/** The kinds of chaos that a server which is not ours allows. */
const KINDS = CHAOS_TYPES.filter((kind) => {
  try {
    const nats = "nats: { mode: external, url: nats://127.0.0.1:1 }";
    const chaos = `chaos: { enabled: true, events: [${kind}] }`;
    parseConfig(`${nats}\n${chaos}\ncheckpointing: { enabled: true }`, "kinds.yaml");
    return true;
  } catch (error) {
    if (!isPartiError(error, "PARTI_INVALID_CONFIG")) throw error;
    return false;
  }
});

/** Kinds of which a line may say how long they last. */
const LASTING = /crash|failure|pause|slow/;

/** An event of each kind, far enough from each other that each one can be done. */
function timelineOf(kinds: readonly ChaosType[], everyMs: number): string {
  const events = kinds.map((kind, index) => {
    const down = LASTING.test(kind) ? ", down: 500ms" : "";
    return `{ at: ${500 + index * everyMs}ms, event: ${kind}${down} }`;
  });
  return `chaos.timeline=[${events}]`;
}

Deno.test("permissions: a run with every kind of chaos in which everybody is a user with no more than the list says passes, and is refused nothing", async () => {
  await using server = await launch();
  using temp = new TempDir();
  assert.ok(KINDS.includes("partition_changes") && KINDS.includes("poison_message"), KINDS.join());
  // Whatever comes at the same time as the coordinator's absence is done once it is back.
  const kinds = [...KINDS.filter((kind) => kind !== "coordinator_crash"), "coordinator_crash"];
  const chaos = [
    ...["chaos.enabled=true", "chaos.events=[]", timelineOf(kinds as ChaosType[], 1_500)],
    ...["checkpointing.enabled=true", `checkpointing.path=${temp.path}`],
    ...["workers.count=6", "simulation.seed=1", `simulation.duration=${2 + 1.5 * kinds.length}s`],
  ];
  const { code, stdout, stderr, report } = await sim(...argumentsFor(server, ...chaos));
  assert.ok(report !== undefined, stderr);
  assert.deepEqual(violations(server), []);
  assert.equal(code, 0, stdout);
  assert.deepEqual(defects(report), {});
  const done = report.chaos.filter(({ skipped }) => skipped === undefined);
  assert.deepEqual(done.map(({ type }) => type).sort(), kinds.toSorted(), stdout);
});

/** A run with one permission less: waits until the server says what it has refused. */
async function refusedWithout(
  without: Permission,
  ...more: string[]
): Promise<string | undefined> {
  await using server = await launch(without);
  const out = await Deno.makeTempDir({ prefix: "parti-sim-test-" });
  const args = ["sim", "--out", out, ...argumentsFor(server, "simulation.duration=2s", ...more)];
  const child = new Deno.Command(Deno.execPath(), {
    args: selfArguments(args, ["--allow-all"]),
    ...{ stdout: "null", stderr: "null", stdin: "null" } as const,
  }).spawn();
  let ended = false;
  void child.status.then(() => ended = true);
  const isIt = ({ action, subject }: ReturnType<typeof violations>[number]) =>
    action === without.action && coveredBy(subject, [without.subject]);
  try {
    await until("a refusal, or the end", () => violations(server).some(isIt) || ended, 40_000);
    // What is refused last is refused at the very end.
    return violations(server).find(isIt)?.subject;
  } finally {
    if (!ended) child.kill("SIGKILL");
    await child.status;
    await Deno.remove(out, { recursive: true });
  }
}

/** One of each role's, of what the library does not do by itself: that is tested with the library. All of them take minutes. */
const SAMPLE = Deno.env.get("PARTI_EVERY_PERMISSION") === undefined
  ? [
    /^publish sim\.\*\.begun/,
    /^publish allowed-|^publish \*\.partition/,
    /^publish \$JS\.API\.CONSUMER\.CREATE\.\*\.>/,
  ]
  : [/./];

for (const role of PERMISSION_ROLES) {
  const library = role === "worker" ? /^(\$JS|\$KV|parti\.|_INBOX|\$JS\.ACK)/ : /^$/;
  for (const line of rolePermissions(NAME, role)) {
    const { action, subject, what, when } = line;
    if (when !== undefined) continue;
    if (library.test(subject) || !SAMPLE.some((one) => one.test(`${action} ${subject}`))) continue;
    Deno.test(`permissions: planted: without one for ${what} (${role}, ${action} ${subject}) it is refused`, async () => {
      assert.notEqual(await refusedWithout(line), undefined);
    });
  }
}

/** Lines that only one kind of chaos needs. */
const ONLY_WITH = {
  "publish $KV.*.partitions": "partition_changes",
  "publish *.effect.dead.*": "poison_message",
} as const;

for (const [needed, kind] of Object.entries(ONLY_WITH)) {
  Deno.test(`permissions: planted: without ${needed} ${kind} is refused`, async () => {
    const [line] = PERMISSION_ROLES.flatMap((role) => rolePermissions(NAME, role))
      .filter(({ action, subject }) => `${action} ${subject}` === needed);
    const chaos = ["chaos.enabled=true", "chaos.events=[]", timelineOf([kind], 0)];
    assert.notEqual(await refusedWithout(line!, ...chaos), undefined);
  });
}
