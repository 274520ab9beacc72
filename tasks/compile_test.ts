import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { compile, explainFailure } from "./compile.ts";

Deno.test("compile embeds the program and the configs into the runtime that DENORT_BIN names", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "parti-compile-test-" });
  try {
    // Any executable can carry the payload; only a real denort would also run it.
    const base = ["/usr/bin/true", "/bin/true"].find((path) => existsSync(path));
    if (base === undefined) return;
    const output = `${dir}/parti`;
    assert.equal(await compile({ output, env: { DENORT_BIN: base } }), undefined);
    const binary = new TextDecoder("latin1").decode(Deno.readFileSync(output));
    assert.ok(binary.includes("nats_server.ts"), "lazily imported code is embedded");
    assert.ok(binary.includes("quick.yaml"), "the configs are embedded");
    assert.ok(binary.includes("--chaos-band: rgb("), "the page's own style is embedded");
    assert.ok(binary.includes("var uPlot=function"), "what it draws with is embedded");
    assert.ok(binary.includes(".link.live .dot"), "and so is the live page");
    assert.ok(binary.includes("stress_command.ts"), "the stress suite is embedded");
    assert.ok(binary.includes('querySelectorAll("[data-curve]")'), "and so are its curves");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("a runtime that cannot be downloaded is one clear message", () => {
  const message = explainFailure(
    "error: Writing …\n 1: error sending request for url (https://example.test/denort.zip): dns error",
  );
  assert.match(message, /cannot be downloaded from https:\/\/example\.test\/denort\.zip/);
  assert.match(message, /DENORT_BIN/);
  assert.equal(message.split("\n").length, 2);
});

Deno.test("another failure of the compiler is shown as it is", () => {
  assert.equal(explainFailure("error: Module not found\n"), "error: Module not found");
});
