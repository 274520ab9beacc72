/**
 * How much memory a process has, by its system's word.
 *
 * @module
 */

/**
 * The resident memory of a process on this machine, from Linux's `/proc/<pid>/status`.
 *
 * @param pid its number
 * @returns bytes; 0 for one that is gone, and where there is no such file
 */
export function residentBytes(pid: number): number {
  try {
    return bytesOf(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || isGone(error)) return 0;
    throw error;
  }
}

/** A process may end between the opening of its file and the reading (ESRCH). */
function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ESRCH";
}

/**
 * The resident memory in the words of the file: `VmRSS:     8192 kB`.
 *
 * @param status the file
 * @returns bytes; 0 of a process that has ended and was not waited for: it has none
 */
export function bytesOf(status: string): number {
  const [, kilobytes = "0"] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kilobytes) * 1_024;
}
