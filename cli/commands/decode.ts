import { aboutPlugs } from "../../codec/about_plugs.ts";
import { type CapturedMessage, formatTime, readCapture } from "../../codec/capture.ts";
import type { Field } from "../../codec/field.ts";
import { formatHex, formatMessage, formatSummary } from "../../codec/format_message.ts";
import { decodeAll } from "../../codec/tree.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { EXIT } from "../exit_status.ts";
import { bytesOfText } from "../input/bytes_of_text.ts";
import { readAll } from "../input/read_all.ts";
import { messagesJson, type PrintedMessage } from "../message_json.ts";
import { UsageError } from "../usage_error.ts";

/** `plugctl decode` */
export function run(context: Context): number | void {
  const file = valueOf(context, "pcap");
  if (file !== undefined) return decodeCapture(context, file);
  if (isGiven(context, "all")) throw new UsageError("--all goes with --pcap: of other input every message is shown");
  decodeText(context);
}

function decodeText(context: Context): void {
  const { operands } = context.arguments;
  const text = operands.length > 0 ? operands.join(" ") : new TextDecoder().decode(readAll("-"));
  const bytes = bytesOfText(text, (note) => context.note(note));
  const messages = decodeAll(bytes);
  if (isGiven(context, "json")) return context.print(messagesJson(withHex(messages, bytes)));
  messages.forEach((message, index) => printText(context, messageText(context, message), index));
}

/** The messages of a run, each with its bytes. */
function withHex(messages: readonly Field[], run: Uint8Array): PrintedMessage[] {
  let at = 0;
  return messages.map((message) => {
    const bytes = run.subarray(at, at + message.length);
    at += message.length + 3 & ~3;
    return { hex: formatHex(bytes), message };
  });
}

/** Prints what a capture holds, up to where it breaks off; where something cannot be decoded, the exit status is 1. */
function decodeCapture(context: Context, file: string): number {
  const { operands } = context.arguments;
  if (operands.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(operands[0])} beside --pcap`);
  const captured = readCapture(readAll(file));
  const messages: CapturedMessage[] = [];
  try {
    for (const message of isGiven(context, "all") ? captured : aboutPlugs(captured)) {
      if (!isGiven(context, "json")) printText(context, capturedText(context, message), messages.length);
      messages.push(message);
    }
  } finally {
    if (isGiven(context, "json")) context.print(messagesJson(messages.map(printed)));
  }
  if (messages.length === 0) context.note(`${file} has no message about a plug or a gate; --all shows all others`);
  return messages.some(({ error }) => error) ? EXIT.failed : EXIT.done;
}

function printed({ timeNs, bytes, message, error }: CapturedMessage): PrintedMessage {
  return { time: formatTime(timeNs), hex: formatHex(bytes), message, error: error?.message };
}

function capturedText(context: Context, { timeNs, bytes, message, error }: CapturedMessage): string {
  const text = message ? messageText(context, message) : `${error?.message}\n${formatHex(bytes)}`;
  return `${formatTime(timeNs)} ${text}`;
}

function messageText(context: Context, message: Field): string {
  return isGiven(context, "brief") ? formatSummary(message) : formatMessage(message);
}

/** Prints the text of message `index`, with an empty line between those that have several lines. */
function printText(context: Context, text: string, index: number): void {
  context.print(`${index > 0 && !isGiven(context, "brief") ? "\n" : ""}${text}\n`);
}
