import assert from "node:assert/strict";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { RotatingFile } from "./rotating_file.ts";

const read = (path: string) => Deno.readTextFileSync(path);
const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

Deno.test("no file is larger than it may be, and no more are kept than may be", () => {
  using temp = new TempDir();
  const path = `${temp.path}/worker-0.log`;
  using file = new RotatingFile(path, { maxBytes: 20, maxFiles: 3 });
  for (let line = 0; line < 20; line++) file.write(`line ${String(line).padStart(3, "0")}`);
  assert.deepEqual(names(temp.path), ["worker-0.log", "worker-0.log.1", "worker-0.log.2"]);
  assert.equal(read(path), "line 018\nline 019\n");
  assert.equal(read(`${path}.1`), "line 016\nline 017\n");
  assert.equal(read(`${path}.2`), "line 014\nline 015\n");
});

Deno.test("a single file begins anew when it is full", () => {
  using temp = new TempDir();
  using file = new RotatingFile(`${temp.path}/x.log`, { maxBytes: 8, maxFiles: 1 });
  for (const line of ["one", "two", "three"]) file.write(line);
  assert.deepEqual(names(temp.path), ["x.log"]);
  assert.equal(read(`${temp.path}/x.log`), "three\n");
});

Deno.test("what is there stays and counts; a line that is too long is cut off", () => {
  using temp = new TempDir();
  const path = `${temp.path}/x.log`;
  Deno.writeTextFileSync(path, "before\n");
  using file = new RotatingFile(path, { maxBytes: 10, maxFiles: 2 });
  file.write("0123456789abcdef");
  assert.equal(read(`${path}.1`), "before\n");
  assert.equal(read(path), "012345678\n");
});
