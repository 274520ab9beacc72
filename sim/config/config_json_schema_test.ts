import assert from "node:assert/strict";
import { Validator } from "@cfworker/json-schema";
import { parse } from "yaml";
import { configJsonSchema, JSON_SCHEMA_FILE } from "./config_json_schema.ts";

Deno.test("the published JSON Schema is that of the configuration", async () => {
  assert.equal(
    await Deno.readTextFile(JSON_SCHEMA_FILE),
    configJsonSchema(),
    "write it anew: deno run --allow-write=configs sim/config/config_json_schema.ts",
  );
});

Deno.test("it takes the shipped files and both spellings, and refuses what the program refuses", async () => {
  const schema = new Validator(JSON.parse(configJsonSchema()), "2020-12");
  const accepts = (text: string) => schema.validate(parse(text)).valid;
  for await (const { name } of Deno.readDir(new URL("../../configs/", import.meta.url))) {
    if (!name.endsWith(".yaml")) continue;
    const text = await Deno.readTextFile(new URL(`../../configs/${name}`, import.meta.url));
    assert.match(text, /^# yaml-language-server: \$schema=simulation\.schema\.json\n/, name);
    assert.ok(accepts(text), name);
  }
  assert.ok(
    accepts("{ checkpoint: { enabled: false }, workers: { group: { heartbeatTtl: 3s } } }"),
  );
  assert.ok(accepts("workers: { group: { heartbeat_ttl: 3s } }"));
  assert.ok(!accepts("workers: { countt: 3 }"));
  assert.ok(!accepts("workers: { count: -1 }"));
  assert.ok(!accepts("chaos: { events: [earthquake] }"));
  const limits = (text: string) => accepts(`thresholds: { ${text} }`);
  assert.ok(limits('recoveryMs.p99: "< 1000", messages: { lost: "== 0" }, durationMs: 5'));
  assert.ok(limits('latencyMs.p99: [ "> 0", { threshold: "< 9", abortOnFail: true } ]'));
  assert.ok(!limits('recoveryMs.p98: "< 1000"'));
  assert.ok(!limits('messages: { lots: "== 0" }'));
  assert.ok(!limits('recoveryMs.p99: "< fast"'));
  assert.ok(!limits('moves.total: { threshold: "< 9", abortOnFail: true }'));
});
