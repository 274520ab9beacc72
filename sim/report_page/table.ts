/**
 * Tables that stay readable however long they are.
 *
 * @module
 */
import { type Html, html, type Part } from "./html.ts";

/**
 * Makes a table that scrolls by itself, by keyboard, too.
 *
 * @param name what is in it, for those who do not see it
 * @param heads what stands above each column; `:number` behind it sets the column flush right, `:text` lets it break anywhere
 * @param rows the cells
 */
export function table(
  name: string,
  heads: readonly string[],
  rows: readonly (readonly Part[])[],
): Html {
  const columns = heads.map((head) => {
    const [text = "", kind = ""] = head.split(":");
    return { text, kind };
  });
  return html`
    <div class="scroll" role="region" aria-label="${name}" tabindex="0">
      <table>
        <thead>
          <tr>${columns.map(({ text, kind }) =>
            html`<th scope="col" class="${kind}">${text}</th>`
          )}</tr>
        </thead>
        <tbody>${rows.map((cells) =>
          html`<tr>${
            cells.map((cell, index) => html`<td class="${columns[index]?.kind}">${cell}</td>`)
          }</tr>\n`
        )}</tbody>
      </table>
    </div>
  `;
}
