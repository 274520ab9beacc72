/**
 * Serves the page over HTTP, on this machine only unless another address is asked for.
 *
 * @module
 */
import { PartiError } from "../../lib/errors.ts";
import type { SimulationConfig } from "../config/config_schema.ts";
import { Viewers } from "./viewers.ts";
import type { LiveDocument } from "./document.ts";
import type { LiveFeed } from "./live_feed.ts";

/** How long the end waits for pages to take the last word, in milliseconds. */
const GRACE_MS = 500;

/** A server that listens. */
export class PageServer implements AsyncDisposable {
  /** Where the page is. */
  readonly url: string;
  /** Who looks at it. */
  readonly viewers: Viewers;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #closing = new AbortController();
  readonly #host: string;
  readonly #document: LiveDocument;

  /**
   * Begins to serve.
   *
   * @param where the address; port 0 for any that is free
   * @param document the page
   * @param feed what it is told
   * @throws {PartiError} `PARTI_INVALID_CONFIG` if the port is taken, or the address is not ours
   */
  constructor(
    { host, port }: Pick<SimulationConfig["page"], "host" | "port">,
    document: LiveDocument,
    feed: LiveFeed,
  ) {
    this.#host = host;
    this.#document = document;
    this.viewers = new Viewers(feed);
    const { signal } = this.#closing;
    try {
      this.#server = Deno.serve(
        { hostname: host, port, signal, onListen: () => {} },
        (request) => this.#answer(request),
      );
    } catch (cause) {
      throw cannotServe(host, port, cause);
    }
    this.url = `http://${host.includes(":") ? `[${host}]` : host}:${this.#server.addr.port}`;
  }

  /** Ends it, once all pages have been told everything, or soon after. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.viewers.close();
    const grace = setTimeout(() => this.#closing.abort(), GRACE_MS);
    await this.#server.shutdown();
    clearTimeout(grace);
  }

  #answer(request: Request): Response {
    const refused = refusal(request, this.#host);
    if (refused !== undefined) return refused;
    const { pathname } = new URL(request.url);
    if (pathname === "/events") return this.#events();
    if (pathname !== "/") return plain(404, "look at /\n");
    const { text, policy } = this.#document;
    return new Response(text, {
      headers: {
        ...HEADERS,
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
      },
    });
  }

  #events(): Response {
    const stream = this.viewers.add();
    if (stream === undefined) return plain(503, "too many pages are open already\n");
    return new Response(stream, { headers: { ...HEADERS, "content-type": "text/event-stream" } });
  }
}

const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
} as const;

/**
 * Whom a page is not for: a page of somebody else, in the browser of whoever runs this, that wants to read it. It may have given its own name
 * our address, or just ask.
 *
 * @param request what is asked
 * @param host the name or address that is served
 * @returns undefined if all is well
 */
export function refusal(request: Request, host: string): Response | undefined {
  if (!isOurs(request.headers.get("host") ?? "", host)) {
    return plain(403, "this name is none of ours: use the address\n");
  }
  if (request.method !== "GET") return plain(405, "only GET\n", { allow: "GET" });
  const site = request.headers.get("sec-fetch-site") ?? "none";
  const isLink = request.headers.get("sec-fetch-mode") === "navigate";
  if (["none", "same-origin"].includes(site) || isLink) return undefined;
  return plain(403, "only for the page itself\n");
}

/** An address cannot be somebody else's name. */
function isOurs(header: string, host: string): boolean {
  const name = /^(\[[0-9a-fA-F:.]+\]|[^:[\]@/?#\s]+)(:\d+)?$/.exec(header)?.[1]?.toLowerCase();
  if (name === undefined) return false;
  const isAddress = name.startsWith("[") || /^\d+(\.\d+){3}$/.test(name);
  return isAddress || name === "localhost" || name === host.toLowerCase();
}

function plain(status: number, text: string, more: Record<string, string> = {}): Response {
  const headers = { ...HEADERS, "content-type": "text/plain; charset=utf-8", ...more };
  return new Response(text, { status, headers });
}

function cannotServe(host: string, port: number, cause: unknown): PartiError {
  const taken = cause instanceof Deno.errors.AddrInUse;
  const denied = cause instanceof Deno.errors.PermissionDenied;
  const key = taken || denied ? "port" : "host";
  const why = taken
    ? "the port is in use"
    : denied
    ? "the port is not ours to take"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new PartiError(
    "PARTI_INVALID_CONFIG",
    `page.${key}: cannot serve the live page on ${host}:${port}: ${why}`,
    {
      value: key === "port" ? port : host,
      hint: `choose another one with --set page.${key}=<${key}>, or serve none with ` +
        "--set page.enabled=false",
      cause,
    },
  );
}
