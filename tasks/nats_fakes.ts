/**
 * Pretended nats-servers for the tests of what finds, fetches and keeps real ones.
 *
 * @module
 */

/** A temporary directory that is removed with `using`. */
export class TempDir implements Disposable {
  /** Its path. */
  readonly path: string = Deno.makeTempDirSync({ prefix: "parti-fakes-" });

  /** Removes it with all that is in it. */
  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }

  /**
   * Writes a file, and the directories above it.
   *
   * @param name its path below this directory
   * @param text what to write
   * @param mode its permissions
   * @returns its full path
   */
  write(name: string, text: string, mode = 0o644): string {
    const path = `${this.path}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text, { mode });
    return path;
  }
}

/**
 * A program that says it is a nats-server.
 *
 * @param version the version it says
 * @returns the text of the program
 */
export function fakeServer(version: string): string {
  return `#!/bin/sh\necho "nats-server: v${version}"\n`;
}

/**
 * Does something with a file that is there only meanwhile.
 *
 * @param text what is in it
 * @param work what to do; gets its path
 * @returns what the work returns
 */
export async function withFile<T>(text: string, work: (file: string) => Promise<T>): Promise<T> {
  using dir = new TempDir();
  return await work(dir.write("file", text));
}
