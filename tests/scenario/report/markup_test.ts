import { assertEquals } from "@std/assert";
import { markup, scriptJson } from "../../../scenario/report/markup.ts";

Deno.test("markup() escapes every text, and leaves markup as it is", () => {
  const inner = markup`<b>${"<i>"}</b>`;
  assertEquals(
    markup`<a title="${`"'&`}">${"</a>"}${3}${undefined}${inner}${[inner, inner]}</a>`.html,
    `<a title="&quot;&#39;&amp;">&lt;/a&gt;3${"<b>&lt;i&gt;</b>".repeat(3)}</a>`,
  );
});

Deno.test("markup() shows what cannot be seen, or turns around what is read", () => {
  assertEquals(markup`${"a\x00\x1b[31m\x7f\u0085\u202eb\n\tc\r\nd"}`.html, "a␀␛[31m␡\\u{85}\\u{202e}b\n\tc\nd");
  assertEquals(markup`${"👩‍💻"}`.html, "👩‍💻");
});

Deno.test("scriptJson() has no tag in it, and is the same value", () => {
  const value = { text: "</script><!--", number: 1 };
  const { html } = scriptJson(value);
  assertEquals(html.includes("<"), false);
  assertEquals(JSON.parse(html), value);
});
