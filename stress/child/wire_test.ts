import assert from "node:assert/strict";
import { type CaseAnswer, readAnswer, writeAnswer } from "./wire.ts";

const ANSWER: CaseAnswer = {
  kind: "outcome",
  outcome: {
    samples: [{ metric: "heap", value: 1.5 }, { metric: "rate", value: 2, limit: 3 }],
    series: [{ name: "heap", unit: "MB", atSeconds: [0, 1], values: [1, 2] }],
    problems: ["it leaks"],
    notes: ["it grows"],
  },
};

Deno.test("wire: an answer is one line, and is read back as it was, whatever else was printed", () => {
  const line = writeAnswer(ANSWER);
  assert.equal(line.match(/\n/g)!.length, 1);
  assert.deepEqual(readAnswer(`something\n${line}more\n`), ANSWER);
  assert.deepEqual(readAnswer(`...${line}`), ANSWER, "behind a line without an end");
  const error: CaseAnswer = { kind: "error", message: "no server" };
  assert.deepEqual(readAnswer(writeAnswer(error)), error);
});

Deno.test("wire: nothing is no answer; half an answer or something else is one that cannot be read", () => {
  assert.equal(readAnswer(""), undefined);
  assert.equal(readAnswer('{"kind":"outcome"}\n'), undefined);
  const whyOf = (text: string) => {
    const answer = readAnswer(text);
    return answer?.kind === "unreadable" ? answer.why : answer;
  };
  assert.equal(whyOf(writeAnswer(ANSWER).slice(0, 40)), "no JSON, or torn");
  const samples = [{ metric: "x", value: 1 }, { metric: "x", value: NaN }];
  const wrong = writeAnswer({ kind: "outcome", outcome: { samples } });
  assert.match(String(whyOf(wrong)), /^outcome\.samples\.1\.value: .*number/);
  const nothing = [{ metric: "rate", value: 1, limit: 0 }];
  const noRatio = writeAnswer({ kind: "outcome", outcome: { samples: nothing } });
  assert.match(String(whyOf(noRatio)), /^outcome\.samples\.0\.limit: /, "its ratio is no number");
});
