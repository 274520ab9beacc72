/**
 * The `bus-demo` command, and the hidden one of its two nodes.
 *
 * @module
 */
import type { Command } from "commander";

/**
 * Adds the commands to the program. Their code is loaded when they run.
 *
 * @param program the command-line program
 */
export function registerBusDemo(program: Command): void {
  program.command("bus-demo")
    .description("Carts as actors on two processes, each of which is killed in turn.")
    .option("--carts <number>", "how many carts (default: 10)")
    .addHelpText(
      "after",
      `
Starts a nats-server and two processes on which carts may live, and puts things into the carts.
Then one process is killed by SIGKILL, and the other; the carts are there all the same.
How it is made: sim/bus_demo/. What it shows: lib/bus/README.md.

Exit codes: 0 every cart has what was put into it, 1 one has not, 2 could not verify, 3 bad input.
`,
    )
    .action(async (options: { readonly carts?: string }) => {
      const { runBusDemo } = await import("./demo.ts");
      Deno.exitCode = await runBusDemo(options.carts);
    });
  program.command("bus-demo-node <url> <node>", { hidden: true })
    .action(async (url: string, node: string) => {
      const { runBusDemoNode } = await import("./node.ts");
      await runBusDemoNode(url, node);
    });
}
