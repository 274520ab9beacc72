/**
 * A real browser without a window, where there is one. No test of its own.
 *
 * @module
 */
import { runCommand } from "../../tasks/run_command.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const TIMEOUT_MS = 90_000;
/** The page's own time, which passes as fast as it can: enough for all that it draws. */
const VIRTUAL_MS = 5_000;

/** What a browser made of a page. */
export interface Shown {
  /** The page as it is in the end. */
  readonly dom: string;
  /** What it wrote to its console: mistakes, and what its policy has refused. */
  readonly complaints: readonly string[];
}

/**
 * Looks for a browser.
 *
 * @returns its path: `PARTI_CHROMIUM`, or the first one on the PATH; undefined if there is none
 */
export function findChromium(): string | undefined {
  const named = Deno.env.get("PARTI_CHROMIUM");
  if (named !== undefined) return named;
  const folders = (Deno.env.get("PATH") ?? "").split(":").filter((folder) => folder !== "");
  return folders.flatMap((folder) => NAMES.map((name) => `${folder}/${name}`)).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * A test in a browser; where there is none its name says what is missing.
 *
 * @param name what is to hold
 * @param test is given the browser
 */
export function browserTest(name: string, test: (chromium: string) => Promise<void>): void {
  const chromium = findChromium();
  if (chromium !== undefined) return Deno.test(name, () => test(chromium));
  const why = "skipped: no chromium on the PATH, and PARTI_CHROMIUM names none";
  Deno.test({ name: `${name} (${why})`, ignore: true, fn: () => {} });
}

/**
 * Opens a page from disk.
 *
 * @param chromium the browser
 * @param page its text
 * @param size of the window, in pixels
 * @returns what came of it
 */
export async function openPage(
  chromium: string,
  page: string,
  size: readonly [number, number] = [1_280, 4_000],
): Promise<Shown> {
  const folder = await Deno.makeTempDir({ prefix: "page-" });
  try {
    await Deno.writeTextFile(`${folder}/report.html`, page);
    const { stdout, stderr } = await runCommand(chromium, [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
      ...[
        "--disable-dev-shm-usage",
        "--enable-logging=stderr",
        `--user-data-dir=${folder}/profile`,
      ],
      ...[`--window-size=${size.join()}`, `--virtual-time-budget=${VIRTUAL_MS}`, "--dump-dom"],
      `file://${folder}/report.html`,
      // Chromium leaves things in the folder for temporary files: that one goes with everything else. The name is short, for its sockets' sake.
    ], { timeoutMs: TIMEOUT_MS, env: { TMPDIR: folder } });
    const complaints = stderr.split("\n").filter((line) => line.includes("CONSOLE"));
    return { dom: stdout, complaints };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
