import { DecodeError } from "../codec/decode_error.ts";
import { decodeAll } from "../codec/family.ts";
import type { Field } from "../codec/field.ts";
import { formatMessage } from "../codec/format_message.ts";
import { formatHex } from "../codec/text.ts";
import type { Trace } from "../netlink/connection.ts";
import type { Context } from "./context.ts";

/** Prints each message that goes through a connection to standard error, field by field. */
export function traceMessages(context: Context): Trace {
  return (direction, bytes) => {
    const arrow = direction === "sent" ? ">" : "<";
    for (const text of messageTexts(bytes)) context.trace(text.replaceAll(/^/gm, `${arrow} `) + "\n");
  };
}

/** What cannot be decoded is shown as far as it goes, and in hex: to look at it must not end what is being done. */
function messageTexts(bytes: Uint8Array): string[] {
  try {
    return decodeAll(bytes).map((message) => formatMessage(message));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const { messages, partial, message } = error;
    const read = [...messages, ...partial ? [partial] : []].map((each) => formatMessage(each));
    return [...read, `${message}\n${formatHex(bytes)}`];
  }
}

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
