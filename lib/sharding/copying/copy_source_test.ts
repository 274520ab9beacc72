import assert from "node:assert/strict";
import { PartiError } from "../../errors.ts";
import type { StreamInfo } from "../../ports/feed.ts";
import { checkSource, SourceSubjects } from "./copy_source.ts";

Deno.test("a source's template says what is read and where the key is", () => {
  const cases: [string, string[], [string, string | undefined][]][] = [
    ["in.{{.PartitionID}}", ["in.>"], [["in.a", "a"], ["in.a.b", "a.b"], ["other.a", undefined]]],
    ["{{.PartitionID}}", [], [["a", "a"], ["a.b", "a.b"]]],
    ["in.{{.PartitionID}}.made", ["in.>"], [
      ["in.a.made", "a"],
      ["in.a.b.made", "a.b"],
      ["in.a.sent", undefined],
      ["in.made", undefined],
    ]],
    ["in.x{{.PartitionID}}y", ["in.>"], [
      ["in.xay", "a"],
      ["in.xa.by", "a.b"],
      ["in.x.ay", undefined],
      ["in.xa.y", undefined],
      ["in.xy", undefined],
    ]],
    ["a.b.{{.PartitionID}}", ["a.b.>"], [["a.b.c", "c"]]],
  ];
  for (const [template, filterSubjects, keys] of cases) {
    const subjects = new SourceSubjects(template);
    assert.deepEqual(subjects.filterSubjects, filterSubjects, template);
    for (const [subject, key] of keys) {
      assert.equal(subjects.keyOf(subject), key, `${template} ${subject}`);
    }
  }
});

Deno.test("a template without one place for the key is refused", () => {
  for (
    const template of [
      "in.>",
      "in.a",
      "in.{{.PartitionID}}.{{.PartitionID}}",
      "in.{{.Shard}}.{{.PartitionID}}",
      "in.*.{{.PartitionID}}",
      "",
    ]
  ) {
    assert.throws(() => new SourceSubjects(template), { code: "PARTI_INVALID_CONFIG" }, template);
  }
});

Deno.test("a source that is missing, a work queue, or without such subjects is refused", async () => {
  const info: StreamInfo = {
    ...{ subjects: ["in.>"], mayHoldOthers: false, retention: "limits", messages: 0 },
    ...{ firstSequence: 1, lastSequence: 0, metadata: {}, maxAckPending: undefined },
  };
  const check = (streamInfo: () => Promise<StreamInfo>, subjectTemplate = "in.{{.PartitionID}}") =>
    checkSource({ streamInfo }, { stream: "IN", subjectTemplate });
  assert.equal(await check(() => Promise.resolve(info)), info);
  await check(() => Promise.resolve({ ...info, retention: "interest" }));
  await check(() => Promise.resolve({ ...info, mayHoldOthers: true }), "out.{{.PartitionID}}");
  const refused = { code: "PARTI_INVALID_CONFIG" };
  await assert.rejects(check(() => Promise.resolve({ ...info, retention: "workqueue" })), refused);
  await assert.rejects(check(() => Promise.resolve(info), "out.{{.PartitionID}}"), refused);
  const missing = new PartiError("PARTI_NOT_FOUND", "no");
  await assert.rejects(check(() => Promise.reject(missing)), { ...refused, cause: missing });
  const away = new PartiError("PARTI_TIMEOUT", "no");
  await assert.rejects(check(() => Promise.reject(away)), away);
});
