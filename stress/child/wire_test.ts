import assert from "node:assert/strict";
import { type CaseAnswer, readAnswer, writeAnswer } from "./wire.ts";

const ANSWER: CaseAnswer = {
  kind: "outcome",
  outcome: {
    samples: [{ metric: "heap", value: 1.5 }, { metric: "rate", value: 2, limit: 3 }],
    series: [{ name: "heap", unit: "MB", atSeconds: [0, 1], values: [1, 2] }],
    problems: ["it leaks"],
  },
};

Deno.test("wire: an answer is one line, and is read back as it was, whatever else was printed", () => {
  const line = writeAnswer(ANSWER);
  assert.equal(line.match(/\n/g)!.length, 1);
  assert.deepEqual(readAnswer(`something\n${line}more\n`), ANSWER);
  const error: CaseAnswer = { kind: "error", message: "no server" };
  assert.deepEqual(readAnswer(writeAnswer(error)), error);
});

Deno.test("wire: nothing, half an answer, or something else is no answer", () => {
  assert.equal(readAnswer(""), undefined);
  assert.equal(readAnswer(writeAnswer(ANSWER).slice(0, 40)), undefined);
  assert.equal(readAnswer('{"kind":"outcome"}\n'), undefined);
  const wrong = writeAnswer({ kind: "outcome", outcome: { samples: [{ metric: "x" }] } } as never);
  assert.equal(readAnswer(wrong), undefined);
});
