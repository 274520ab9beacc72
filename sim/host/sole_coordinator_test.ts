import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { takeName } from "./sole_coordinator.ts";

const isTaken = (error: unknown) =>
  isPartiError(error, "PARTI_INVALID_CONFIG") && /another coordinator of "s"/.test(error.message);

Deno.test("the coordinator's name: whoever comes later is refused, until the first one has ended", async () => {
  await using server = await launchNats();
  const connect = () => connectNats({ servers: server.url });
  await using stack = new AsyncDisposableStack();
  const [first, second] = [await connect(), await connect()];
  for (const nc of [first, second]) stack.defer(() => nc.close());
  const [one, other] = [natsWorld(first).messaging, natsWorld(second).messaging];
  {
    using _name = await takeName(one, "s");
    await assert.rejects(takeName(other, "s"), isTaken);
    using _different = await takeName(other, "t");
  }
  // Two that ask at the same moment: both may be refused, never neither.
  const both = await Promise.allSettled([takeName(one, "s"), takeName(other, "s")]);
  const refused = both.filter((result) => result.status === "rejected" && isTaken(result.reason));
  assert.ok(refused.length > 0);
  for (const result of both) if (result.status === "fulfilled") result.value[Symbol.dispose]();
  using _again = await takeName(other, "s");
});

Deno.test("the coordinator's name: planted: whoever may not say that it is there does not take it", async () => {
  await using server = await launchNats({
    extraConfig: 'authorization { default_permissions: { publish: ">", subscribe: "_INBOX.>" }\n' +
      "users: [ { user: me, password: x } ] }",
  });
  const nc = await connectNats({ servers: server.url, user: "me", pass: "x" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => nc.close());
  await assert.rejects(
    takeName(natsWorld(nc).messaging, "s"),
    (error) => isPartiError(error, "PARTI_REFUSED") && /sim\.coordinator\.s/.test(error.message),
  );
});
