import assert from "node:assert/strict";
import { openBuckets } from "./buckets.ts";
import { resolveConfig } from "./config/config.ts";
import type { PartiError } from "./errors.ts";
import { natsTest } from "./test_support/rig.ts";

natsTest(
  "both buckets are made, measured, and opened again; a setting that differs is told and kept",
  async (rig) => {
    const { world } = await rig.connect();
    const operations: string[] = [];
    const kvOperation = (op: string) => void operations.push(op);
    const drifts: PartiError[] = [];
    const open = (workerIdTtl: string) =>
      openBuckets(
        world,
        resolveConfig({ group: "g", preset: "fast", workerIdTtl }),
        { kvOperation },
        (drift) => drifts.push(drift),
      );
    const { leases, assignments } = await open("5s");
    assert.deepEqual([leases.name, assignments.name], ["parti-g-leases", "parti-g-assignment"]);
    await leases.create("worker.0", new Uint8Array([1]));
    assert.deepEqual(operations, ["create"]);
    assert.equal(drifts.length, 0);
    const again = await open("6s");
    assert.equal((await again.leases.get("worker.0"))?.value[0], 1);
    assert.equal(drifts.length, 1);
    assert.equal(drifts[0]!.code, "PARTI_INVALID_CONFIG");
    assert.match(drifts[0]!.message, /parti-g-leases exists with .*it stays as it is/);
    assert.doesNotMatch(drifts[0]!.hint!, /epochs/);
    // Made for shorter leases it would forget these while their holders count on them.
    const longer = resolveConfig({ group: "g", heartbeatTtl: "6s" });
    await assert.rejects(openBuckets(world, longer, { kvOperation }, () => {}), {
      code: "PARTI_INVALID_CONFIG",
      value: 5_000,
    });
  },
);

natsTest(
  "whoever deletes the assignment bucket is told what that means for an output stream that is kept",
  async (rig) => {
    const { world } = await rig.connect();
    const drifts: PartiError[] = [];
    const open = (storage: "file" | "memory") => {
      const config = resolveConfig({ group: "g", kvBuckets: { storage } });
      return openBuckets(world, config, { kvOperation: () => {} }, (drift) => drifts.push(drift));
    };
    await open("file");
    await open("memory");
    const drift = drifts.find(({ message }) => /parti-g-assignment exists with/.test(message));
    assert.match(
      drift!.hint!,
      /delete it while no worker.*epochs then begin anew.*PARTI_FENCED.*purge/,
    );
  },
);
