import assert from "node:assert/strict";
import { withFile } from "../../tasks/nats_fakes.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { runOrThrow } from "../../tasks/run_command.ts";
import { makeTestCertificates } from "../../tasks/test_certificates.ts";
import { credentialsGate, nkeyGate } from "./access_rig_test.ts";
import { defects, simWith, SMALL } from "./sim_rig_test.ts";

const SECRET = "s3cret-words";

/** Runs on a server that asks who one is; nobody says a secret, nor is it on the command line of a child. */
async function assertPasses(
  url: string,
  secrets: readonly string[],
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<void> {
  const name = crypto.randomUUID().slice(0, 23);
  const set = ["--set", "nats.mode=external", "--set", `simulation.name=${name}`, ...args];
  const address = url === "" ? [] : ["--set", `nats.url=${url}`];
  const running = simWith(env, ...SMALL, ...address, ...set);
  const over = new AbortController();
  const seen: string[] = [];
  const looking = (async () => {
    while (!over.signal.aborted) {
      const listing = await runOrThrow("ps", ["-eo", "args="]);
      seen.push(
        ...listing.split("\n").filter((line) => {
          return line.includes(name) && /sim-(worker|producer)/.test(line);
        }),
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  })();
  const { code, stdout, stderr, report } = await running.finally(() => over.abort());
  await looking;
  assert.ok(report !== undefined, stderr);
  assert.equal(code, 0, stdout);
  assert.deepEqual(defects(report), {});
  assert.ok(seen.length > 0, "a child was seen");
  for (const secret of secrets) {
    for (const text of [stdout, stderr, JSON.stringify(report), ...seen]) {
      assert.ok(!text.includes(secret), `it is in: ${text.slice(0, 200)}`);
    }
  }
}

/** Ends with 3 and one message, and no secret in it. */
async function assertRefused(
  args: readonly string[],
  message: RegExp,
  env: Record<string, string> = {},
): Promise<void> {
  const set = ["--set", "nats.mode=external", ...args];
  const { code, stdout, stderr, report } = await simWith(env, ...SMALL, ...set);
  assert.equal(code, 3, stderr);
  assert.match(stderr, message);
  assert.equal(stderr.match(/^error:/gm)?.length, 1, stderr);
  assert.doesNotMatch(stderr, /^ {4}at /m, "no stack trace");
  assert.ok(!`${stdout}${stderr}`.includes(SECRET), stderr);
  assert.equal(report, undefined);
}

Deno.test("access: with a user's name and password, over TLS with certificates on both sides", async () => {
  using certificates = await makeTestCertificates();
  const users = `authorization { user: me, password: ${JSON.stringify(SECRET)} }`;
  const tls = certificates?.serverConfig({ verify: true }) ?? "";
  await using server = await launchNats({ extraConfig: `${users}\n${tls}` });
  const own = certificates === undefined ? {} : {
    NATS_CA: certificates.ca,
    NATS_CERT: certificates.client.cert,
    NATS_KEY: certificates.client.key,
  };
  const me = ["--set", "nats.user=me"];
  await assertPasses(server.url, [SECRET], me, { ...own, NATS_PASSWORD: SECRET });
  const url = ["--set", `nats.url=${server.url}`];
  await assertRefused([...me, ...url], /refuses this user.*\n.*check user, password/s, {
    ...own,
    NATS_PASSWORD: `${SECRET}?`,
  });
  if (certificates === undefined) return;
  const { NATS_CA: _, ...withoutCa } = own as Record<string, string>;
  await assertRefused([...me, ...url], /cannot be trusted.*\n.*tls\.ca/s, {
    ...withoutCa,
    NATS_PASSWORD: SECRET,
  });
  await assertRefused([...me, ...url], /refuses this client's certificate.*\n.*tls\.cert/s, {
    NATS_CA: certificates.ca,
    NATS_PASSWORD: SECRET,
  });
});

Deno.test("access: with a token in the address, as NATS clients take it", async () => {
  await using server = await launchNats({
    extraConfig: `authorization { token: ${JSON.stringify(SECRET)} }`,
  });
  const url = server.url.replace("//", `//${SECRET}@`);
  await assertPasses(url, [SECRET], []);
  const wrong = server.url.replace("//", `//${SECRET}x@`);
  await assertRefused(["--nats-url", wrong], /refuses this user/);
});

Deno.test("access: with an NKey's seed", async () => {
  const { serverConfig, seed } = nkeyGate();
  await using server = await launchNats({ extraConfig: serverConfig });
  await withFile(seed, (file) => assertPasses(server.url, [seed], [], { NATS_NKEY: file }));
});

Deno.test("access: with a credentials file, and without one", async () => {
  const { serverConfig, credentials, seed } = credentialsGate();
  await using server = await launchNats({ extraConfig: serverConfig });
  await withFile(credentials, async (file) => {
    const set = ["--set", `nats.credentials=${file}`];
    await assertPasses(server.url, [seed, credentials], set);
  });
  const url = ["--set", `nats.url=${server.url}`];
  await assertRefused(url, /refuses this user/);
  const missing = ["--set", "nats.credentials=/nonexistent/me.creds"];
  await assertRefused([...url, ...missing], /cannot read \/nonexistent\/me\.creds: there is no/);
});

Deno.test("access: what --dry-run prints can be kept: no secret is in it, and it says which are left out", async () => {
  const set = ["nats.mode=external", `nats.password=${SECRET}`, "nats.user=me"];
  const url = `nats.url=nats://u:${SECRET}@127.0.0.1`;
  const args = [...set, url].flatMap((one) => ["--set", one]);
  const { code, stdout, stderr } = await simWith({}, "--dry-run", ...args);
  assert.equal(code, 0, stderr);
  assert.ok(!stdout.includes(SECRET), stdout);
  assert.match(stdout, /^# not shown: nats\.password$/m);
  assert.match(stdout, /^ {2}url: nats:\/\/127\.0\.0\.1$/m);
});
