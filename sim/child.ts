/**
 * The life of a child process, whatever its role: connects, reports itself, takes commands, ends with its parent.
 *
 * @module
 */
import type { World } from "../lib/ports/world.ts";
import { connectNats, natsWorld } from "../lib/ports/nats/world.ts";
import { exitWhenParentDies } from "../tasks/spawn.ts";
import { createGroupMember } from "./group_member.ts";
import { nowUs } from "./message.ts";
import { SimProducer } from "./producer.ts";
import { Reporter } from "./reporter.ts";
import { partitionWeights } from "./weights.ts";
import { type ChildSpec, type Command, controlSubject, fromBytes, toBytes } from "./wire.ts";
import { SimWorker, troubleOf } from "./worker.ts";

const encoder = new TextEncoder();

/** What a role gets. */
interface Child {
  readonly world: World;
  readonly reporter: Reporter;
}

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
    reporter.add({ kind: "hello", pid: Deno.pid, atUs: nowUs() });
    await started;
    await producer.run();
    end();
  });
}

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
      onError: (error) => Deno.stderr.writeSync(encoder.encode(`${troubleOf(error)}\n`)),
    });
    const worker = new SimWorker(spec, world, member, reporter);
    const terminated = new Promise<void>((resolve) =>
      Deno.addSignalListener("SIGTERM", () => resolve())
    );
    world.messaging.subscribe(controlSubject(spec.runId, spec.process), (notice) => {
      const { command } = fromBytes<Command>(notice.data);
      notice.respond(toBytes(command === "status" ? member.status() : command));
    });
    reporter.add({ kind: "hello", pid: Deno.pid, atUs: nowUs() });
    await worker.start();
    await terminated;
    await worker.stop();
  });
}

async function runChild(spec: ChildSpec, role: (child: Child) => Promise<void>): Promise<void> {
  exitWhenParentDies();
  // Ctrl-C reaches the whole process group; the coordinator decides in which order we end.
  Deno.addSignalListener("SIGINT", () => {});
  const nc = await connectNats({ servers: spec.natsUrl, name: spec.process });
  const world = natsWorld(nc);
  const reporter = new Reporter(world, spec.runId, spec.process);
  let code = 0;
  try {
    await role({ world, reporter });
  } catch (error) {
    code = 1;
    const message = troubleOf(error);
    await Deno.stderr.write(encoder.encode(`${spec.process}: ${message}\n`));
    reporter.add({ kind: "trouble", message });
    await atMost(reporter.flush());
  }
  // Draining sends the last answers; without a server there is nobody to send them to.
  await atMost(nc.drain());
  Deno.exit(code);
}

const FAREWELL_MS = 2_000;

async function atMost(work: Promise<unknown>): Promise<void> {
  await Promise.race([work, new Promise((resolve) => setTimeout(resolve, FAREWELL_MS))])
    .catch(() => {});
}
