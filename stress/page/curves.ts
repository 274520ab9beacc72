/**
 * What the curves of the page are drawn from.
 *
 * @module
 */
import type { StressResult, StudyResult } from "../results/result.ts";
import { lawText } from "../results/text.ts";

/** One line of a curve. */
export interface CurveLine {
  /** What it is. */
  readonly name: string;
  /** Its values, one for each x. */
  readonly values: readonly (number | null)[];
  /** Whether it is measured points; else it is a law. */
  readonly points: boolean;
}

/** One picture; `browser/curves.js` reads this. */
export interface Curve {
  /** What stands above it. */
  readonly title: string;
  /** What stands below it. */
  readonly caption: string;
  /** The unit of its values. */
  readonly unit: string;
  /** What its x counts. */
  readonly xName: string;
  /** Whether both axes are logarithmic. */
  readonly logarithmic: boolean;
  /** Where. */
  readonly x: readonly number[];
  /** How much. */
  readonly lines: readonly CurveLine[];
}

/**
 * The pictures of a result, by name.
 *
 * @param result the result
 */
export function curvesOf({ studies, cases }: StressResult): Record<string, Curve> {
  const curves = new Map<string, Curve>();
  for (const study of studies) curves.set(study.id, lawCurve(study));
  for (const { id, series } of cases) {
    for (const [at, { name, unit, atSeconds, values }] of series.entries()) {
      curves.set(`${id}/${name}/${at}`, {
        ...{ title: `${id}: ${name} over time`, caption: `${name} in ${unit}`, unit },
        ...{ xName: "s", logarithmic: false, x: atSeconds },
        lines: [{ name, values, points: true }],
      });
    }
  }
  return Object.fromEntries(curves);
}

function lawCurve(study: StudyResult): Curve {
  const { title, unit, over, xs, ys, line, power } = study;
  const isPower = power !== undefined;
  // A logarithm has no 0.
  const shown = (value: number) => isPower && value <= 0 ? null : value;
  const law = (x: number) =>
    isPower ? power.factor * x ** power.exponent : line!.intercept + line!.slope * x;
  return {
    ...{ title, caption: lawText(study), unit, xName: over, logarithmic: isPower, x: xs },
    lines: [
      { name: "measured", values: ys.map(shown), points: true },
      { name: "law", values: xs.map((x) => shown(law(x))), points: false },
    ],
  };
}
