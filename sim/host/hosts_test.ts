import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { until } from "../../tasks/until.ts";
import { rig, spec, started } from "./hosts_rig_test.ts";

Deno.test("hosts: who has come starts processes, signals them, and tells their end", async () => {
  await using run = await rig();
  const worker = await run.host("worker", 0, 3);
  await until("it says that it waits", () => worker.said.length > 0);
  assert.match(worker.said[0]!, /waiting for the coordinator/);
  await using hosts = await run.coordinator();
  assert.deepEqual(hosts.missing("worker", 4), [0, 1, 2, 3]);
  assert.equal(hosts.hostOf("worker", 0), undefined);
  await until("it has come", () => hosts.missing("worker", 4).length === 2);
  assert.deepEqual(hosts.missing("worker", 4), [1, 2]);
  assert.equal(hosts.hostOf("producer", 0), undefined);

  const process = hosts.hostOf("worker", 3)!.spawn("worker", spec("worker-3#1"));
  await until("its number is known", () => process.pid === 100);
  {
    await using _paused = await process.pause();
    assert.deepEqual(worker.children[0]!.seen, ["pause"]);
  }
  process.kill();
  assert.deepEqual(await process.exited, { code: 137, signal: "SIGKILL" });
  assert.deepEqual(process.output, ["its last line"]);
  assert.deepEqual(worker.children[0]!.seen, ["pause", "resume", "kill"]);

  const leaving = hosts.hostOf("worker", 0)!.spawn("worker", spec("worker-0#1"));
  await until("started", () => leaving.pid === 101);
  leaving.terminate();
  assert.deepEqual(await leaving.exited, { code: 0, signal: null });
});

Deno.test("hosts: planted: whose clock is off makes a doubt, once; whose clock is right makes none", async () => {
  await using run = await rig();
  await using hosts = await run.coordinator();
  await run.host("worker", 0);
  await run.hostAhead(300, "worker", 1, 2);
  await until("both have come", () => hosts.missing("worker", 3).length === 0);
  await until("the clocks are compared", () => run.doubts.length > 0);
  assert.equal(run.doubts.length, 1);
  const [moreMs, ...others] = run.skews;
  assert.deepEqual(others, []);
  assert.ok(moreMs! > 280 && moreMs! < 600, String(moreMs));
  assert.match(
    run.doubts[0]!,
    /^the clock of the host of worker 1, 2 is \d+ ms ahead of the coord/,
  );
});

Deno.test("hosts: when the run is over a host ends, and so do its processes", async () => {
  await using run = await rig();
  const hosts = await run.coordinator();
  const producer = await run.host("producer", 1);
  await until("it has come", () => hosts.missing("producer", 2).length === 1);
  const process = hosts.hostOf("producer", 1)!.spawn("producer", spec("producer-1#1"));
  await until("started", () => process.pid > 0);
  await hosts[Symbol.asyncDispose]();
  await producer.running;
  assert.deepEqual(producer.children[0]!.seen, ["kill"]);
});

Deno.test("hosts: one that is told to end by hand lets its processes leave in order", async () => {
  await using run = await rig();
  await using hosts = await run.coordinator();
  const worker = await run.host("worker", 0);
  await until("it has come", () => hosts.missing("worker", 1).length === 0);
  const process = hosts.hostOf("worker", 0)!.spawn("worker", spec("worker-0#1"));
  await until("started", () => process.pid > 0);
  worker.end.abort();
  assert.deepEqual(await process.exited, { code: 0, signal: null }, "the coordinator is told");
  await worker.running;
  assert.deepEqual(worker.children[0]!.seen, ["terminate"]);
  // Whoever comes for the same number need not wait until the first one is forgotten.
  const next = await run.host("worker", 0);
  await until("it has come", () => next.said.some((line) => line.startsWith("joined")));
});

Deno.test("hosts: a number that is taken, or too high, is refused with the reason", async () => {
  await using run = await rig();
  await using hosts = await run.coordinator();
  await run.host("worker", 0, 1);
  await until("it has come", () => hosts.missing("worker", 2).length === 0);
  for (
    const [indexes, why] of [[[1, 2], /worker-1 is there already/], [
      [10],
      /highest worker of this run is 9/,
    ]] as const
  ) {
    const other = await run.host("worker", ...indexes);
    await assert.rejects(other.running, (error) => {
      return isPartiError(error, "PARTI_INVALID_CONFIG") && why.test(error.message);
    });
  }
});

Deno.test("hosts: a coordinator that comes after another one wants none of its processes", async () => {
  await using run = await rig();
  const first = await run.coordinator();
  const { worker } = await started(run, first, 1);
  const [old] = worker.children;
  // As SIGKILL leaves it: nobody is told anything.
  first.abandon();
  assert.deepEqual(old!.seen, [], "it goes on without a coordinator");
  await using second = await run.coordinator();
  await until("it has come again", () => second.missing("worker", 1).length === 0);
  await old!.exited;
  assert.deepEqual(old!.seen, ["kill"]);
  const anew = second.hostOf("worker", 0)!.spawn("worker", spec("worker-0#1001"));
  await until("started", () => anew.pid === 101);
});

