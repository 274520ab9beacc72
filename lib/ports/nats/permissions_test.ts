import assert from "node:assert/strict";
import type { PartiError } from "../../errors.ts";
import { missingPermission, Refusals } from "./permissions.ts";

Deno.test("the missing permission is that for all subjects of the kind", () => {
  const rows = {
    "parti.g.released": "parti.g.released",
    "_INBOX.abc.1": "_INBOX.>",
    "$JS.ACK.S.lane.1.2.3.4.5": "$JS.ACK.>",
    "$JS.API.CONSUMER.MSG.NEXT.S.lane": "$JS.API.CONSUMER.MSG.NEXT.S.*",
    "$JS.API.CONSUMER.CREATE.S.lane-1": "$JS.API.CONSUMER.CREATE.S.*",
    "$JS.API.CONSUMER.DELETE.S.lane-1": "$JS.API.CONSUMER.DELETE.S.*",
    "$JS.API.CONSUMER.INFO.KV_b.parti_watch_x": "$JS.API.CONSUMER.INFO.KV_b.*",
    "$JS.API.CONSUMER.LIST.S": "$JS.API.CONSUMER.LIST.S",
    "$JS.API.STREAM.INFO.KV_b": "$JS.API.STREAM.INFO.KV_b",
    "$KV.parti-g-leases.worker.3": "$KV.parti-g-leases.>",
    "parti.g.probe.1f-2": "parti.g.probe.*",
    "parti.g.released.1f-2": "parti.g.released.*",
    "parti.b.bus.at.n1": "parti.b.bus.at.*",
  };
  for (const [subject, permission] of Object.entries(rows)) {
    const error = missingPermission(subject);
    assert.deepEqual([error.code, error.value], ["PARTI_REFUSED", subject]);
    assert.equal(error.hint, `allow this user to publish to ${permission}`);
  }
});

Deno.test("each permission is told once a minute; pulls and acks are told by those who need them", () => {
  const told: unknown[] = [];
  const refusals = new Refusals(({ value }: PartiError) => told.push(value));
  refusals.tell("a", 0);
  refusals.tell("_INBOX.x.1", 1);
  refusals.tell("_INBOX.x.2", 2);
  refusals.tell("$JS.ACK.S.lane.1.2.3.4.5", 3);
  refusals.tell("$JS.API.CONSUMER.MSG.NEXT.S.lane", 3);
  refusals.tell("a", 59_999);
  refusals.tell("a", 60_000);
  refusals.tell("a", 60_001);
  assert.deepEqual(told, ["a", "_INBOX.x.1", "a"]);
});

Deno.test("what was told is remembered within bounds", () => {
  const told: unknown[] = [];
  const refusals = new Refusals(({ value }: PartiError) => told.push(value));
  for (let i = 0; i <= 100; i++) refusals.tell(`a.${i}`, 0);
  refusals.tell("a.100", 1);
  refusals.tell("a.0", 1);
  assert.deepEqual(told.slice(100), ["a.100", "a.0"]);
});
