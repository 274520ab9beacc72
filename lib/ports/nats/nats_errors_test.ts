import assert from "node:assert/strict";
import { ClosedConnectionError, TimeoutError } from "@nats-io/nats-core";
import { PartiError } from "../../errors.ts";
import { fromClientError, fromJsApiError } from "./nats_errors.ts";

Deno.test("JetStream's codes become ours, with the server's words as value", () => {
  const codes = {
    10071: "PARTI_CONFLICT",
    10164: "PARTI_CONFLICT",
    10148: "PARTI_CONFLICT",
    10058: "PARTI_CONFLICT",
    10059: "PARTI_NOT_FOUND",
    10014: "PARTI_NOT_FOUND",
    10100: "PARTI_FILTER_OVERLAP",
    10099: "PARTI_FILTER_OVERLAP",
    10054: "PARTI_TOO_LARGE",
    10097: "PARTI_TOO_LARGE",
    10023: "PARTI_UNAVAILABLE",
    10167: "PARTI_UNAVAILABLE",
    10002: "PARTI_UNAVAILABLE",
    10163: "PARTI_UNAVAILABLE",
    10065: "PARTI_REFUSED",
  };
  for (const [errCode, expected] of Object.entries(codes)) {
    const wire = { code: 400, err_code: Number(errCode), description: "words" };
    const error = fromJsApiError(wire, "try");
    assert.equal(error.code, expected);
    assert.deepEqual(error.value, { code: 400, errCode: Number(errCode), description: "words" });
    assert.equal(error.message, `try: words (${errCode})`);
  }
  const notNow = fromJsApiError({ code: 503, err_code: 10008, description: "x" }, "try");
  assert.equal(notNow.code, "PARTI_NO_RESPONDERS");
  assert.match(fromJsApiError({ code: 503, err_code: 10076 }, "try").hint!, /-js/);
  assert.match(fromJsApiError({ code: 400, err_code: 10121 }, "try").hint!, /max_ack_pending/);
  assert.match(fromJsApiError({ code: 400, err_code: 10113 }, "try").hint!, /max_bytes/);
  assert.match(fromJsApiError({ code: 400, err_code: 10153 }, "try").hint!, /inactiveThreshold/);
});

Deno.test("what is refused for now only is told from what is refused, and a full stream from a full subject", () => {
  const cases = [
    [{ code: 503, description: "raft: not leader" }, "PARTI_UNAVAILABLE"],
    [{ code: 429, description: "too many requests" }, "PARTI_UNAVAILABLE"],
    [{ code: 503, err_code: 10076 }, "PARTI_REFUSED"],
    [{ code: 503, err_code: 10077, description: "maximum bytes exceeded" }, "PARTI_STREAM_FULL"],
    [{ code: 503, err_code: 10077, description: "maximum messages exceeded" }, "PARTI_STREAM_FULL"],
    [
      { code: 503, err_code: 10077, description: "maximum messages per subject exceeded" },
      "PARTI_REFUSED",
    ],
  ] as const;
  for (const [wire, code] of cases) assert.equal(fromJsApiError(wire, "try").code, code);
});

Deno.test("the client's errors become ours", () => {
  assert.equal(fromClientError(new ClosedConnectionError(), "x").code, "PARTI_DISCONNECTED");
  assert.equal(fromClientError(new TimeoutError(), "x").code, "PARTI_TIMEOUT");
  assert.equal(fromClientError(new Error("?"), "x").code, "PARTI_REFUSED");
  assert.equal(fromClientError("text", "x").message, "x: text");
  const ours = new PartiError("PARTI_CONFLICT", "x");
  assert.equal(fromClientError(ours, "y"), ours);
});
