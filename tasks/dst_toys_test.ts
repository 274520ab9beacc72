/**
 * For tests: the toys as a registry. It holds no test of its own.
 *
 * @module
 */

import { type ToyBug, toyWorkload } from "../lib/dst/toy_register_test.ts";

const bugs: ToyBug[] = [
  ...[
    "none",
    "blind-put",
    "blind-retry",
    "miss",
    "entropy",
    "salt",
    "deadlock",
    "livelock",
  ] as const,
  ...["spin", "rejection", "escape", "exit"] as const,
];

/** What `--registry` looks for. */
export const workloads = bugs.map(toyWorkload);
