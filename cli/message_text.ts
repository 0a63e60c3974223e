import type { Field } from "../codec/field.ts";
import { textTable } from "./text_table.ts";

/** A message field by field: offset, bytes in hex, the kernel's name, the value and what it says. */
export function messageText(message: Field, bytes?: Uint8Array): string {
  const header = message.fields?.find(({ name }) => name === "type");
  const rows = (message.fields ?? []).flatMap((field) => fieldRows(field, 1));
  const title = `${header?.meaning ?? `message of type ${header?.value}`}, ${message.length} bytes`;
  return [title, textTable(rows, { right: [0] }), ...bytes ? [hexText(bytes)] : []].join("\n");
}

/** Bytes in hex, as one line that other tools take. */
export function hexText(bytes: Uint8Array): string {
  return bytes.reduce((text, byte) => text + byte.toString(16).padStart(2, "0"), "");
}

function fieldRows(field: Field, depth: number): string[][] {
  const name = "  ".repeat(depth - 1) + (field.kernelName || field.name);
  const row = [String(field.offset), name, field.fields ? `${field.length} bytes` : valueText(field)];
  return [row, ...(field.fields ?? []).flatMap((inner) => fieldRows(inner, depth + 1))];
}

function valueText({ value, meaning, name }: Field): string {
  if (value instanceof Uint8Array) return hexText(value) || "empty";
  if (typeof value === "string") return JSON.stringify(value);
  if (meaning !== undefined) return `${meaning} (${value})`;
  return name === "padding" ? "" : String(value);
}
