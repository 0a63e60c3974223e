import { DecodeError } from "../codec/decode_error.ts";
import { formatHex, formatMessage } from "../codec/format_message.ts";
import { decodeAll } from "../codec/family.ts";
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
