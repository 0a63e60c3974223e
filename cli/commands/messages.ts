import { plugFilter } from "../../codec/about_plugs.ts";
import { NLMSG_HDRLEN } from "../../codec/assembly/constants.ts";
import { CaptureWalker, DatagramWalker, formatMoment } from "../../codec/capture.ts";
import { formatHex } from "../../codec/text.ts";
import { MessageText } from "../../codec/message_text.ts";
import { treeOf } from "../../codec/tree.ts";
import { type Arguments, parseArguments } from "../arguments.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { EXIT, UsageError } from "../exit_status.ts";
import {
  captureParts,
  checkCapture,
  datagramsOfInput,
  datagramsOfText,
  fileMistake,
  readAll,
  type TextDatagrams,
} from "../input/datagrams.ts";
import { messageJson, messagesJsonEnd } from "../shown_messages.ts";
import { type CommandName, COMMANDS, type OptionName } from "../table.ts";

const FORMATS = ["hex", "c", "json"];

/** `plugctl encode`: what the command prints with `--dry-run`, in a format that is for programs. */
export async function encode(context: Context): Promise<number> {
  const format = valueOf(context, "format") ?? (isGiven(context, "json") ? "json" : "hex");
  if (!FORMATS.includes(format)) {
    throw new UsageError(`unknown format ${JSON.stringify(format)}: use ${FORMATS.join(", ")}`);
  }
  const given = parseArguments(context.arguments.program);
  if (given.values.has("help")) return await context.run(given);
  if (!takesDryRun(given.command)) {
    const others = (Object.keys(COMMANDS) as CommandName[]).filter(takesDryRun).join(", ");
    throw new UsageError(`${given.command} cannot be encoded, these can: ${others}`);
  }
  const values = new Map<OptionName, string[]>([...given.values, ["dry-run", []], ["format", [format]]]);
  return await context.run({ ...given, values } satisfies Arguments);
}

/** Whether its dry run prints what it would send; of these two it is a plan. */
function takesDryRun(command: CommandName): boolean {
  return command !== "run" && command !== "recover" &&
    (COMMANDS[command].options as readonly OptionName[]).includes("dry-run");
}

/** `plugctl decode` */
export function decode(context: Context): Promise<number> | number {
  const file = valueOf(context, "pcap");
  if (file !== undefined) return decodeCapture(context, file);
  if (isGiven(context, "all")) throw new UsageError("--all goes with --pcap: of other input every message is shown");
  return decodeText(context);
}

/** Prints the messages that its arguments or standard input have; where one is skipped, the exit status is 1. */
function decodeText(context: Context): number {
  const { datagrams, generic, skipped } = readDatagrams(context);
  const message = new DatagramWalker();
  using printer = new Printer(context, message);
  for (const datagram of datagrams) {
    message.begin(datagram, generic.has(datagram));
    while (message.next()) printer.print();
  }
  return printer.hasErrors || skipped > 0 ? EXIT.failed : EXIT.done;
}

function readDatagrams(context: Context): TextDatagrams {
  const { operands } = context.arguments;
  const note = (text: string) => context.note(text);
  if (operands.length === 0) return datagramsOfInput(readAll("-"), note);
  const mistake = () => operands.length === 1 ? fileMistake(operands[0]) : undefined;
  try {
    const read = datagramsOfText(operands, note);
    // The name of a file may be a hex number
    const isShort = read.datagrams.every(({ length }) => length < NLMSG_HDRLEN);
    const isFile = isShort ? mistake() : undefined;
    if (isFile) throw isFile;
    return read;
  } catch (error) {
    throw error instanceof UsageError ? mistake() ?? error : error;
  }
}

