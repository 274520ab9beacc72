/**
 * The process of a case: loads the case, measures, prints one line, ends.
 *
 * @module
 */
import { describeError, PartiError } from "../../lib/errors.ts";
import { exitWhenParentDies } from "../../tasks/spawn.ts";
import { idOf } from "../case.ts";
import { loadCatalog } from "../registry.ts";
import { type CaseAnswer, type CaseSpec, writeAnswer } from "./wire.ts";

const encoder = new TextEncoder();

/**
 * Runs this process as the one of a case, to its end.
 *
 * @param spec what is measured
 */
export async function runCaseChild(spec: CaseSpec): Promise<never> {
  exitWhenParentDies();
  // Ctrl-C reaches the whole process group; the suite decides when we end.
  Deno.addSignalListener("SIGINT", () => {});
  const answer = await measure(spec);
  writeAll(writeAnswer(answer));
  Deno.exit(answer.kind === "outcome" ? 0 : 1);
}

async function measure(spec: CaseSpec): Promise<CaseAnswer> {
  try {
    const { cases } = await loadCatalog(spec.registry ?? undefined);
    const found = cases.find((one) => idOf(one) === spec.id);
    if (found === undefined) {
      throw new PartiError("PARTI_INVALID_CONFIG", `there is no case ${spec.id}`, {
        value: spec.id,
      });
    }
    const { fault, durationMs, ...rest } = spec;
    const outcome = await found.run({
      ...rest,
      fault: fault ?? undefined,
      durationMs: durationMs ?? undefined,
      progress: (what) => void Deno.stderr.writeSync(encoder.encode(`${what}\n`)),
    });
    return { kind: "outcome", outcome };
  } catch (error) {
    const hint = error instanceof PartiError && error.hint !== undefined ? ` (${error.hint})` : "";
    return { kind: "error", message: describeError(error) + hint };
  }
}

function writeAll(text: string): void {
  const bytes = encoder.encode(text);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}
