/**
 * What a page may do, told to the browser.
 *
 * @module
 */

/**
 * Nothing is fetched, and no script runs but ours: not even if a text should have become one.
 *
 * @param scripts ours
 * @param more further rules
 * @returns the Content-Security-Policy
 */
export async function policyFor(
  scripts: readonly string[],
  more: readonly string[] = [],
): Promise<string> {
  const hashes = await Promise.all(scripts.map(async (script) => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
    return `'sha256-${new Uint8Array(digest).toBase64()}'`;
  }));
  return [
    "default-src 'none'",
    `script-src ${hashes.join(" ")}`,
    "style-src 'unsafe-inline'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    ...more,
  ].join("; ");
}
