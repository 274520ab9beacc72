/**
 * The process of a producer.
 *
 * @module
 */
import { nowUs } from "../streams/message.ts";
import { runChild } from "../wire/child.ts";
import { type ChildSpec, type Command, controlSubject, fromBytes, toBytes } from "../wire/wire.ts";
import { SimProducer } from "./producer.ts";

/**
 * Runs this process as a producer.
 *
 * @param spec the argument of the child
 */
export function runProducer(spec: ChildSpec): Promise<void> {
  return runChild(spec, async ({ world, reporter }) => {
    const producer = new SimProducer(spec, world, reporter);
    let start = () => {};
    const started = new Promise<void>((resolve) => start = resolve);
    let end = () => {};
    const ended = new Promise<void>((resolve) => end = resolve);
    Deno.addSignalListener("SIGTERM", () => {
      producer.finish();
      start();
    });
    world.messaging.subscribe(controlSubject(spec.runId, spec.process), (notice) => {
      const { command } = fromBytes<Command>(notice.data);
      if (command === "start") start();
      if (command === "finish") {
        producer.finish();
        start();
        // Answered only when all is known: no answer means not finished.
        void ended.then(() => notice.respond(toBytes("finished")));
        return;
      }
      notice.respond(toBytes(command));
    });
    await producer.prepare();
    reporter.add({ kind: "hello", pid: Deno.pid, atUs: nowUs() }, "now");
    await started;
    await producer.run();
    end();
  });
}
