/**
 * HTML in which nothing that was said anywhere can be more than text.
 *
 * @module
 */

/** HTML that is meant to be HTML. Only {@linkcode html} and {@linkcode trusted} make it. */
export class Html {
  /** Its text. */
  readonly text: string;

  /** @param text HTML */
  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: text and numbers are escaped, HTML is not, nothing is left out. */
export type Part = string | number | Html | undefined | null | false | readonly Part[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Makes HTML of a template.
 *
 * @param literals what is HTML
 * @param parts what is put in between, escaped unless it is HTML itself
 * @returns the HTML
 */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const text = literals.reduce((before, literal, index) =>
    before + partText(parts[index - 1]) + literal
  );
  return new Html(text);
}

/**
 * Calls a text HTML: only for what we have written ourselves.
 *
 * @param text HTML
 */
export function trusted(text: string): Html {
  return new Html(text);
}

/**
 * Writes data so that it can stand in a `script` element and ends neither it nor the page.
 *
 * @param data anything that JSON can tell
 */
export function jsonForScript(data: unknown): Html {
  // U+2028 and U+2029 end a line where JSON is read as a script.
  const text = JSON.stringify(data).toWellFormed().replaceAll(/[<>&\u2028\u2029]/g, (sign) => {
    return `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return new Html(text);
}

function partText(part: Part): string {
  if (part === undefined || part === null || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(partText).join("");
  return String(part).toWellFormed().replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign]!);
}
