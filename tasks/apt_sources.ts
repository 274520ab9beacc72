/**
 * Reads apt's own configuration, in both its formats, to learn which mirror this system uses.
 *
 * @module
 */

/** One repository of the system: it may stand for several suites and mirrors. */
export interface AptEntry {
  /** Where it is. */
  readonly uris: readonly string[];
  /** Its suites, such as `bookworm`. */
  readonly suites: readonly string[];
  /** Its components, such as `main`. */
  readonly components: readonly string[];
  /** The key or key file that signs it, if it is named; may have several lines. */
  readonly signedBy?: string;
}

/**
 * Parses the one-line format (`*.list`): `deb [option=value] uri suite component…`.
 *
 * @param text the file
 * @returns its binary repositories
 */
export function parseListFile(text: string): AptEntry[] {
  const entries: AptEntry[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match) continue;
    const [, options = "", uri = "", suite = "", components = ""] = match;
    const signedBy = /(?:^|\s)signed-by\s*=\s*(\S+)/i.exec(options)?.[1];
    entries.push({
      uris: [uri],
      suites: [suite],
      components: words(components),
      ...(signedBy === undefined ? {} : { signedBy }),
    });
  }
  return entries;
}

/**
 * Parses the deb822 format (`*.sources`): stanzas of `Key: value`, continued on indented lines.
 *
 * @param text the file
 * @returns its enabled binary repositories
 */
export function parseSourcesFile(text: string): AptEntry[] {
  const entries: AptEntry[] = [];
  // Comment lines do not even end a continued value.
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  for (const stanza of lines.join("\n").split(/\n[ \t]*\n/)) {
    const fields = parseStanza(stanza);
    if (!words(fields.get("types")).includes("deb")) continue;
    if (/^(no|false|0|off|disable|without)$/i.test(fields.get("enabled")?.trim() ?? "yes")) {
      continue;
    }
    const signedBy = fields.get("signed-by");
    entries.push({
      uris: words(fields.get("uris")),
      suites: words(fields.get("suites")),
      components: words(fields.get("components")),
      ...(signedBy === undefined ? {} : { signedBy }),
    });
  }
  return entries;
}

/**
 * Reads everything the system's apt is configured with.
 *
 * @param dir the directory of apt's configuration, `/etc/apt`
 * @returns all entries, those of `sources.list` first
 */
export async function readAptEntries(dir: string): Promise<AptEntry[]> {
  const files = [`${dir}/sources.list`];
  try {
    const names: string[] = [];
    for await (const entry of Deno.readDir(`${dir}/sources.list.d`)) names.push(entry.name);
    files.push(...names.sort().map((name) => `${dir}/sources.list.d/${name}`));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const entries: AptEntry[] = [];
  for (const file of files) {
    const parse = parserOf(file);
    if (!parse) continue;
    try {
      entries.push(...parse(await Deno.readTextFile(file)));
    } catch (error) {
      // A file that only root may read holds somebody's private mirror; the system's own is not among those.
      const skip = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.PermissionDenied;
      if (!skip) throw error;
    }
  }
  return entries;
}

function parserOf(file: string): ((text: string) => AptEntry[]) | undefined {
  if (file.endsWith(".list")) return parseListFile;
  if (file.endsWith(".sources")) return parseSourcesFile;
  return undefined; // such as "x.list.save"
}

function parseStanza(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let key = "";
  for (const line of stanza.split("\n")) {
    const match = /^([A-Za-z0-9-]+):[ \t]*(.*)$/.exec(line);
    if (match) {
      key = (match[1] ?? "").toLowerCase();
      fields.set(key, match[2] ?? "");
    } else if (/^[ \t]/.test(line) && key !== "") {
      fields.set(key, `${fields.get(key)}\n${line}`);
    }
  }
  return fields;
}

function words(text = ""): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
