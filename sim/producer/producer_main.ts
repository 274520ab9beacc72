/**
 * The process of a producer.
 *
 * @module
 */
import { nowUs } from "../streams/message.ts";
import { runChild } from "../wire/child.ts";
import {
  type ChildSpec,
  controlSubject,
  fromBytes,
  type ProducerCommand,
  toBytes,
} from "../wire/wire.ts";
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
    await producer.prepare();
    const follow = async (command: ProducerCommand): Promise<void> => {
      if (command.command === "start") producer.loadHasLasted(command.elapsedMs);
      await producer.change(command.changes);
      if (command.command === "poison") await producer.poison(command.partition, command.order);
      if (command.command === "finish") producer.finish();
      if (command.command === "start" || command.command === "finish") start();
      if (command.command === "finish") await ended;
    };
    world.messaging.subscribe(controlSubject(spec.runId, spec.process), async (notice) => {
      // Answered only when all is known: no answer means that it is not.
      await follow(fromBytes<ProducerCommand>(notice.data));
      notice.respond(toBytes("done"));
    });
    reporter.add({ kind: "hello", pid: Deno.pid, atUs: nowUs() }, "now");
    await started;
    await producer.run();
    end();
  });
}
