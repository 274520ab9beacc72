import assert from "node:assert/strict";
import { readReply, writeReply } from "./dst_wire.ts";

Deno.test("a reply is read whatever the code under test has printed before it, and nothing else is", () => {
  const reply = { kind: "tried" } as const;
  const printed = `dst {"kind":"seed"\ndst\n{"kind":"tried"}\nno end`;
  const lines = `${printed}${writeReply(reply)}${writeReply(reply)}`.split("\n");
  assert.deepEqual(lines.map(readReply).filter((read) => read !== undefined), [reply, reply]);
});
