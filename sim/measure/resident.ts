/**
 * How much memory a process has, by its system's word.
 *
 * @module
 */
import { orIfGone } from "../../tasks/or_if_gone.ts";

/**
 * The resident memory of a process on this machine, from Linux's `/proc/<pid>/status`.
 *
 * @param pid its number
 * @returns bytes; 0 for one that is gone, and where there is no such file
 */
export function residentBytes(pid: number): number {
  return orIfGone(() => bytesOf(Deno.readTextFileSync(`/proc/${pid}/status`)), 0);
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
