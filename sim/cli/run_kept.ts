/**
 * A run whose coordinator is killed on purpose: this process has the servers, the processes and their networks, and starts the coordinator
 * as a child of its own, and another one when that was killed.
 *
 * @module
 */
import { exitCodes, withExitCode } from "../../tasks/exit_codes.ts";
import { pickFreePort } from "../../tasks/free_port.ts";
import { spawnSelf } from "../../tasks/spawn.ts";
import { networksFail, planChaos } from "../chaos/chaos_plan.ts";
import { storeIn } from "../checkpoint/run_folder.ts";
import type { CrashTimes } from "../ground/ground.ts";
import { GroundKeeper } from "../ground/ground_keeper.ts";
import { openGround } from "../ground/own_ground.ts";
import type { SimConsole } from "../console/status_line.ts";
import { pauseFor } from "../run/wait.ts";
import { nowUs } from "../streams/message.ts";
import { accessEnv } from "../wire/access.ts";
import { type CoordinatorSpec, INTERRUPT } from "./coordinator_command.ts";
import { heedInterrupts, type Input, removeFolder } from "./execute.ts";
import { openLogs } from "./open_logs.ts";

/**
 * Runs it to its end.
 *
 * @param console where it is said
 * @param input the run
 * @returns the exit code: the last coordinator's
 * @throws {PartiError} if the run could not begin
 */
export async function runKept(console: SimConsole, input: Input): Promise<number> {
  const { seed, out, access, notes = [] } = input;
  const config = withPagePort(input.config);
  const checkpointFolder = input.checkpointFolder!;
  const plan = planChaos(config, seed);
  using interrupt = heedInterrupts(console);
  const { signal } = interrupt;
  let isOver = false;
  let code: number;
  {
    await using cleanUp = new AsyncDisposableStack();
    const logs = cleanUp.use(openLogs(out, config, console, "keeper"));
    const storeDir = storeIn(checkpointFolder);
    const failing = networksFail(plan);
    const ground = await openGround({ config, access, logs, storeDir, networksFail: failing });
    cleanUp.use(ground);
    const crashes = new Crashes(signal);
    const keeper = new GroundKeeper({
      ground,
      onCrash: (when) => crashes.plan(when),
      onOver: () => isOver = true,
    });
    cleanUp.defer(() => keeper.killAll());
    const { runId, configFile, fault, arguments: again } = input;
    const asked = { config, configFile, arguments: again, seed, runId, fault };
    const spec = { asked, out, checkpointFolder };
    let goesOn = input.resumed !== undefined;
    const most = plan.events.filter(({ type }) => type === "coordinator_crash").length;
    for (let crashed = 0;; crashed++) {
      const door = await Door.open();
      const { socket } = door;
      const child = spawnSelf(["sim-coordinator", config.simulation.name], {
        permissions: ["--allow-all"],
        env: accessEnv(access.coordinator),
      });
      crashes.of(child);
      const serving = door.through.then((connection) => connection && keeper.serve(connection));
      const told = { ...spec, socket, goesOn, notes: crashed === 0 ? notes : [] };
      code = await untilEnd(child, told, signal);
      // Bad input is found before it begins; whoever was killed or ended otherwise may have begun it.
      if (code !== exitCodes.badInput) input.onBegin?.();
      door.close();
      await serving;
      const { killedUs, downMs } = crashes;
      if (killedUs === undefined || crashed >= most) break;
      await keeper.endFaults(killedUs).catch((error) => {
        throw withExitCode(error, exitCodes.unknown);
      });
      console.log("CHAOS", `The coordinator (process ${child.pid}) is dead; its processes go on`);
      await pauseFor(downMs, signal);
      goesOn = true;
    }
  }
  if (isOver) await removeFolder(console, checkpointFolder);
  if (Object.values(exitCodes).some((known) => known === code)) return code;
  // A bug, or somebody else: that is no event of chaos.
  console.log("FAIL", `The coordinator ended by itself, with code ${code}`);
  console.print(`It can go on where it was: parti sim --resume ${checkpointFolder}`);
  return exitCodes.unknown;
}

/** Whoever looks at the run finds the next coordinator where the one before was. */
function withPagePort(config: Input["config"]): Input["config"] {
  const { page } = config;
  if (!page.enabled || page.port !== 0) return config;
  return { ...config, page: { ...page, port: pickFreePort() } };
}

/** Where one coordinator comes in. The socket's file is there until then and no longer, so that none is left if all are killed. */
class Door {
  /** The path of the socket. */
  readonly socket: string;
  /** The coordinator's connection; undefined if it has ended before it came. */
  readonly through: Promise<Deno.Conn | undefined>;
  readonly #listener: Deno.Listener;
  #isOpen = true;

  private constructor(folder: string) {
    this.socket = `${folder}/socket`;
    const listener = this.#listener = Deno.listen({ transport: "unix", path: this.socket });
    const accepting = listener.accept().catch((error) => {
      if (this.#isOpen) throw error;
      return undefined;
    });
    this.through = accepting.finally(async () => {
      this.close();
      await Deno.remove(folder, { recursive: true });
    });
  }

  static async open(): Promise<Door> {
    return new Door(await Deno.makeTempDir({ prefix: "parti-ground-" }));
  }

  /** Nobody comes in any more. Safe to call twice. */
  close(): void {
    if (this.#isOpen) {
      this.#isOpen = false;
      this.#listener.close();
    }
  }
}

/** When coordinators are killed. */
class Crashes {
  /** When this one was, in microseconds since 1970; undefined if it was not. */
  killedUs: number | undefined;
  /** How long it is away, in milliseconds. */
  downMs = 0;
  readonly #signal: AbortSignal;
  #child: Deno.ChildProcess | undefined;

  /** @param signal nobody is killed any more once it fires */
  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** The next one has been started. */
  of(child: Deno.ChildProcess): void {
    this.#child = child;
    this.killedUs = undefined;
  }

  /** This one is to be killed. */
  plan({ afterMs, downMs }: CrashTimes): void {
    const child = this.#child!;
    void pauseFor(afterMs, this.#signal).then(() => {
      if (this.#signal.aborted) return;
      this.downMs = downMs;
      const atUs = nowUs();
      try {
        child.kill("SIGKILL");
        this.killedUs = atUs;
      } catch {
        // It has ended by itself, which is no event of chaos.
      }
    });
  }
}

/** Tells the coordinator what it needs to know, later that the run is to end, and waits for its end. */
async function untilEnd(
  child: Deno.ChildProcess,
  spec: CoordinatorSpec,
  signal: AbortSignal,
): Promise<number> {
  const writer = child.stdin.getWriter();
  const tell = (line: string) => {
    // It may have ended a moment ago.
    writer.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
  };
  tell(JSON.stringify(spec));
  const pass = () => tell(INTERRUPT);
  if (signal.aborted) pass();
  signal.addEventListener("abort", pass);
  const { code } = await child.status;
  signal.removeEventListener("abort", pass);
  await writer.abort().catch(() => {});
  return code;
}
