/**
 * The part of the configuration's JSON Schema that editors need for `thresholds`: each figure by its name, so that they can complete it.
 *
 * @module
 */
import { type Figure, FIGURES, isKnownEarly } from "./figures.ts";
import { LIMIT_FORMAT, LIMIT_PATTERN } from "./threshold.ts";
import { DURATION_FORMAT } from "./units.ts";

const LATE = "limitInTheEnd";
const EARLY = "limit";

/**
 * Makes it.
 *
 * @returns the section, and the definitions that it refers to
 */
export function thresholdsJsonSchema(): {
  readonly section: Record<string, unknown>;
  readonly definitions: Record<string, unknown>;
} {
  const properties: Record<string, unknown> = {};
  const nested = new Map<string, Record<string, unknown>>();
  for (const figure of FIGURES) {
    properties[figure] = reference(figure);
    const [section, ...rest] = figure.split(".");
    if (rest.length === 0) continue;
    const inside = nested.get(section!) ?? {};
    inside[rest.join(".")] = reference(figure);
    nested.set(section!, inside);
  }
  for (const [section, inside] of nested) properties[section] = closed(inside);
  const limit = {
    anyOf: [{ type: "string", pattern: LIMIT_PATTERN, description: LIMIT_FORMAT }, {
      type: "number",
      description: "the most that is allowed",
    }],
  };
  return {
    section: closed(properties),
    definitions: { [EARLY]: limits(limit, true), [LATE]: limits(limit, false) },
  };
}

/** One limit or a list of them, each with options. */
function limits(limit: Record<string, unknown>, early: boolean): Record<string, unknown> {
  const abort = {
    abortOnFail: { type: "boolean", description: "the run ends as soon as it does not hold" },
    delayAbortEval: { type: "string", description: DURATION_FORMAT },
  };
  const options = {
    ...closed({ threshold: limit, ...(early ? abort : {}) }),
    required: ["threshold"],
  };
  const one = { anyOf: [...limit["anyOf"] as unknown[], options] };
  return { anyOf: [...one.anyOf, { type: "array", minItems: 1, items: one }] };
}

function reference(figure: Figure): Record<string, unknown> {
  return { $ref: `#/$defs/${isKnownEarly(figure) ? EARLY : LATE}` };
}

function closed(properties: Record<string, unknown>): Record<string, unknown> {
  return { type: "object", properties, additionalProperties: false };
}
