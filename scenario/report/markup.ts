/** Text that is HTML already, made by `markup` alone. */
export interface Markup {
  readonly html: string;
}

/** What may stand in a template: text, which is escaped, and markup, which is not; of `undefined` nothing is left. */
export type MarkupPart = string | number | undefined | Markup | readonly Markup[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
/** Letters that cannot be seen, such as those that turn the direction of reading; not line ends, tabs and joiners. */
const UNSEEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}]/gu;
const CONTROL_PICTURES = 0x2400;
const DELETE_PICTURE = "\u2421";

/** Makes markup of a template: every text in it is escaped, so what a program has written stays text. */
export function markup(strings: TemplateStringsArray, ...parts: readonly MarkupPart[]): Markup {
  return { html: String.raw({ raw: strings }, ...parts.map(toHtml)) };
}

/** The text as it stands in HTML, between tags as well as in quotes; what cannot be seen is replaced by its picture. */
function escapeText(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll(UNSEEN, picture).replaceAll(/[&<>"']/g, (letter) => ENTITIES[letter]);
}

/** A value as JSON that may stand in a `script` element. */
export function scriptJson(value: unknown): Markup {
  return { html: JSON.stringify(value).replaceAll("<", "\\u003c") };
}

function toHtml(part: MarkupPart): string {
  if (part === undefined) return "";
  if (typeof part === "string" || typeof part === "number") return escapeText(String(part));
  return isMarkup(part) ? part.html : part.map(({ html }) => html).join("");
}

function isMarkup(part: Markup | readonly Markup[]): part is Markup {
  return "html" in part;
}

function picture(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCharCode(CONTROL_PICTURES + code);
  return code === 0x7f ? DELETE_PICTURE : `\\u{${code.toString(16)}}`;
}
