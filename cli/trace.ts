import { decodeAll, type Field } from "../codec/mod.ts";
import type { Trace } from "../netlink/mod.ts";
import type { Context } from "./context.ts";
import { messageText } from "./message_text.ts";

/** Prints each message that goes through a connection to standard error, field by field. */
export function traceMessages(context: Context): Trace {
  return (direction, bytes) => {
    const arrow = direction === "sent" ? ">" : "<";
    for (const message of decodeAll(bytes)) context.trace(marked(message, arrow));
  };
}

function marked(message: Field, arrow: string): string {
  return messageText(message).split("\n").map((line) => `${arrow} ${line}\n`).join("");
}
