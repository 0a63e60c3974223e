import type { Field } from "../codec/field.ts";
import { formatHex } from "../codec/format_message.ts";

/** A message as it is printed in JSON, with what else is to be said of it. */
export interface PrintedMessage {
  hex: string;
  message?: Field;
  [more: string]: unknown;
}

/** Messages as JSON: bytes in hex, and numbers of 64 bits as strings, since JSON has none. */
export function messagesJson(messages: readonly PrintedMessage[]): string {
  const plain = (_key: string, value: unknown) =>
    value instanceof Uint8Array ? formatHex(value) : typeof value === "bigint" ? String(value) : value;
  return `${JSON.stringify(messages, plain, 2)}\n`;
}
