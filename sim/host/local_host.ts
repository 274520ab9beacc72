/**
 * Processes as children of this one.
 *
 * @module
 */
import { pauseProcess } from "../../tasks/pause.ts";
import { spawnSelf } from "../../tasks/spawn.ts";
import { accessEnv, type RunAccess } from "../wire/access.ts";
import type { ChildSpec, Role } from "../wire/wire.ts";
import type { Host, HostedProcess } from "./host.ts";

/** Just what a child needs: its server, its own code, and to know its environment. */
const PERMISSIONS = ["--allow-net", "--allow-read", "--allow-env", "--allow-sys"];
const OUTPUT_LINES = 50;

/** Starts children. They end with this process, however it ends. */
export class LocalHost implements Host {
  readonly #access: Pick<RunAccess, Role>;

  /** @param access what they need to get into the servers */
  constructor(access: Pick<RunAccess, Role>) {
    this.#access = access;
  }

  /** Starts a child. */
  spawn(role: Role, spec: ChildSpec): HostedProcess {
    const child = spawnSelf([`sim-${role}`, JSON.stringify(spec)], {
      permissions: PERMISSIONS,
      env: accessEnv(this.#access[role]),
      stdout: "piped",
      stderr: "piped",
    });
    const output: string[] = [];
    void keepLines(child.stdout, output);
    void keepLines(child.stderr, output);
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
}

async function keepLines(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
  let rest = "";
  try {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = (parts.pop() ?? "").slice(-4_096);
      lines.push(...parts);
      if (lines.length > OUTPUT_LINES) lines.splice(0, lines.length - OUTPUT_LINES);
    }
  } catch {
    // The pipe ends with the process.
  }
  if (rest !== "") lines.push(rest);
}
