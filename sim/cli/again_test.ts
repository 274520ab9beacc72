import assert from "node:assert/strict";
import { argumentsAgain } from "./again.ts";

Deno.test("the same run again: all that was asked for, with the seed that it got and without its folder", () => {
  const options = {
    ...{ config: "configs/dev.yaml", duration: "10m", out: "out/x", fault: "lose" },
    ...{ natsUrl: "nats://me:secret@host:4222", set: ["workers.count=4", "nats.token=secret"] },
  };
  assert.deepEqual(argumentsAgain(options, 7), [
    ...["sim", "--config", "configs/dev.yaml", "--duration", "10m"],
    ...["--set", "workers.count=4", "--set", "nats.token=(not shown)"],
    ...["--nats-url", "nats://host:4222", "--fault", "lose", "--seed", "7"],
  ]);
  assert.deepEqual(argumentsAgain({ set: [] }, 1), ["sim", "--seed", "1"]);
});
