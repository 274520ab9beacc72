/**
 * Reads what a process writes, line by line.
 *
 * @module
 */

/** A line without an end is passed on in parts of this length: a process that has run wild must not fill our memory. */
const MAX_LINE = 16_384;

/**
 * Reads a stream to its end.
 *
 * @param stream what the process writes
 * @param onLine told of each line, without its end
 */
export async function eachLine(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  let rest = "";
  try {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
      for (; rest.length > MAX_LINE; rest = rest.slice(MAX_LINE)) onLine(rest.slice(0, MAX_LINE));
    }
  } catch {
    // The pipe ends with the process.
  }
  if (rest !== "") onLine(rest);
}
