import assert from "node:assert/strict";
import { html, jsonForScript, trusted } from "./html.ts";

Deno.test("what is put in is text, in elements as in attributes; HTML in HTML stays what it is", () => {
  const evil = `<script>alert("1")</script>&'`;
  assert.equal(
    html`<p title="${evil}">${evil}</p>`.text,
    '<p title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;">' +
      "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;</p>",
  );
  const items = ["a", "<b>"].map((item) => html`<li>${item}</li>`);
  assert.equal(html`<ul>${items}</ul>`.text, "<ul><li>a</li><li>&lt;b&gt;</li></ul>");
  assert.equal(html`${trusted("<hr>")}${0}${undefined}${null}${false}${""}`.text, "<hr>0");
});

Deno.test("data in a script element cannot end it, and is read back as it was", () => {
  const data = { "</script>": "<!--\u2028&", list: [1, null] };
  const { text } = jsonForScript(data);
  assert.doesNotMatch(text, /[<>&\u2028]/);
  assert.deepEqual(JSON.parse(text), data);
});
