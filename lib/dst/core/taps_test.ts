/** What the server does without telling any client reaches the observer. */
import assert from "node:assert/strict";
import { encodeWorkerRecord } from "../../membership/worker_lease.ts";
import { leaseBucket, workerKey } from "../../names.ts";
import { Assertions } from "../assertions/assertions.ts";
import { Kernel } from "../kernel/kernel.ts";
import { KvModel } from "../nats/kv_model.ts";
import { ModelServer } from "../nats/server.ts";
import { StreamsModel } from "../nats/streams_model.ts";
import { type CoreCatalog, coreCatalog } from "./catalog.ts";
import type { Fleet } from "./fleet.ts";
import { cadenceRules } from "./group_config.ts";
import { DEAD, DEAD_PREFIX, FEED, FEED_PREFIX, GROUP, OUTPUT, OUTPUT_PREFIX } from "./names.ts";
import { Observer } from "./observer.ts";
import { plainParameters } from "./plain_parameters_test.ts";
import { Taps } from "./taps.ts";

const TTL_MS = 1_000;
/** A fleet of which nobody lives any more. */
const nobody = { ofProcess: () => undefined, ofInstance: () => undefined, wanted: [] };

for (const version of ["2.10.27", "2.15.1"] as const) {
  Deno.test(`a handler that starts after its lease has expired is seen on ${version}`, async () => {
    const kernel = new Kernel({ seed: 1 });
    const server = new ModelServer({ kernel, version });
    const parameters = plainParameters(version);
    const broken: string[] = [];
    const onBroken = (name: string) => void broken.push(name);
    const assertions = new Assertions<CoreCatalog>(coreCatalog, onBroken);
    const observer = new Observer(assertions, cadenceRules(parameters));
    const fleet = nobody as unknown as Fleet;
    const streams = [[FEED, FEED_PREFIX], [OUTPUT, OUTPUT_PREFIX], [DEAD, DEAD_PREFIX]] as const;
    for (const [name, prefix] of streams) {
      const how = { retention: "limits", storage: "file", replicas: 1 } as const;
      StreamsModel.of(server).createStream(name, { ...how, subjects: [`${prefix}>`] }, "test");
    }
    const how = { ttlMs: TTL_MS, replicas: 1, storage: "file" } as const;
    const leases = KvModel.of(server).create(leaseBucket(GROUP), how);
    new Taps({ server, observer, fleet, assertions, onPublished: () => {} }).open();
    const begin = () =>
      observer.messages.begin(
        {
          partitionId: "p0",
          worker: "worker-0",
          instance: "a",
          epoch: 1,
          generation: 1,
          signal: new AbortController().signal,
        },
        1,
        true,
      )();
    await kernel.run(async () => {
      await kernel.sleep(1);
      const record = { worker: "worker-0", instance: "a", host: "", capacity: 1, labels: {} };
      leases.write(workerKey(0), encodeWorkerRecord({ ...record, leaving: false, applied: 0 }));
      begin();
      assert.deepEqual(broken, []);
      await kernel.sleep(3 * TTL_MS);
      begin();
    });
    assert.deepEqual(broken, ["only under a valid lease"]);
  });
}
