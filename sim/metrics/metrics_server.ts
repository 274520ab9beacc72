/**
 * Serves the metrics over HTTP, on this machine only.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const HOST = "127.0.0.1";

/** A server that listens. */
export interface MetricsServer extends AsyncDisposable {
  /** Where the metrics are. */
  readonly url: string;
}

/**
 * Begins to serve `/metrics`, and `/health` for whoever wants to know that there is somebody.
 *
 * @param port where; 0 for any that is free
 * @param metrics makes the metrics in Prometheus' text format
 * @returns the server
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if the port is taken, or not ours to take
 */
export function serveMetrics(port: number, metrics: () => Promise<string>): MetricsServer {
  const closing = new AbortController();
  try {
    const server = Deno.serve(
      { hostname: HOST, port, signal: closing.signal, onListen: () => {} },
      (request) => answer(request, metrics),
    );
    return {
      url: `http://${HOST}:${server.addr.port}/metrics`,
      // At once: the end of a run waits for nobody who looks at it.
      [Symbol.asyncDispose]: () => {
        closing.abort();
        return server.finished;
      },
    };
  } catch (cause) {
    const taken = cause instanceof Deno.errors.AddrInUse;
    const why = taken ? "the port is in use" : String(cause);
    throw new PartiError(
      "PARTI_INVALID_CONFIG",
      `metrics.prometheus.port: cannot serve metrics on ${HOST}:${port}: ${why}`,
      {
        value: port,
        hint: "choose another one with --set metrics.prometheus.port=<port>, or serve none with " +
          "--set metrics.prometheus.enabled=false",
        cause,
      },
    );
  }
}

async function answer(request: Request, metrics: () => Promise<string>): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (request.method !== "GET") return new Response("only GET\n", { status: 405 });
  if (pathname === "/health") return new Response("ok\n");
  if (pathname !== "/metrics") return new Response("look at /metrics\n", { status: 404 });
  return new Response(await metrics(), { headers: { "content-type": CONTENT_TYPE } });
}
