import assert from "node:assert/strict";
import { refuseLong, SUBJECT_MAX_BYTES } from "./subject_length.ts";

Deno.test("a subject may be as long as a server takes it, in bytes", () => {
  for (const [letter, bytes] of [["a", 1], ["ä", 2], ["€", 3]] as const) {
    const longest = letter.repeat(Math.floor(SUBJECT_MAX_BYTES / bytes));
    refuseLong(longest, "publish to");
    assert.throws(() => refuseLong(longest + letter, "publish to"), {
      code: "PARTI_REFUSED",
      message: `publish to ${letter.repeat(50)}…: the subject is too long`,
    });
  }
});
