import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import type { Role } from "../wire/wire.ts";
import { roleFromEnvironment, slotsFromEnvironment } from "./host_slots.ts";

const env = (variables: Record<string, string>) => (name: string) => variables[name];

Deno.test("host slots: the variable that is set says the role", () => {
  assert.equal(roleFromEnvironment(env({})), undefined);
  assert.equal(roleFromEnvironment(env({ WORKER_ID: "worker-0" })), "worker");
  assert.equal(roleFromEnvironment(env({ PRODUCER_ID: "0", WORKER_ID: "" })), "producer");
  assert.throws(
    () => roleFromEnvironment(env({ PRODUCER_ID: "0", WORKER_ID: "1" })),
    (error) => isPartiError(error, "PARTI_INVALID_CONFIG"),
  );
});

Deno.test("host slots: a name, a number, a range, several", () => {
  const worker = (text: string) => slotsFromEnvironment("worker", env({ WORKER_ID: text }));
  assert.deepEqual(worker("worker-3"), [3]);
  assert.deepEqual(worker("7"), [7]);
  assert.deepEqual(worker("worker-1-3"), [1, 2, 3]);
  assert.deepEqual(worker("4, 0-1,worker-4"), [0, 1, 4]);
});

Deno.test("host slots: anything else is one clear error that names the variable", () => {
  const cases: [Role, string][] = [
    ["worker", ""],
    ["worker", "producer-1"],
    ["worker", "3-1"],
    ["worker", "1,"],
    ["worker", "12345"],
    ["producer", "worker-0"],
    ["producer", "-1"],
  ];
  for (const [role, text] of cases) {
    const variable = `${role.toUpperCase()}_ID`;
    assert.throws(() => slotsFromEnvironment(role, env({ [variable]: text })), (error) => {
      return isPartiError(error, "PARTI_INVALID_CONFIG") &&
        error.message.startsWith(`${variable}: `);
    }, text);
  }
});
