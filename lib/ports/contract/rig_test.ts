/**
 * What a world brings along so that the contract can be checked on it.
 *
 * @module
 */
import type { World } from "../world.ts";

/** One connection of a world under test. */
export interface ContractLink {
  /** The world as seen over this connection. */
  readonly world: World;
  /** From now on nothing the server sends arrives; it is kept back, and lost if the connection is cut. */
  hold(): void;
  /** What was kept back arrives, and all that follows. */
  release(): void;
  /** Cuts the connection: what is under way is lost. It comes back by itself. Nothing happens while there is none. */
  cut(): void;
  /** Closes the connection for good. */
  close(): Promise<void>;
}

/** A server under test, with nothing on it. Each case gets one of its own. */
export interface ContractRig extends AsyncDisposable {
  /** The server's version, such as `2.15.1`. */
  readonly version: string;
  /** Opens one more connection. Rejects with `PARTI_DISCONNECTED` while the server is down. */
  connect(): Promise<ContractLink>;
  /** Kills the server at once, as SIGKILL does. What it has acknowledged is kept. */
  crash(): Promise<void>;
  /** Starts the server again. Connections come back by themselves. */
  restart(): Promise<void>;
  /** Stops the server where it is: connections stay open and nobody answers any more when this returns. */
  pause(): Promise<void>;
  /** Lets a paused server go on. */
  resume(): void;
}

/** One thing the ports promise. */
export interface ContractCase {
  /** The promise, in one sentence. */
  readonly name: string;
  /** Checks it. */
  run(rig: ContractRig): Promise<void>;
}
