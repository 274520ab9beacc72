/**
 * The configuration file of a launched nats-server.
 *
 * @module
 */

/** JetStream's limits for a launched server. Bounded, because a test must not fill the disk. */
export interface NatsLimits {
  /** For streams kept in memory. */
  readonly maxMemoryBytes?: number;
  /** For streams kept in files. */
  readonly maxFileBytes?: number;
  /** How often streams are synced to disk, in the server's own notation (`"2m"`, `"always"`). */
  readonly syncInterval?: string;
}

/** What goes into the file. */
export interface NatsConfigOptions {
  /** The port for clients. */
  readonly port: number;
  /** The port for monitoring over HTTP, if any. */
  readonly monitorPort?: number | undefined;
  /** Where the log and the ports file go. */
  readonly runDir: string;
  /** Where streams go. */
  readonly storeDir: string;
  /** JetStream's limits; `false` is without JetStream. */
  readonly jetstream?: NatsLimits | false;
  /** The server's name, if it has to have a known one. */
  readonly serverName?: string;
  /** More lines. */
  readonly extraConfig?: string;
}

const mebibyte = 1_048_576;
const defaultMemoryBytes = 512 * mebibyte;
const defaultFileBytes = 8192 * mebibyte;
const logBytes = 4 * mebibyte;

/**
 * Writes a nats-server configuration that listens on the loopback interface only.
 *
 * @param options what to put in
 * @returns the text of the file
 */
export function natsConfig(options: NatsConfigOptions): string {
  // JSON strings are valid strings of this format.
  const text = JSON.stringify;
  const lines = [
    `listen: ${text(`127.0.0.1:${options.port}`)}`,
    `ports_file_dir: ${text(options.runDir)}`,
    // A file and not a pipe: the server never waits for us to read. Bounded, one old file is kept.
    `log_file: ${text(`${options.runDir}/nats.log`)}`,
    `logfile_size_limit: ${logBytes}`,
    `logfile_max_num: 1`,
  ];
  if (options.serverName !== undefined) lines.push(`server_name: ${text(options.serverName)}`);
  if (options.monitorPort !== undefined) {
    lines.push(`http: ${text(`127.0.0.1:${options.monitorPort}`)}`);
  }
  if (options.jetstream !== false) {
    const limits = options.jetstream ?? {};
    lines.push(
      "jetstream {",
      `  store_dir: ${text(options.storeDir)}`,
      `  max_memory_store: ${limits.maxMemoryBytes ?? defaultMemoryBytes}`,
      `  max_file_store: ${limits.maxFileBytes ?? defaultFileBytes}`,
    );
    if (limits.syncInterval !== undefined) {
      lines.push(`  sync_interval: ${text(limits.syncInterval)}`);
    }
    lines.push("}");
  }
  if (options.extraConfig !== undefined) lines.push(options.extraConfig);
  return lines.join("\n") + "\n";
}
