/**
 * The process of a worker.
 *
 * @module
 */
import { complain, runChild } from "./child.ts";
import { createGroupMember } from "./group_member.ts";
import { nowUs } from "./message.ts";
import { partitionWeights } from "./weights.ts";
import { type ChildSpec, type Command, controlSubject, fromBytes, toBytes } from "./wire.ts";
import { SimWorker } from "./worker.ts";

/**
 * Runs this process as a worker.
 *
 * @param spec the argument of the child
 */
export function runWorker(spec: ChildSpec): Promise<void> {
  return runChild(spec, async ({ world, reporter }) => {
    const weights = partitionWeights(spec.config.partitions, spec.seed);
    const member = createGroupMember({
      world,
      spec,
      weights,
      onChange: () => worker.reportStatus(),
      // The library goes on by itself; the lines are kept for whoever looks into a failed run.
      onError: complain,
    });
    const worker = new SimWorker(spec, world, member, reporter);
    const terminated = new Promise<void>((resolve) =>
      Deno.addSignalListener("SIGTERM", () => resolve())
    );
    world.messaging.subscribe(controlSubject(spec.runId, spec.process), (notice) => {
      const { command } = fromBytes<Command>(notice.data);
      notice.respond(toBytes(command === "status" ? member.status() : command));
    });
    reporter.add({ kind: "hello", pid: Deno.pid, atUs: nowUs() }, "now");
    await worker.start();
    await terminated;
    await worker.stop();
  });
}
