/**
 * Which characters of a file were executed: V8's block coverage, as Deno writes it. Unlike lines, blocks tell the two arms of `a ? b : c`
 * apart, and `b` in `a ?? b`, `a && b`, `a?.b` and `if (a) b;`. V8 has no blocks for `??=`, for what a parameter or a pattern has by default,
 * and for an `else` that is not written.
 *
 * @module
 */

/** A part of a file, and how often it was executed; parts within it say otherwise of themselves. */
interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** What one process has executed of one file. */
export interface Profile {
  /** The file's address. */
  readonly url: string;
  /** Its functions, an outer one before those within it; the first is the file itself. */
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

/** For each character of what Deno made of a file: 1 if it was executed, by whatever process. */
export type Executed = Uint8Array;

/**
 * Paints what was executed.
 *
 * @param profiles what processes have executed of one and the same file, at least one
 * @returns 1 for each character that one of them has executed
 */
export function paint(profiles: readonly Profile[]): Executed {
  const lengths = new Set(profiles.map(({ functions }) => functions[0]!.ranges[0]!.endOffset));
  if (lengths.size !== 1) throw new Error(`not one file: ${profiles[0]?.url ?? "no profile"}`);
  const [length] = lengths;
  const all = new Uint8Array(length!);
  for (const { functions } of profiles) {
    const one = new Uint8Array(length!);
    // What is within comes later, and so it has the last word.
    for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges)) {
      one.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    }
    one.forEach((isExecuted, offset) => all[offset]! |= isExecuted);
  }
  return all;
}

/**
 * Reads what was executed.
 *
 * @param folder what `--coverage` was told
 * @param prefix the address of the folder whose files are wanted, with a slash at its end
 * @returns what was executed of each file, by the file's path in that folder
 */
export async function readExecuted(
  folder: string,
  prefix: string,
): Promise<ReadonlyMap<string, Executed>> {
  const profiles = new Map<string, Profile[]>();
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".json")) continue;
    const profile: Profile = JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
    if (!profile.url.startsWith(prefix)) continue;
    const file = profile.url.slice(prefix.length);
    profiles.set(file, [...profiles.get(file) ?? [], profile]);
  }
  return new Map([...profiles].map(([file, of]) => [file, paint(of)]));
}
