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
  return messages.map(messageJson).join("") + messagesJsonEnd(messages.length);
}

/** The part of that JSON that message `index` makes, for who prints one after the other; `messagesJsonEnd` ends it. */
export function messageJson(message: PrintedMessage, index: number): string {
  const plain = (_key: string, value: unknown) =>
    value instanceof Uint8Array ? formatHex(value) : typeof value === "bigint" ? String(value) : value;
  return `${index === 0 ? "[" : ","}${JSON.stringify([message], plain, 2).slice(1, -2)}`;
}

/** The end of the JSON of so many messages. */
export function messagesJsonEnd(count: number): string {
  return count === 0 ? "[]\n" : "\n]\n";
}
