import assert from "node:assert/strict";
import { JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import { errors } from "@nats-io/nats-core";
import { PartiError } from "../../lib/errors.ts";
import { isOutage } from "./outage.ts";

const notEnabled = (cause?: unknown) =>
  Object.assign(new Error("jetstream is not enabled", { cause }), { name: "JetStreamNotEnabled" });
const refusal = (errCode: number) =>
  new JetStreamApiError({ code: 503, err_code: errCode, description: "no" });

Deno.test("an outage is what says nothing but that nobody answered", () => {
  const nobody = new errors.RequestError("r", { cause: new errors.NoRespondersError("x") });
  for (
    const error of [
      new PartiError("PARTI_TIMEOUT", "late"),
      new errors.TimeoutError(),
      new errors.ClosedConnectionError(),
      nobody,
      notEnabled(nobody),
      refusal(10008),
      refusal(10014),
      new JetStreamError("heartbeats missed"),
      new JetStreamError("Server Shutdown"),
    ]
  ) assert.ok(isOutage(error), String(error));
});

Deno.test("planted: all else is none: a refusal, a stream that is gone, a mistake of ours", () => {
  for (
    const error of [
      new PartiError("PARTI_INVARIANT", "not ours"),
      new TypeError("undefined is not a function"),
      new errors.PermissionViolationError("no", "subscription", "x"),
      notEnabled(),
      refusal(10059),
      new JetStreamError("stream deleted"),
      "text",
    ]
  ) assert.ok(!isOutage(error), String(error));
});
