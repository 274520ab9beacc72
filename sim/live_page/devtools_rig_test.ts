/**
 * A real browser without a window that stays open, told what to do by way of its DevTools: for pages that go on. No test of its own.
 *
 * @module
 */
import { eachLine } from "../host/each_line.ts";
import { until } from "../../tasks/until.ts";

const START_MS = 60_000;
const PATIENCE_MS = 60_000;

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
  readonly params?: Record<string, never>;
}

/** What a key is to the browser, where its name does not say it all. */
const KEYS: Readonly<Record<string, { readonly code: number; readonly text?: string }>> = {
  Tab: { code: 9 },
  Enter: { code: 13, text: "\r" },
  Escape: { code: 27 },
  End: { code: 35 },
  Home: { code: 36 },
  ArrowLeft: { code: 37 },
  ArrowUp: { code: 38 },
  ArrowRight: { code: 39 },
  ArrowDown: { code: 40 },
};

/** A page in a browser. */
export class BrowserPage implements AsyncDisposable {
  /** What it wrote to its console: mistakes, and what its policy has refused. */
  readonly complaints: string[] = [];
  readonly #cleanUp: AsyncDisposableStack;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  #session: string | undefined;
  #number = 0;

  private constructor(socket: WebSocket, cleanUp: AsyncDisposableStack) {
    this.#socket = socket;
    this.#cleanUp = cleanUp;
    socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(data)));
    socket.addEventListener("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the browser has gone"));
    });
  }

  /**
   * Starts a browser with an empty page.
   *
   * @param chromium the browser
   * @param size of the window, in pixels
   */
  static async open(
    chromium: string,
    size: readonly [number, number] = [1_280, 900],
  ): Promise<BrowserPage> {
    await using cleanUp = new AsyncDisposableStack();
    // Short: the browser makes a socket in a folder of its own in there, and the path of a socket has 107 bytes at most.
    const folder = await Deno.makeTempDir({ prefix: "page-" });
    cleanUp.defer(() => removeSoon(folder));
    const child = new Deno.Command(chromium, {
      args: [
        ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
        ...["--disable-dev-shm-usage", `--user-data-dir=${folder}/profile`],
        ...[`--window-size=${size.join()}`, "--remote-debugging-port=0", "about:blank"],
      ],
      // It is killed in the end: what it puts elsewhere would stay there.
      env: { TMPDIR: folder },
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const address = Promise.withResolvers<string>();
    const reading = eachLine(child.stderr, (line) => {
      const found = /^DevTools listening on (ws:\S+)/.exec(line)?.[1];
      if (found !== undefined) address.resolve(found);
    });
    void child.status.then(({ code }) => address.reject(new Error(`the browser ended: ${code}`)));
    const late = setTimeout(() => address.reject(new Error("no browser in time")), START_MS);
    cleanUp.defer(async () => {
      killIfThere(child);
      await child.status;
      await reading;
    });
    const socket = new WebSocket(await address.promise.finally(() => clearTimeout(late)));
    await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
    cleanUp.defer(async () => {
      const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
      socket.close();
      await closed;
    });
    const page = new BrowserPage(socket, cleanUp.move());
    const { targetId } = await page.#ask("Target.createTarget", { url: "about:blank" });
    const attached = await page.#ask("Target.attachToTarget", { targetId, flatten: true });
    page.#session = String(attached["sessionId"]);
    for (const domain of ["Page", "Runtime", "Log"]) await page.#ask(`${domain}.enable`);
    await page.resize(size);
    return page;
  }

  /** How large the window is, in pixels. */
  async resize([width, height]: readonly [number, number]): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: false };
    await this.#ask("Emulation.setDeviceMetricsOverride", metrics);
  }

  /** What the reader prefers, such as `prefers-color-scheme: dark`. */
  async prefer(features: Readonly<Record<string, string>>): Promise<void> {
    const list = Object.entries(features).map(([name, value]) => ({ name, value }));
    await this.#ask("Emulation.setEmulatedMedia", { features: list });
  }

  /** Runs a script before any of the page's own. */
  async before(source: string): Promise<void> {
    await this.#ask("Page.addScriptToEvaluateOnNewDocument", { source });
  }

  /** Goes to an address. */
  async go(url: string): Promise<void> {
    const { errorText } = await this.#ask("Page.navigate", { url });
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
  }

  /** What an expression is worth in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#ask("Runtime.evaluate", {
      ...{ expression, returnByValue: true, awaitPromise: true },
    }) as { result: { value: T }; exceptionDetails?: { exception?: { description: string } } };
    if (exceptionDetails === undefined) return result.value;
    throw new Error(exceptionDetails.exception?.description ?? "the page threw");
  }

  /** Waits until an expression holds in the page. */
  async until(expression: string): Promise<void> {
    const holds = () => this.evaluate<boolean>(`Boolean(${expression})`);
    await until(expression, holds, PATIENCE_MS);
  }

  /** Presses a key, as somebody would. */
  async press(key: string): Promise<void> {
    const { code, text } = KEYS[key] ?? { code: 0, text: key };
    const event = { key, windowsVirtualKeyCode: code };
    await this.#ask("Input.dispatchKeyEvent", {
      ...{ ...event, type: text === undefined ? "rawKeyDown" : "keyDown" },
      ...(text === undefined ? {} : { text }),
    });
    await this.#ask("Input.dispatchKeyEvent", { ...event, type: "keyUp" });
  }

  /** Processor time of the page's own thread since it began to be counted with the first call, in milliseconds. */
  async busyMs(): Promise<number> {
    await this.#ask("Performance.enable", { timeDomain: "threadTicks" });
    const { metrics } = await this.#ask("Performance.getMetrics") as {
      metrics: readonly { readonly name: string; readonly value: number }[];
    };
    return 1_000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN);
  }

  /** A picture of all of the page, as PNG. */
  async picture(): Promise<Uint8Array> {
    const { cssContentSize } = await this.#ask("Page.getLayoutMetrics") as {
      cssContentSize: { width: number; height: number };
    };
    const clip = { x: 0, y: 0, ...cssContentSize, scale: 1 };
    const { data } = await this.#ask("Page.captureScreenshot", {
      ...{ format: "png", captureBeyondViewport: true, clip },
    });
    return Uint8Array.fromBase64(String(data));
  }

  /** Ends the browser. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanUp.disposeAsync();
  }

  #ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#number;
    const answer = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(id, answer);
    const sessionId = this.#session === undefined ? {} : { sessionId: this.#session };
    this.#socket.send(JSON.stringify({ id, method, params, ...sessionId }));
    return answer.promise;
  }

  #take({ id, method, result, error, params }: Answer): void {
    if (id === undefined) return this.#hear(method ?? "", params);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result ?? {});
    else waiting?.reject(new Error(error.message));
  }

  #hear(method: string, params: unknown): void {
    const isComplaint = ["Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"];
    if (isComplaint.includes(method)) this.complaints.push(JSON.stringify(params));
  }
}

function killIfThere(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It has ended meanwhile.
    if (!(error instanceof TypeError)) throw error;
  }
}

/** The browser's helpers may still write for a moment after it has gone. */
async function removeSoon(folder: string): Promise<void> {
  await until(`${folder} is removed`, async () => {
    try {
      await Deno.remove(folder, { recursive: true });
      return true;
    } catch (error) {
      return error instanceof Deno.errors.NotFound;
    }
  }, PATIENCE_MS);
}