Deno.test("hosts: planted: what a coordinator that comes back has started before its welcome is there goes on", async () => {
  await using run = await rig();
  const first = await run.coordinator();
  const { worker } = await started(run, first, 1);
  first.abandon();
  const { hosts: second } = await run.lateCoordinator("r");
  await using _second = second;
  await until("it has asked", () => second.missing("worker", 1).length === 0);
  const anew = second.hostOf("worker", 0)!.spawn("worker", spec("worker-0#1001"));
  await until("started", () => anew.pid === 101);
  const joined = () => worker.said.filter((line) => line.startsWith("joined")).length;
  await until("it has its answer", () => joined() === 2);
  assert.deepEqual(worker.children.map(({ seen }) => seen), [["kill"], []]);
});

Deno.test("hosts: planted: one whose coordinator is there stays with it, also if another one answers sooner", async () => {
  await using run = await rig();
  const { hosts: first, asked } = await run.lateCoordinator("own");
  const worker = await run.host("worker", 0);
  await until("it has come", () => first.missing("worker", 1).length === 0);
  await using second = await run.coordinator();
  const before = asked.count;
  await until("it has asked with both there", () => asked.count >= before + 2);
  assert.deepEqual(second.missing("worker", 1), [0]);
  first.abandon();
  await until("it has come to the other one", () => second.missing("worker", 1).length === 0);
  const joined = worker.said.filter((line) => line.startsWith("joined"));
  assert.deepEqual(joined, ["joined run own", "joined run r"]);
});

Deno.test("hosts: planted: a spawn whose answer is lost starts nobody twice", async () => {
  await using run = await rig();
  await using hosts = await run.coordinator();
  const worker = await run.host("worker", 0);
  await until("it has come", () => hosts.missing("worker", 1).length === 0);
  const host = hosts.hostOf("worker", 0)!;
  const once = host.spawn("worker", spec("worker-0#1"));
  const again = host.spawn("worker", spec("worker-0#1"));
  await until("both are answered", () => once.pid > 0 && again.pid > 0);
  assert.equal(worker.children.length, 1);
});

Deno.test("hosts: planted: what a host is told while the server is away, it does once the server is back", async () => {
  await using run = await rig();
  await using hosts = await run.coordinator();
  const { worker, processes: [paused, killed, leaving] } = await started(run, hosts, 4);
  const stopped = await paused!.pause();
  await run.server.kill();
  const goesOn = stopped[Symbol.asyncDispose]();
  killed!.kill();
  leaving!.terminate();
  // Who is wanted no longer before it has started is neither started twice nor left.
  const late = hosts.hostOf("worker", 3)!.spawn("worker", spec("worker-3#2"));
  late.kill();
  await run.server.restart();
  await goesOn;
  assert.equal((await killed!.exited).signal, "SIGKILL");
  assert.equal((await leaving!.exited).code, 0);
  assert.equal((await late.exited).signal, "SIGKILL");
  const seen = worker.children.map((child) => child.seen.join(" "));
  assert.deepEqual(seen, ["pause resume", "kill", "terminate", "kill", "kill"]);
  assert.deepEqual(run.incidents, []);
});

Deno.test("hosts: planted: a host that can be told nothing more is an incident, and its process is not waited for", async () => {
  await using run = await rig();
  await using hosts = await run.coordinator(300);
  const { processes: [killed, paused] } = await started(run, hosts, 2);
  const stopped = await paused!.pause();
  await run.server.kill();
  killed!.kill();
  await Promise.all([killed!.exited, stopped[Symbol.asyncDispose](), paused!.exited]);
  assert.match(run.incidents.join("\n"), /host of worker-0#1 could not be told to kill it, tried/);
  assert.match(run.incidents.join("\n"), /host of worker-1#1 could not be told to resume it/);
  await run.server.restart();
});

Deno.test("hosts: planted: what a host tries in vain is told to whoever has asked for it", async () => {
  await using run = await rig();
  await using hosts = await run.coordinator();
  const { worker, processes: [process] } = await started(run, hosts, 1);
  worker.children[0]!.pause = () => Promise.reject(new Error("no such signal here"));
  await assert.rejects(process!.pause(), /worker-0#1 could not pause: .*no such signal here/);
});

Deno.test("hosts: planted: whoever has the next incarnation started wants nothing of the one before", async () => {
  await using run = await rig();
  await using hosts = await run.coordinator();
  const { worker, processes: [before] } = await started(run, hosts, 2);
  const next = hosts.hostOf("worker", 0)!.spawn("worker", spec("worker-0#2"));
  await until("it runs", () => next.pid > 0);
  const killed = worker.children.filter(({ seen }) => seen.join() === "kill");
  assert.deepEqual(killed.map(({ pid }) => pid), [before!.pid]);
  assert.deepEqual(worker.children.flatMap(({ seen }) => seen), ["kill"]);
});

Deno.test("hosts: planted: once the run is over, processes of a host that has died are not waited for", async () => {
  await using run = await rig();
  await using hosts = await run.coordinator();
  const { worker, processes: [process] } = await started(run, hosts, 1);
  await worker.vanish();
  process!.kill();
  hosts.hurry(100);
  let hasEnded = false;
  void process!.exited.then(() => hasEnded = true);
  await until("it is not waited for", () => hasEnded);
  assert.deepEqual(process!.output, ["its host does not answer"]);
});
