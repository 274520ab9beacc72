import assert from "node:assert/strict";
import { isPartiError } from "../../errors.ts";
import { natsTest } from "../../test_support/rig.ts";

/** Longer than the test may take: a flush that waits for it leaves its timer behind, which fails the test. */
const LONG_MS = 60_000;

natsTest("a flush ends with its connection, and not only when its time is up", async (rig) => {
  const { world: { messaging }, nc } = await rig.connect();
  await messaging.flush(LONG_MS);
  rig.server.pause();
  try {
    const flushed = messaging.flush(LONG_MS);
    const failed = assert.rejects(flushed, (error) => isPartiError(error, "PARTI_DISCONNECTED"));
    await nc.close();
    await failed;
  } finally {
    rig.server.resume();
  }
});

natsTest("probes that are under way end with their connection", async (rig) => {
  const { world: { messaging }, nc } = await rig.connect();
  rig.server.pause();
  try {
    const asked = messaging.unserved(["nobody.there"], LONG_MS);
    const failed = assert.rejects(asked, (error) => isPartiError(error, "PARTI_DISCONNECTED"));
    await nc.close();
    await failed;
  } finally {
    rig.server.resume();
  }
});
