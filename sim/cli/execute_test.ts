import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import type { SimConsole } from "../console/status_line.ts";
import { removeFolder } from "./execute.ts";

Deno.test("a folder that cannot be removed changes nothing of a run that has come to its end", async () => {
  using temp = new TempDir();
  const said: string[] = [];
  const console = { log: (tag: string, text: string) => said.push(`${tag} ${text}`) };
  await removeFolder(console as unknown as SimConsole, `${temp.path}/gone`);
  assert.equal(said.join(), "");
  const inFile = `${temp.write("file", "")}/folder`;
  await removeFolder(console as unknown as SimConsole, inFile);
  assert.ok(said.join().startsWith(`WARN ${inFile} could not be removed: `), said.join());
});
