/**
 * The connection to the run: it comes back when it can, until the run has ended.
 *
 * @module
 */

/** Without a word for so long, something is slow, in milliseconds… */
const QUIET_MS = 5_000;
/** …and after this it is tried anew. */
const SILENT_MS = 15_000;
/** How long it waits before it tries again: longer each time. */
const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [500, 8_000];

/** The connection. */
export class Connection {
  #source = null;
  #waitMs = FIRST_WAIT_MS;
  #heardMs = 0;
  #lostAt = null;
  #state = "waiting";
  #hasEnded = false;

  /**
   * @param {(message: object) => boolean} onMessage takes what is told, and says whether it was the last
   * @param {(state: "live" | "quiet" | "lost" | "ended", since: Date | null) => void} onState is told how the connection stands
   */
  constructor(onMessage, onState) {
    this.onMessage = onMessage;
    this.onState = onState;
    setInterval(() => this.#watch(), 1_000);
    this.#open();
  }

  #open() {
    this.#heardMs = performance.now();
    const source = this.#source = new EventSource("/events");
    source.addEventListener("message", ({ data }) => {
      if (source !== this.#source) return;
      this.#heardMs = performance.now();
      this.#waitMs = FIRST_WAIT_MS;
      this.#lostAt = null;
      this.#hasEnded = this.onMessage(JSON.parse(data));
      if (this.#hasEnded) this.#close();
      this.#tell(this.#hasEnded ? "ended" : "live");
    });
    source.addEventListener("error", () => {
      if (source === this.#source) this.#lose();
    });
  }

  #close() {
    this.#source?.close();
    this.#source = null;
  }

  #lose() {
    this.#close();
    this.#lostAt ??= new Date();
    this.#tell("lost");
    setTimeout(() => this.#open(), this.#waitMs);
    this.#waitMs = Math.min(LONGEST_WAIT_MS, this.#waitMs * 2);
  }

  /** A process that stands still does not close its connections. */
  #watch() {
    if (this.#source === null || this.#hasEnded) return;
    const silentMs = performance.now() - this.#heardMs;
    if (this.#state === "waiting") return;
    if (silentMs > SILENT_MS) this.#lose();
    else if (silentMs > QUIET_MS && this.#state === "live") this.#tell("quiet");
  }

  #tell(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.onState(state, this.#lostAt);
  }
}
