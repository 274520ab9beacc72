import assert from "node:assert/strict";
import { coveredBy } from "../../lib/ports/nats/subjects.ts";
import { launchNats, type NatsServer } from "../../tasks/nats_launcher.ts";
import { selfArguments } from "../../tasks/spawn.ts";
import { until } from "../../tasks/until.ts";
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

Deno.test("permissions: a run in which everybody is a user with no more than the list says passes, and is refused nothing", async () => {
  await using server = await launch();
  const chaos = [
    ...["chaos.enabled=true", "chaos.interval=1s-2s", "simulation.duration=10s"],
    ...["chaos.events=[worker_crash, worker_restart, leader_failure, producer_crash]"],
    "workers.count=4",
  ];
  const { code, stdout, stderr, report } = await sim(...argumentsFor(server, ...chaos));
  assert.ok(report !== undefined, stderr);
  assert.equal(code, 0, stdout);
  assert.deepEqual(defects(report), {});
  assert.deepEqual(violations(server), []);
});

/** A run with one permission less: waits until the server says what it has refused. */
async function refusedWithout(without: Permission): Promise<string | undefined> {
  await using server = await launch(without);
  const out = await Deno.makeTempDir({ prefix: "parti-sim-test-" });
  const args = ["sim", "--out", out, ...argumentsFor(server, "simulation.duration=2s")];
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
