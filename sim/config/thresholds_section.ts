/**
 * The section `thresholds` of the configuration: figures by their path, written flat (`recoveryMs.p99: "< 1000"`) or as the report nests
 * them, and for each one limit or a list of them.
 *
 * @module
 */
import { FIGURES, isFigure, isKnownEarly } from "./figures.ts";
import { nearest } from "./nearest.ts";
import { LIMIT_FORMAT, parseLimit, type Threshold } from "./threshold.ts";
import { DURATION_FORMAT, parseDurationMs, writeDuration } from "./units.ts";

/** A mistake in the section. */
export interface ThresholdProblem {
  /** Where, from the section on. */
  readonly path: (string | number)[];
  /** What may stand there; or, for an unknown name, the whole sentence. */
  readonly message: string;
  /** Whether the message is the whole sentence. */
  readonly unknown?: boolean;
}

const EXAMPLE = 'such as recoveryMs.p99: "< 1000"';
/** The keys of a limit that is more than a limit; k6's. */
const KEYS = ["threshold", "abortOnFail", "delayAbortEval"];

/**
 * Reads the section.
 *
 * @param value what the file says
 * @returns the thresholds, and every mistake
 */
export function readThresholds(
  value: unknown,
): { readonly thresholds: Threshold[]; readonly problems: ThresholdProblem[] } {
  const thresholds: Threshold[] = [];
  const problems: ThresholdProblem[] = [];
  const expect = (path: (string | number)[], message: string) => problems.push({ path, message });
  const readSection = (section: object, path: string[]) => {
    for (const [key, child] of Object.entries(section)) {
      const here = [...path, key];
      const figure = here.join(".");
      if (isSection(child)) readSection(child, here);
      else if (!isFigure(figure)) {
        problems.push({ path: here, message: unknownFigure(figure), unknown: true });
      } else if (Array.isArray(child)) {
        if (child.length === 0) expect(here, "at least one limit");
        child.forEach((each, index) => readLimit(each, figure, [...here, index]));
      } else readLimit(child, figure, here);
    }
  };
  const readLimit = (value: unknown, figure: Threshold["figure"], path: (string | number)[]) => {
    const options = isObject(value) ? value : { threshold: value };
    for (const key of Object.keys(options).filter((key) => !KEYS.includes(key))) {
      const message = `unknown key; allowed: ${KEYS.join(", ")}`;
      problems.push({ path: [...path, key], message, unknown: true });
    }
    const { threshold, abortOnFail = false, delayAbortEval } = options;
    const limit = parseLimit(threshold);
    const delayAbortEvalMs = delayAbortEval === undefined
      ? 0
      : parseDurationMs(String(delayAbortEval));
    if (limit === undefined) expect(isObject(value) ? [...path, "threshold"] : path, LIMIT_FORMAT);
    if (typeof abortOnFail !== "boolean") expect([...path, "abortOnFail"], "true or false");
    else if (abortOnFail && !isKnownEarly(figure)) {
      expect([...path, "abortOnFail"], `false, because ${figure} is only known in the end`);
    }
    if (delayAbortEvalMs === undefined) expect([...path, "delayAbortEval"], DURATION_FORMAT);
    else if (delayAbortEval !== undefined && abortOnFail === false) {
      expect([...path, "delayAbortEval"], "nothing without abortOnFail: true");
    }
    if (limit === undefined || typeof abortOnFail !== "boolean") return;
    thresholds.push({ figure, ...limit, abortOnFail, delayAbortEvalMs: delayAbortEvalMs ?? 0 });
  };
  if (isObject(value)) readSection(value, []);
  else expect([], `a section of figures of the report and their limits, ${EXAMPLE}`);
  return { thresholds, problems };
}

/**
 * Writes thresholds so that {@linkcode readThresholds} reads the very same.
 *
 * @param thresholds the thresholds
 * @returns the section
 */
export function writeThresholds(thresholds: readonly Threshold[]): Record<string, unknown> {
  const section: Record<string, unknown> = {};
  for (const [figure, all] of Map.groupBy(thresholds, ({ figure }) => figure)) {
    const written = all.map(({ operator, limit, abortOnFail, delayAbortEvalMs }) => {
      const threshold = `${operator} ${limit}`;
      if (!abortOnFail) return threshold;
      const delayAbortEval = writeDuration(delayAbortEvalMs);
      return { threshold, abortOnFail, ...(delayAbortEvalMs > 0 ? { delayAbortEval } : {}) };
    });
    section[figure] = written.length === 1 ? written[0] : written;
  }
  return section;
}

/**
 * Takes thresholds out of what a file says, however they are nested there: something else is set in their place.
 *
 * @param section the section
 * @param path a figure's path, or that of several
 * @param before the path of the section itself
 */
export function removeThresholds(section: unknown, path: string, before = ""): void {
  if (!isObject(section)) return;
  for (const [key, child] of Object.entries(section)) {
    const here = before + key;
    if (here === path || here.startsWith(`${path}.`)) delete section[key];
    else if (path.startsWith(`${here}.`) && isSection(child)) {
      removeThresholds(child, path, `${here}.`);
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A part of the tree, and not a limit with its options. */
function isSection(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !KEYS.some((key) => Object.hasOwn(value, key));
}

/** What is said of a path at which the report has no number. */
function unknownFigure(path: string): string {
  const [section] = path.split(".");
  const siblings = FIGURES.filter((figure) => figure.startsWith(`${section}.`));
  const near = nearest(path, FIGURES);
  const hint = near === undefined ? "" : `did you mean ${near}? `;
  const allowed = siblings.length > 0
    ? siblings
    : [...new Set(FIGURES.map((figure) => figure.replace(/\..*/, ".…")))];
  return `unknown figure; ${hint}the report has: ${allowed.join(", ")}`;
}
