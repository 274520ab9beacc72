/**
 * Coordinators and hosts on a real server. No test of its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Messaging } from "../../lib/ports/messaging.ts";
import { connectNats, natsWorld } from "../../lib/ports/nats/world.ts";
import { launchNats } from "../../tasks/nats_launcher.ts";
import { until } from "../../tasks/until.ts";
import type { ChildSpec, Role } from "../wire/wire.ts";
import { HostAgent } from "./host_agent.ts";
import { TestProcess } from "./process_rig_test.ts";
import { RemoteHosts } from "./remote_hosts.ts";

/** A server; coordinators and hosts on it. */
export async function rig() {
  const stack = new AsyncDisposableStack();
  const server = stack.use(await launchNats());
  const connect = async () => {
    const nc = await connectNats({ servers: server.url });
    stack.defer(() => nc.close());
    return { ...natsWorld(nc), close: () => nc.close() };
  };
  const incidents: string[] = [];
  const doubts: string[] = [];
  const skews: number[] = [];
  const coordinator = async (patienceMs?: number) => {
    const { messaging } = await connect();
    return new RemoteHosts({
      ...{ messaging, simulation: "s", runId: "r", slots: { worker: 10, producer: 2 } },
      onDoubt: (doubt) => doubts.push(doubt),
      onSkew: (moreMs) => skews.push(moreMs),
      ...{ onJoin: () => {}, onIncident: (incident) => incidents.push(incident) },
      ...(patienceMs === undefined ? {} : { patienceMs }),
    });
  };
  /** A coordinator of another run, which answers later than others; how often it was asked is counted. */
  const lateCoordinator = async (runId: string) => {
    const { messaging } = await connect();
    const asked = { count: 0 };
    const hosts = new RemoteHosts({
      messaging: late(messaging, () => asked.count++),
      ...{ simulation: "s", runId, slots: { worker: 10, producer: 2 } },
      ...{ onDoubt: () => {}, onSkew: () => {}, onJoin: () => {}, onIncident: () => {} },
    });
    return { hosts, asked };
  };
  const host = async (role: Role, ...indexes: number[]) => await hostAhead(0, role, ...indexes);
  const hostAhead = async (aheadMs: number, role: Role, ...indexes: number[]) => {
    const { clock, messaging, close } = await connect();
    const world = {
      messaging,
      clock: { ...clock, wallMs: () => clock.wallMs() + aheadMs },
    };
    const children: TestProcess[] = [];
    const said: string[] = [];
    const end = new AbortController();
    const agent = new HostAgent({
      ...{ world, simulation: "s", natsUrl: "nats://here", role, indexes },
      local: {
        spawn: (_role, spec) => {
          assert.equal(spec.natsUrl, "nats://here", "the server's address as the host knows it");
          children.push(new TestProcess(children.length + 100));
          return children.at(-1)!;
        },
      },
      say: (line) => said.push(line),
      ...{ signal: end.signal, silentMs: 3_000 },
    });
    const running = agent.run();
    stack.defer(async () => {
      end.abort();
      await running.catch(() => {}); // looked at by the test
    });
    /** Nothing is heard of it any more. */
    const vanish = close;
    return { children, said, running, end, vanish };
  };
  return {
    server,
    coordinator,
    lateCoordinator,
    host,
    hostAhead,
    incidents,
    doubts,
    skews,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Whoever is subscribed there answers after others have. */
function late(messaging: Messaging, onAsked: () => void): Messaging {
  return {
    request: (...request: Parameters<Messaging["request"]>) => messaging.request(...request),
    subscribe: (subject, onNotice) =>
      messaging.subscribe(subject, (notice) => {
        if (subject.startsWith("sim.join.")) onAsked();
        onNotice({
          ...notice,
          respond: (data) => void setTimeout(() => notice.respond(data), 100),
        });
      }),
  } as Messaging;
}

/** What a process is told, as far as it matters here. */
export const spec = (process: string) => ({ process, natsUrl: "nats://there" }) as ChildSpec;

/** A host whose processes run, as many as are asked for. */
export async function started(
  run: Awaited<ReturnType<typeof rig>>,
  hosts: RemoteHosts,
  count: number,
) {
  const indexes = Array.from({ length: count }, (_, index) => index);
  const worker = await run.host("worker", ...indexes);
  await until("it has come", () => hosts.missing("worker", count).length === 0);
  const processes = indexes.map((index) =>
    hosts.hostOf("worker", index)!.spawn("worker", spec(`worker-${index}#1`))
  );
  await until("all run", () => processes.every(({ pid }) => pid > 0));
  return { worker, processes };
}
