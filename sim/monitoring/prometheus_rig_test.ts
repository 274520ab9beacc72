/**
 * A real Prometheus for tests, where one is installed. No test of its own.
 *
 * @module
 */
import { parse, stringify } from "yaml";
import { Guard } from "../../tasks/nats_guard.ts";
import { pickFreePort } from "../../tasks/free_port.ts";
import { until } from "../../tasks/until.ts";
import { STACK } from "./generate.ts";

/** Whether a program is there. */
export function isInstalled(program: string): boolean {
  try {
    const { success } = new Deno.Command(program, { args: ["--version"] }).outputSync();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What there is to say where it is not. */
export const HOW_TO_INSTALL =
  "skipped: no prometheus and promtool on the PATH, the package `prometheus` has both";

/** Runs promtool, with this as its input. */
export async function promtool(
  input: string,
  ...args: string[]
): Promise<{ code: number; output: string }> {
  const child = new Deno.Command("promtool", {
    ...{ args, stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const [{ code, stdout, stderr }] = await Promise.all([
    child.output(),
    new Blob([input]).stream().pipeTo(child.stdin),
  ]);
  return { code, output: [stdout, stderr].map((b) => new TextDecoder().decode(b)).join("") };
}

interface StackConfig {
  global: Record<string, string>;
  rule_files: string[];
  scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
}

/** A value over time, as `[seconds, value]`. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

/** A Prometheus that looks at a simulation as the stack's does, only on other ports and more often. */
export class TestPrometheus implements AsyncDisposable {
  readonly #url: string;
  readonly #guard: Guard;

  private constructor(url: string, guard: Guard) {
    this.#url = url;
    this.#guard = guard;
  }

  /**
   * Starts it.
   *
   * @param folder where its files go
   * @param metricsPort where the simulation serves its metrics
   */
  static async start(folder: string, metricsPort: number): Promise<TestPrometheus> {
    const port = pickFreePort();
    const config: StackConfig = parse(
      await Deno.readTextFile(new URL("prometheus.yml", STACK)),
    );
    config.global = { scrape_interval: "1s", evaluation_interval: "1s" };
    config.rule_files = config.rule_files.map((file) => new URL(file, STACK).pathname);
    const ports: Record<string, number> = { simulation: metricsPort, prometheus: port };
    for (const { job_name, static_configs } of config.scrape_configs) {
      static_configs[0]!.targets = [`127.0.0.1:${ports[job_name]}`];
    }
    const file = `${folder}/prometheus.yml`;
    await Deno.writeTextFile(file, stringify(config));
    const url = `http://127.0.0.1:${port}`;
    // It must not outlive a test that is killed.
    const guard = await Guard.start({
      command: [
        ...["prometheus", `--config.file=${file}`, `--storage.tsdb.path=${folder}/data`],
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      outputFile: `${folder}/prometheus.log`,
    });
    const started = new TestPrometheus(url, guard);
    await until("Prometheus is ready", async () => {
      const answer = await fetch(`${url}/-/ready`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.ok === true;
    });
    return started;
  }

  /**
   * Asks for something over time.
   *
   * @param expr in PromQL
   * @param fromMs since when
   * @returns its series
   */
  async range(expr: string, fromMs: number): Promise<Series[]> {
    const [start, end] = [fromMs, Date.now()].map((ms) => String(ms / 1_000));
    const query = new URLSearchParams({ query: expr, start: start!, end: end!, step: "1" });
    const { result } = await this.#get<{ result: Series[] }>(`query_range?${query}`);
    return result;
  }

  /** The alert rules as Prometheus judges them. */
  async rules(): Promise<{ name: string; health: string; lastError?: string; state: string }[]> {
    const { groups } = await this.#get<
      { groups: { rules: { name: string; health: string; state: string }[] }[] }
    >("rules");
    return groups.flatMap(({ rules }) => rules);
  }

  async #get<T>(path: string): Promise<T> {
    const answer = await (await fetch(`${this.#url}/api/v1/${path}`)).json();
    if (answer.status !== "success") throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#guard.close();
  }
}
