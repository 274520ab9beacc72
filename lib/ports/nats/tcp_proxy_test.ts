/**
 * For tests: a TCP proxy that can hold back what a server sends, lose what clients send, be slow, and cut connections with data under way.
 *
 * @module
 */

interface Pipe {
  readonly client: Deno.Conn;
  readonly server: Deno.Conn;
  readonly held: Uint8Array[];
}

/** A proxy before a server. */
export class TestProxy {
  readonly #listener: Deno.TcpListener;
  readonly #port: number;
  readonly #pipes = new Set<Pipe>();
  readonly #running = new Set<Promise<void>>();
  #holding = false;
  /** Whether what clients send is lost. */
  mute = false;
  /** How fast it passes on what the server sends. */
  bytesPerSecond = Infinity;

  /** @param port the server's port on this machine */
  constructor(port: number) {
    this.#port = port;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#track(this.#accept());
  }

  /** The address for clients. */
  get url(): string {
    return `nats://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  /** Keeps back what the server sends from now on. */
  hold(): void {
    this.#holding = true;
  }

  /** Passes on what was kept back, and all that follows. */
  release(): void {
    this.#holding = false;
    for (const pipe of this.#pipes) this.#track(this.#flush(pipe));
  }

  /** Cuts all connections, with what was kept back. New ones pass freely. */
  cut(): void {
    this.#holding = false;
    for (const pipe of this.#pipes) this.#end(pipe);
  }

  /** Ends the proxy. */
  async close(): Promise<void> {
    this.#listener.close();
    this.cut();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #track(task: Promise<void>): void {
    const tracked = task.catch(() => {}).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) this.#track(this.#join(client));
  }

  async #join(client: Deno.TcpConn): Promise<void> {
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({ hostname: "127.0.0.1", port: this.#port });
    } catch {
      client.close();
      return;
    }
    client.setNoDelay();
    server.setNoDelay();
    const pipe: Pipe = { client, server, held: [] };
    this.#pipes.add(pipe);
    this.#track(this.#pump(pipe, client, async (chunk) => {
      if (!this.mute) await writeAll(server, chunk);
    }));
    this.#track(this.#pump(pipe, server, async (chunk) => {
      pipe.held.push(chunk.slice());
      if (!this.#holding) await this.#flush(pipe);
    }));
  }

  async #pump(
    pipe: Pipe,
    from: Deno.Conn,
    take: (chunk: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const read = await from.read(buffer);
        if (read === null) break;
        await take(buffer.subarray(0, read));
      }
    } finally {
      this.#end(pipe);
    }
  }

  async #flush(pipe: Pipe): Promise<void> {
    for (let chunk = pipe.held.shift(); chunk !== undefined; chunk = pipe.held.shift()) {
      // In pieces, as a slow link does it.
      const piece = Math.min(chunk.length, Math.ceil(this.bytesPerSecond / 50));
      for (let at = 0; at < chunk.length; at += piece) {
        const part = chunk.subarray(at, at + piece);
        await writeAll(pipe.client, part);
        const takesMs = part.length / this.bytesPerSecond * 1_000;
        if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs));
      }
    }
  }

  #end(pipe: Pipe): void {
    if (!this.#pipes.delete(pipe)) return;
    for (const conn of [pipe.client, pipe.server]) {
      try {
        conn.close();
      } catch {
        // The other side was faster.
      }
    }
  }
}

async function writeAll(conn: Deno.Conn, data: Uint8Array): Promise<void> {
  for (let sent = 0; sent < data.length;) sent += await conn.write(data.subarray(sent));
}
