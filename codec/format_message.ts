import type { Field } from "./field.ts";

/**
 * Formats a message field by field, a line each: offset, the kernel's name, the value and what it says. What is
 * nested is indented.
 *
 * ```ts
 * import { decode, formatMessage } from "@plugctl/plugctl/codec";
 *
 * console.log(formatMessage(decode(Uint8Array.fromHex("100000000300020065000000f9020000"))));
 * // NLMSG_DONE, 16 bytes
 * //  0  nlmsg_len    16
 * //  4  nlmsg_type   NLMSG_DONE (3)
 * //  6  nlmsg_flags  MULTI (2)
 * //  8  nlmsg_seq    101
 * // 12  nlmsg_pid    761
 * ```
 */
export function formatMessage(message: Field): string {
  const rows = fieldRows(message.fields ?? [], 0);
  const [offsetWidth, nameWidth] = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map(([offset, name, value]) =>
    `${offset.padStart(offsetWidth)}  ${name.padEnd(nameWidth)}  ${value}`.trimEnd()
  );
  return [`${typeOf(message)}, ${message.length} bytes`, ...lines].join("\n");
}

/**
 * Formats a message as one line: its type, flags and sequence number, and of what it holds that by which a plug, a
 * gate or an answer is told from another.
 */
export function formatSummary(message: Field): string {
  const [, , flags, sequence] = message.fields ?? [];
  const facts = new Map<string, string>();
  for (const field of leaves(message)) {
    if (SUMMED.has(field.name) && !facts.has(field.name)) facts.set(field.name, `${field.name} ${said(field)}`);
  }
  return [typeOf(message), flags?.meaning, `sequence ${sequence?.value}`, ...facts.values()].filter(Boolean).join(" ");
}

/** Formats bytes in hex, two digits each. */
export function formatHex(bytes: Uint8Array): string {
  return bytes.reduce((text, byte) => text + byte.toString(16).padStart(2, "0"), "");
}

const SUMMED = new Set(
  `error ifindex handle parent action limit qlen backlog drops KIND IFNAME INFO_KIND ACT_KIND ATTR_MSG`.split(" "),
);

function typeOf({ fields: [, type] = [] }: Field): string {
  return type?.meaning ?? `message of type ${type?.value}`;
}

function leaves(field: Field): Field[] {
  return field.fields ? field.fields.flatMap(leaves) : [field];
}

function fieldRows(fields: readonly Field[], depth: number): string[][] {
  return fields.flatMap((field) => {
    const name = "  ".repeat(depth) + (field.kernelName || field.name);
    return [[String(field.offset), name, valueText(field)], ...fieldRows(field.fields ?? [], depth + 1)];
  });
}

function valueText(field: Field): string {
  const { value, meaning, fields, length } = field;
  if (fields) return `${length} bytes`;
  return meaning === undefined ? said(field) : `${meaning} (${value})`;
}

/** What a field says, or else what it holds. */
function said({ value, meaning }: Field): string {
  if (value instanceof Uint8Array) return formatHex(value) || "empty";
  return meaning ?? (typeof value === "string" ? JSON.stringify(value) : String(value));
}
