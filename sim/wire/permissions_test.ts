import assert from "node:assert/strict";
import { busPermissions, workerPermissions } from "../../lib/ports/nats/worker_permissions.ts";
import {
  type Permission,
  PERMISSION_ROLES,
  permissionsBlock,
  rolePermissions,
} from "./permissions.ts";

/** The rows of a file's tables, as action and subject. */
function rowsOf(file: string): string[] {
  const text = Deno.readTextFileSync(new URL(file, import.meta.url));
  return [...text.matchAll(/^\| (publish|subscribe) +\| `([^`]+)`/gm)]
    .map(([, action, subject]) => `${action} ${subject}`);
}

const shown = ({ action, subject }: Permission) => `${action} ${subject}`;

Deno.test("permissions: the tables have what the lists have", () => {
  const names = {
    ...{ group: "orders", stream: "ORDERS" },
    output: { stream: "RESULTS", subjects: "results.*" },
  };
  const library = rowsOf("../../lib/ports/nats/PERMISSIONS.md");
  const bus = { bus: "shop", node: "node-1", directory: true, feed: "carts.*.>" };
  assert.deepEqual(library, [...workerPermissions(names), ...busPermissions(bus)].map(shown));
  const roles = PERMISSION_ROLES.flatMap((role) => rolePermissions("simulation", role));
  assert.deepEqual(rowsOf("PERMISSIONS.md"), roles.map(shown));
});

Deno.test("permissions: an empty list allows nothing", () => {
  assert.equal(permissionsBlock([]), '{ publish: ["_none"], subscribe: ["_none"] }');
});
