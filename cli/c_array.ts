import type { Field } from "../codec/field.ts";
import { formatMessage } from "../codec/format_message.ts";

/** A message as an array in C, a field a line, with what `formatMessage` says of it in comments. */
export function cArray(name: string, message: Field, bytes: Uint8Array): string {
  const [title, ...rows] = formatMessage(message, { padding: true }).split("\n");
  const fields = flatten(message).slice(1);
  const columns = fields.map((field) =>
    bytesOf(field, bytes).map((byte) => `0x${byte.toString(16).padStart(2, "0")},`)
  );
  const width = Math.max(...columns.map((column) => column.slice(0, LINE_BYTES).join(" ").length));
  const lines = columns.flatMap((column, index) => fieldLines(column, { says: commentOf(rows[index]), width }));
  return `/* ${title} */\nstatic const unsigned char ${name}[${bytes.length}] = {\n${lines.join("\n")}\n};\n`;
}

/** How many bytes a line has at most. */
const LINE_BYTES = 8;

/** Every field in the order of its first byte, those before what they hold. */
function flatten(field: Field): Field[] {
  return [field, ...(field.fields ?? []).flatMap(flatten)];
}

/** The bytes of a field that belong to none of those that it holds: of an attribute its header. */
function bytesOf({ offset, length, fields, attributeType }: Field, bytes: Uint8Array): number[] {
  const own = fields ? (attributeType === undefined ? 0 : fields[0] ? fields[0].offset - offset : length) : length;
  return [...bytes.subarray(offset, offset + own)];
}

/** A row without its offset, and without what would end the comment. */
function commentOf(row: string): string {
  return row.replace(/^ *\d+ {2}/, "").replaceAll("*/", "* /");
}

function fieldLines(column: readonly string[], { says, width }: { says: string; width: number }): string[] {
  const first = column.slice(0, LINE_BYTES).join(" ").padEnd(width);
  const lines = [`\t${first} /* ${says} */`];
  for (let at = LINE_BYTES; at < column.length; at += LINE_BYTES) {
    lines.push(`\t${column.slice(at, at + LINE_BYTES).join(" ")}`);
  }
  return lines;
}
