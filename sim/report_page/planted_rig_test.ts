/**
 * A run in which everything that is said is an attack on the page. No test of its own.
 *
 * @module
 */
import type { SimReport } from "../report/report.ts";
import { syntheticRun } from "../results/synthetic_rig_test.ts";
import type { Series } from "../series/series.ts";

/** What must never run, nor end an attribute or an element. */
export const PLANTED =
  `</script></style><script>planted = 1</script><img src=x onerror="planted = 1">"'`;

/** Such a run, with a gap and a duplicate in its middle. */
export function plantedRun(): { report: SimReport; series: Series } {
  const { report, series } = syntheticRun();
  const [event] = report.chaos;
  const { gaps, defects } = series.samples;
  return {
    report: {
      ...report,
      ...{ verdict: "fail", reasons: [PLANTED, "1 lost: …"], fault: PLANTED, configFile: PLANTED },
      ...{ arguments: ["sim", "--set", PLANTED], natsServerVersion: PLANTED, incidents: [PLANTED] },
      balance: { strategy: PLANTED, maxOverMean: null },
      chaos: [{ ...event!, target: PLANTED }, { ...event!, skipped: PLANTED }],
      workers: [{ ...report.workers[0]!, id: PLANTED, process: PLANTED }],
      defects: [{ kind: "lost", partition: 1, detail: PLANTED }],
      slowest: {
        ...report.slowest,
        recovery: [{ ms: 1, atMs: 1, partition: 1, who: PLANTED }],
      },
      thresholds: [{ ...report.thresholds[0]!, threshold: PLANTED }],
    },
    series: {
      ...series,
      samples: {
        ...series.samples,
        gaps: gaps.map((_, row) => row < 30 ? 0 : 2),
        defects: defects.map((_, row) => row < 40 ? 0 : 1),
      },
      owners: {
        ...series.owners,
        processes: series.owners.processes.map((process, index) => index === 0 ? PLANTED : process),
      },
    },
  };
}