/** Prints what a capture holds, up to where it breaks off; where something cannot be decoded, the exit status is 1. */
async function decodeCapture(context: Context, file: string): Promise<number> {
  const { operands } = context.arguments;
  if (operands.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(operands[0])} beside --pcap`);
  const isMeant = isGiven(context, "all") ? () => true : plugFilter();
  const reader = new CaptureWalker();
  using printer = new Printer(context, reader.message, reader);
  let isFirst = true;
  for await (const part of captureParts(file)) {
    if (isFirst) checkCapture(part, file);
    isFirst = false;
    reader.begin(part);
    while (reader.next()) if (isMeant(reader.message)) printer.print();
    // What came through a pipe is shown before more is waited for
    printer.flush();
  }
  reader.end();
  if (printer.count === 0) context.note(`${file} has no message about a plug or a gate; --all shows all others`);
  return printer.hasErrors ? EXIT.failed : EXIT.done;
}

/** Whether a capture says when a packet was seen: a Simple Packet Block of pcapng does not. */
function hasTime({ seconds, nanoseconds }: { seconds: number; nanoseconds: number }): boolean {
  return seconds !== 0 || nanoseconds !== 0;
}

/** How many bytes are printed at once, at the least. */
const FLUSH_LEN = 1 << 16;

/**
 * Prints the messages on which a cursor stands, as JSON, as a line each, or field by field; what it holds back it prints
 * when it is disposed of.
 */
class Printer implements Disposable {
  readonly #context: Context;
  readonly #message: DatagramWalker;
  readonly #capture?: CaptureWalker;
  readonly #add: () => void;
  readonly #isJson: boolean;
  readonly #text = new MessageText();
  /** Whether nobody reads on, as an error has said. */
  #isClosed = false;
  /** How many there were. */
  count = 0;
  /** Whether one of them could not be decoded. */
  hasErrors = false;

  /** Takes the cursor, and the capture that it goes through, if it is one. */
  constructor(context: Context, message: DatagramWalker, capture?: CaptureWalker) {
    this.#context = context;
    this.#message = message;
    this.#capture = capture;
    this.#isJson = isGiven(context, "json");
    this.#add = this.#isJson ? this.#json : isGiven(context, "brief") ? this.#brief : this.#fields;
  }

  print(): void {
    this.#add();
    this.count++;
    if (this.#message.error) this.hasErrors = true;
    if (this.#text.length >= FLUSH_LEN) this.flush();
  }

  flush(): void {
    if (this.#text.length === 0) return;
    this.#isClosed = true;
    this.#context.print(this.#text.take());
    this.#isClosed = false;
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    if (this.#isJson) this.#text.text(messagesJsonEnd(this.count));
    this.flush();
  }

  #json(): void {
    const { bytes, rows, error } = this.#message;
    const { packet, missing = 0 } = this.#capture ?? {};
    const time = packet && hasTime(packet) ? { time: formatMoment(packet.seconds, packet.nanoseconds) } : {};
    const said = { error: error?.message, missing: missing || undefined, comment: packet?.comment };
    this.#text.text(messageJson({ ...time, hex: formatHex(bytes), message: treeOf(rows), ...said }, this.count));
  }

  #brief(): void {
    const { rows, error } = this.#message;
    const text = this.#text;
    this.#time();
    if (rows.count > 0) text.summary(rows);
    if (error) text.text(`${rows.count > 0 ? ": " : ""}${this.#fault(error)}`);
    this.#comment(" ");
    text.text("\n");
    if (rows.count === 0) text.text(`${formatHex(this.#message.bytes)}\n`);
  }

  /** The fields, with an empty line before all messages but the first. */
  #fields(): void {
    const { rows, error } = this.#message;
    const text = this.#text;
    if (this.count > 0) text.text("\n");
    this.#time();
    if (rows.count > 0) {
      text.fields(rows);
      text.text("\n");
    }
    if (error) text.text(`${this.#fault(error)}\n${formatHex(this.#message.bytes)}\n`);
    this.#comment("", "\n");
  }

  #time(): void {
    if (!this.#capture) return;
    const { seconds, nanoseconds } = this.#capture.packet;
    if (hasTime(this.#capture.packet)) this.#text.text(`${formatMoment(seconds, nanoseconds)} `);
  }

  #comment(before: string, behind = ""): void {
    const comment = this.#capture?.packet.comment;
    if (comment !== undefined) this.#text.text(`${before}# ${comment}${behind}`);
  }

  /** What is wrong with a message that cannot be decoded, or that was not captured whole. */
  #fault(error: Error): string {
    const missing = this.#capture?.missing ?? 0;
    return missing === 0 ? error.message : `Cut short: the last ${missing} bytes were not captured`;
  }
}
