import assert from "node:assert/strict";
import type { ConsumerInfo } from "../../ports/feed.ts";
import { laneMetadata } from "../../names.ts";
import { surveyHolders } from "./survey.ts";

const owner = { group: "g", worker: "w-1", instance: "me" };

function lane(
  name: string,
  filterSubjects: string[],
  instance: string,
  { group = "g", epoch = 1, generation = 1 } = {},
): ConsumerInfo {
  const metadata = laneMetadata({ group, worker: "w", instance }, epoch, generation);
  return { name, filterSubjects, metadata, pending: 0, ackPending: 0, delivered: 0 };
}

function survey(consumers: ConsumerInfo[], own: string[] = []) {
  const { held, unlawful, foreign } = surveyHolders(consumers, {
    subjects: ["s.a", "s.b"],
    owner,
    isOwnLane: (name) => own.includes(name),
    isKnown: (instance) => ["me", "peer"].includes(instance),
    present: { epoch: 3, generation: 7 },
  });
  return { held: [...held], unlawful, foreign };
}

Deno.test("a known instance holds by right, and what does not read a wanted subject does not matter", () => {
  const consumers = [lane("x", ["s.a", "s.z"], "peer"), lane("y", ["s.q"], "dead")];
  assert.deepEqual(survey(consumers), { held: ["s.a"], unlawful: [], foreign: [] });
});

Deno.test("W-2: a lane of an instance that the generation does not know is in nobody's right", () => {
  const present = lane("x", ["s.a"], "dead", { epoch: 3, generation: 7 });
  assert.deepEqual(survey([present]), { held: [], unlawful: ["x"], foreign: [] });
});

Deno.test("a lane made in a later generation is lawful: the asker is behind", () => {
  const later = lane("x", ["s.a"], "newcomer", { epoch: 3, generation: 8 });
  const laterEpoch = lane("y", ["s.b"], "newcomer", { epoch: 4, generation: 1 });
  assert.deepEqual(survey([later, laterEpoch]).held, ["s.a", "s.b"]);
});

Deno.test("whoever sees a lane of a later generation is behind, also if it knows the holder", () => {
  const isBehind = (...consumers: ConsumerInfo[]) =>
    surveyHolders(consumers, {
      subjects: ["s.a"],
      owner,
      isOwnLane: () => true,
      isKnown: (instance) => instance === "peer",
      present: { epoch: 3, generation: 7 },
    }).isBehind;
  assert.ok(isBehind(lane("x", ["s.a"], "peer", { epoch: 3, generation: 8 })));
  assert.ok(isBehind(lane("x", ["s.a"], "newcomer", { epoch: 4, generation: 1 })));
  const earlier = lane("x", ["s.a"], "dead", { epoch: 2, generation: 9 });
  const present = lane("y", ["s.a"], "peer", { epoch: 3, generation: 7 });
  const elsewhere = lane("z", ["s.b"], "peer", { epoch: 9, generation: 9 });
  const foreign = lane("f", ["s.a"], "peer", { group: "other", epoch: 9, generation: 9 });
  assert.ok(!isBehind(earlier, present, elsewhere, foreign));
});

Deno.test("a lane of the asker that it does not know of comes from a create whose answer was lost", () => {
  const consumers = [lane("known", ["s.a"], "me"), lane("unknown", ["s.b"], "me")];
  assert.deepEqual(survey(consumers, ["known"]), {
    held: ["s.a"],
    unlawful: ["unknown"],
    foreign: [],
  });
});

Deno.test("others' consumers are never judged, whatever their filters look like", () => {
  const foreign = (name: string, filterSubjects: string[]): ConsumerInfo => ({
    name,
    filterSubjects,
    metadata: {},
    pending: 0,
    ackPending: 0,
    delivered: 0,
  });
  const cases: [string[], string[]][] = [
    [[], ["s.a", "s.b"]],
    [["s.>"], ["s.a", "s.b"]],
    [["*.a"], ["s.a"]],
    [["s.*.x"], []],
    [["s"], []],
    [["s.b", "t.>"], ["s.b"]],
  ];
  for (const [filter, held] of cases) {
    const expected = { held, unlawful: [], foreign: held.length === 0 ? [] : ["f"] };
    assert.deepEqual(survey([foreign("f", filter)]), expected, filter.join());
  }
  const group = lane("o", ["s.a"], "dead", { group: "other" });
  assert.deepEqual(survey([group]).foreign, ["o"]);
});
