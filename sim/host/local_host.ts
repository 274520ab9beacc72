/**
 * Processes as children of this one.
 *
 * @module
 */
import { pauseProcess } from "../../tasks/pause.ts";
import { spawnSelf } from "../../tasks/spawn.ts";
import { messageOf } from "../logs/log_line.ts";
import type { RunLogs } from "../logs/run_logs.ts";
import { accessEnv, type RunAccess } from "../wire/access.ts";
import { ENGINE_FLAGS, engineEnv } from "../wire/large_fleet.ts";
import type { ChildSpec, Role } from "../wire/wire.ts";
import { eachLine } from "./each_line.ts";
import { describeEnd, type Host, type HostedProcess } from "./host.ts";

/** Just what a child needs: its server, its own code, and to know its environment. */
const PERMISSIONS = ["--allow-net", "--allow-read", "--allow-env", "--allow-sys"];
const OUTPUT_LINES = 50;

/** Whoever has set flags of the engine keeps them. */
function ownEngineEnv({ config }: ChildSpec): Record<string, string> {
  return Deno.env.get(ENGINE_FLAGS) === undefined ? engineEnv(config) : {};
}

/** Starts children. They end with this process, however it ends. */
export class LocalHost implements Host {
  readonly #access: Pick<RunAccess, Role>;
  readonly #logs: RunLogs | undefined;

  /**
   * @param access what they need to get into the servers
   * @param logs where what they write goes; nowhere if it is left out
   */
  constructor(access: Pick<RunAccess, Role>, logs?: RunLogs) {
    this.#access = access;
    this.#logs = logs;
  }

  /** Starts a child. */
  spawn(role: Role, spec: ChildSpec): HostedProcess {
    const child = spawnSelf([`sim-${role}`, JSON.stringify(spec)], {
      permissions: PERMISSIONS,
      env: { ...accessEnv(this.#access[role]), ...ownEngineEnv(spec) },
      stdout: "piped",
      stderr: "piped",
    });
    const output = this.#follow(spec.process, child);
    const signal = (name: Deno.Signal) => {
      try {
        child.kill(name);
      } catch {
        // It has ended already.
      }
    };
    return {
      pid: child.pid,
      exited: child.status,
      output,
      kill: () => signal("SIGKILL"),
      terminate: () => signal("SIGTERM"),
      pause: () => pauseProcess(child.pid),
    };
  }

  /** Keeps the last lines of a child, and all of them in its log. */
  #follow(process: string, child: Deno.ChildProcess): string[] {
    const output: string[] = [];
    const onLine = (line: string) => {
      this.#logs?.output(process, line);
      output.push(messageOf(line) ?? line);
      if (output.length > OUTPUT_LINES) output.shift();
    };
    const read = Promise.all([child.stdout, child.stderr].map((text) => eachLine(text, onLine)));
    this.#logs?.note(process, "INFO", `started as process ${child.pid}`);
    void Promise.all([child.status, read]).then(([status]) => {
      this.#logs?.note(process, "INFO", `ended ${describeEnd(status)}`);
    });
    return output;
  }
}
