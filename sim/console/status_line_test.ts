import assert from "node:assert/strict";
import { type ConsoleOptions, SimConsole, type StatusFigures, untilClosed } from "./status_line.ts";

const figures: StatusFigures = {
  phase: "load",
  elapsedMs: 12_000,
  durationMs: 60_000,
  sent: 4_800,
  effective: 4_790,
  stable: 9,
  workers: 10,
  chaos: 2,
  defects: 0,
};
const text = "load 12s/1m · sent 4800 · done 4790 · waiting 10 · workers 9/10 stable · chaos 2 · " +
  "defects 0";

function console(changes: Partial<ConsoleOptions>) {
  const written: string[] = [];
  const time = { ms: new Date(2026, 0, 1, 10, 15, 30).getTime() };
  const shown = new SimConsole({
    write: (part) => written.push(part),
    terminal: false,
    color: false,
    columns: () => 200,
    now: () => new Date(time.ms),
    ...changes,
  });
  return { shown, written, time };
}

Deno.test("log lines are the seeds'", () => {
  const { shown, written } = console({});
  shown.log("CHAOS", "Injecting event: worker_crash (worker-4)");
  assert.deepEqual(written, ["[10:15:30] [CHAOS] Injecting event: worker_crash (worker-4)\n"]);
});

Deno.test("a terminal has one line that is written over and taken away for log lines", () => {
  const { shown, written } = console({ terminal: true, color: true });
  shown.status(figures);
  shown.status(figures);
  shown.log("INFO", "x");
  shown.log("INFO", "y");
  assert.deepEqual(written, [
    `\r\x1b[2K${text}`,
    `\r\x1b[2K${text}`,
    "\r\x1b[2K",
    "[10:15:30] \x1b[36m[INFO]\x1b[0m x\n",
    "[10:15:30] \x1b[36m[INFO]\x1b[0m y\n",
  ]);
});

Deno.test("what is logged can be shown elsewhere, too; figures are not", () => {
  const { shown } = console({});
  const told: string[] = [];
  shown.tell(({ tag, message }) => told.push(`${tag} ${message}`));
  shown.status(figures);
  shown.log("CHAOS", "x");
  assert.deepEqual(told, ["CHAOS x"]);
});

Deno.test("a narrow terminal gets no second line", () => {
  const { shown, written } = console({ terminal: true, columns: () => 30 });
  shown.status(figures);
  assert.equal(written[0], `\r\x1b[2K${text.slice(0, 29)}`);
});

Deno.test("elsewhere there is a plain line every ten seconds and with each phase", () => {
  const { shown, written, time } = console({});
  for (let second = 0; second < 25; second++) {
    shown.status(figures);
    time.ms += 1_000;
  }
  assert.equal(written.length, 3);
  assert.equal(written[0], `[10:15:30] [INFO] ${text}\n`);
  shown.status({ ...figures, phase: "drain" });
  assert.equal(written.length, 4);
  assert.ok(!written.join("").includes("\x1b"));
});

Deno.test("everything is written, in as many pieces as it takes, until nobody reads any more", () => {
  const pieces: string[] = [];
  let open = true;
  const write = untilClosed((bytes) => {
    if (!open) throw new Deno.errors.BrokenPipe("Broken pipe");
    pieces.push(new TextDecoder().decode(bytes.subarray(0, 3)));
    return Math.min(3, bytes.length);
  });
  write("hello");
  open = false;
  write("nobody");
  open = true;
  write("never again");
  assert.deepEqual(pieces, ["hel", "lo"]);
});

Deno.test("what finds no room on a disk, or no terminal any more, is left out, and the run goes on", () => {
  const pieces: string[] = [];
  let full = false;
  const write = untilClosed((bytes) => {
    if (full) throw new Error("No space left on device (os error 28)");
    return pieces.push(new TextDecoder().decode(bytes)) && bytes.length;
  });
  write("before");
  full = true;
  write("nowhere");
  full = false;
  write("after");
  assert.deepEqual(pieces, ["before", "after"]);
});

Deno.test("for programs every line is an object, whatever it is, and none is written over", () => {
  const { shown, written } = console({ format: "json" });
  shown.log("CHAOS", "Injecting event: worker_crash (worker-4)");
  shown.print("Seed: 5");
  shown.status(figures);
  const lines = written.map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ level, message }) => [level, message]),
    [["CHAOS", "Injecting event: worker_crash (worker-4)"], ["INFO", "Seed: 5"], ["INFO", text]],
  );
  assert.equal(new Date(lines[0].time).getSeconds(), 30);
});

Deno.test("log lines go to a second place, too, and without colours", () => {
  const { shown, written } = console({ color: true });
  const recorded: string[] = [];
  shown.alsoTo((line) => void recorded.push(line));
  shown.log("WARN", "x");
  shown.print("not a log line");
  assert.deepEqual(recorded, ["[10:15:30] [WARN] x"]);
  assert.equal(written[0], "[10:15:30] \x1b[33m[WARN]\x1b[0m x\n");
});
