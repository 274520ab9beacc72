import assert from "node:assert/strict";
import { fromJsApiError, type JsApiError } from "../../ports/nats/nats_errors.ts";
import { refusal, type RefusalCode } from "./refusal.ts";

const CODES: RefusalCode[] = [
  10014,
  10037,
  10058,
  10059,
  10065,
  10071,
  10077,
  10097,
  10099,
  10100,
  10138,
  10148,
  10149,
];

Deno.test("a refusal of the model is what the real adapter makes of the server's", () => {
  for (const code of CODES) {
    const made = refusal(code, "try it");
    const value = made.value as { code: number; errCode: number; description: string };
    const wire: JsApiError = {
      code: value.code,
      err_code: value.errCode,
      description: value.description,
    };
    const real = fromJsApiError(wire, "try it");
    assert.equal(made.code, real.code, String(code));
    assert.equal(made.message, real.message);
    assert.deepEqual(made.value, real.value);
  }
});
