import assert from "node:assert/strict";
import { FIGURES, isKnownEarly } from "../config/figures.ts";
import { SimConsole } from "../console/status_line.ts";
import { figureAt } from "../report/thresholds.ts";
import { TestFleet } from "../run/fleet_rig_test.ts";
import type { Fleet } from "../run/fleet.ts";
import { RunState } from "../run/run_state.ts";
import { liveFigures } from "./live_figures.ts";

const run = {
  seed: 1,
  durationMs: 5_000,
  resumed: 0,
  machine: {
    cpus: 2,
    loadAverageBefore: 0,
    loadAverageHighest: 0,
    loadAverageAfter: 0,
    overloadedPart: 0,
    stolenPart: 0,
  },
  partitions: 3,
  startup: { workers: 1, allStableMs: 700 },
};

function emptyState(): RunState {
  const console = new SimConsole({
    ...{ write: () => {}, terminal: false, color: false },
    ...{ columns: () => 80, now: () => new Date(0) },
  });
  return new RunState([1, 1, 1], () => new TestFleet() as unknown as Fleet, console);
}

Deno.test("live figures: every one that may end a run is told, and no other", () => {
  const figures = liveFigures({ run, state: emptyState(), loadMs: 1, lost: 0 });
  for (const figure of FIGURES) {
    assert.equal(figureAt(figures, figure) !== undefined, isKnownEarly(figure), figure);
  }
});

Deno.test("live figures: counts are those of the moment, and asking changes nothing", () => {
  const state = emptyState();
  state.ledger.sent(0, 1, 40);
  const look = () => liveFigures({ run, state, loadMs: 2_000, lost: undefined });
  const first = look();
  assert.equal(first.messages?.sent, 40);
  assert.equal(first.messages?.perSecond, 20);
  assert.equal(first.messages?.lost, undefined);
  assert.deepEqual(look(), first);
});
