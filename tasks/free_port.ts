/**
 * Ports that are free now and are not handed out by the kernel to somebody else a moment later.
 *
 * @module
 */

import { PartiError } from "../lib/errors.ts";

/**
 * Where ports are picked from: below every kernel's range for outgoing connections (32,768 on Linux, 49,152
 * elsewhere). A port inside that range is not ours: while a killed server is down, its own reconnecting clients can
 * be given exactly that port as their source port, and the server can then not come back.
 */
const range = { from: 20_000, to: 32_000 };
const tries = 200;

/**
 * Tells whether a TCP port can be listened on now.
 *
 * @param port the port
 * @param host the local address
 * @returns true if it is free
 */
export function isPortFree(port: number, host = "127.0.0.1"): boolean {
  try {
    Deno.listen({ port, hostname: host }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/**
 * Picks a free TCP port at random. Another process may still take it first: whoever uses it has to try again then.
 *
 * @param host the local address
 * @returns a port that was free a moment ago
 */
export function pickFreePort(host = "127.0.0.1"): number {
  for (let i = 0; i < tries; i++) {
    const port = range.from + Math.floor(Math.random() * (range.to - range.from));
    if (isPortFree(port, host)) return port;
  }
  throw new PartiError("PARTI_REFUSED", `no free port between ${range.from} and ${range.to}`, {
    hint: "stop what is listening there, or name a port",
  });
}

/**
 * Picks several free TCP ports, each another one.
 *
 * @param count how many
 * @returns the ports
 */
export function pickFreePorts(count: number): number[] {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(pickFreePort());
  return [...ports];
}
