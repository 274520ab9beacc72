/**
 * Time that other machines of the same host took: a virtual machine whose processors were elsewhere is slow, whatever its load.
 *
 * @module
 */

/** What the processors have done since the machine started, in the system's ticks. */
export interface ProcessorTime {
  /** When this machine had something to do, and its host did something else. */
  readonly stolen: number;
  /** In all. */
  readonly all: number;
}

/**
 * What the processors of this machine have done, from Linux's `/proc/stat`.
 *
 * @returns their ticks; none of either where there is no such file
 */
export function processorTime(): ProcessorTime {
  if (Deno.build.os !== "linux") return { stolen: 0, all: 0 };
  return processorTimeOf(Deno.readTextFileSync("/proc/stat"));
}

/**
 * The ticks in the words of the file: `cpu  user nice system idle iowait irq softirq steal guest guest_nice`. What guests took is in `user`
 * and `nice` as well (proc_stat(5)).
 *
 * @param stat the file
 */
export function processorTimeOf(stat: string): ProcessorTime {
  const [, ticks = ""] = /^cpu\s+([\d ]+)$/m.exec(stat) ?? [];
  const spent = ticks.split(" ").slice(0, 8).map(Number);
  return { stolen: spent[7] ?? 0, all: spent.reduce((sum, each) => sum + each, 0) };
}
