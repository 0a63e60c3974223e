import { plugFilter } from "../../codec/about_plugs.ts";
import { type CapturedMessage, CaptureWalker, formatTime, walkDatagram } from "../../codec/capture.ts";
import { formatHex } from "../../codec/format_message.ts";
import { MessageText } from "../../codec/message_text.ts";
import { Rows } from "../../codec/rows.ts";
import { treeOf } from "../../codec/tree.ts";
import { type Arguments, parseArguments } from "../arguments.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { EXIT, UsageError } from "../exit_status.ts";
import { captureParts, datagramsOfInput, fileMistake, readAll } from "../input/files.ts";
import { datagramsOfText, type TextDatagrams } from "../input/datagrams_of_text.ts";
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

/** A message to be printed, whose fields are in rows: one of a capture, or without its time. */
type Shown = Omit<CapturedMessage, "timeNs" | "message"> & { timeNs?: bigint };

/** `plugctl decode` */
export function decode(context: Context): Promise<number> | number {
  const file = valueOf(context, "pcap");
  if (file !== undefined) return decodeCapture(context, file);
  if (isGiven(context, "all")) throw new UsageError("--all goes with --pcap: of other input every message is shown");
  return decodeText(context);
}

/** Prints the messages that its arguments or standard input have; where one is skipped, the exit status is 1. */
function decodeText(context: Context): number {
  const { datagrams, skipped } = readDatagrams(context);
  const rows = new Rows();
  using printer = new Printer(context, rows);
  for (const datagram of datagrams) for (const message of walkDatagram(rows, datagram)) printer.print(message);
  return printer.hasErrors || skipped > 0 ? EXIT.failed : EXIT.done;
}

function readDatagrams(context: Context): TextDatagrams {
  const { operands } = context.arguments;
  const note = (text: string) => context.note(text);
  if (operands.length === 0) return datagramsOfInput(readAll("-"), note);
  try {
    return datagramsOfText(operands.join(" "), note);
  } catch (error) {
    throw error instanceof UsageError && operands.length === 1 ? fileMistake(operands[0]) ?? error : error;
  }
}

/** Prints what a capture holds, up to where it breaks off; where something cannot be decoded, the exit status is 1. */
async function decodeCapture(context: Context, file: string): Promise<number> {
  const { operands } = context.arguments;
  if (operands.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(operands[0])} beside --pcap`);
  const isMeant = isGiven(context, "all") ? () => true : plugFilter();
  const reader = new CaptureWalker();
  using printer = new Printer(context, reader.rows);
  for await (const part of captureParts(file)) {
    for (const message of reader.read(part)) if (isMeant(message)) printer.print(message);
    // What came through a pipe is shown before more is waited for
    printer.flush();
  }
  reader.end();
  if (printer.count === 0) context.note(`${file} has no message about a plug or a gate; --all shows all others`);
  return printer.hasErrors ? EXIT.failed : EXIT.done;
}

/** How many bytes are printed at once, at the least. */
const FLUSH_LEN = 1 << 16;

/** Prints messages, as JSON, as a line each, or field by field; what it holds back it prints when it is disposed of. */
class Printer implements Disposable {
  readonly #context: Context;
  readonly #rows: Rows;
  readonly #add: (message: Shown) => void;
  readonly #isJson: boolean;
  readonly #text = new MessageText();
  /** Whether nobody reads on, as an error has said. */
  #isClosed = false;
  /** How many there were. */
  count = 0;
  /** Whether one of them could not be decoded. */
  hasErrors = false;

  /** Takes the rows in which the fields of each message are. */
  constructor(context: Context, rows: Rows) {
    this.#context = context;
    this.#rows = rows;
    this.#isJson = isGiven(context, "json");
    this.#add = this.#isJson ? this.#json : isGiven(context, "brief") ? this.#brief : this.#fields;
  }

  print(message: Shown): void {
    this.#add(message);
    this.count++;
    if (message.error) this.hasErrors = true;
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

  #json({ timeNs, bytes, error, missing, comment }: Shown): void {
    const time = timeNs === undefined ? {} : { time: formatTime(timeNs) };
    const message = treeOf(this.#rows);
    const printed = { ...time, hex: formatHex(bytes), message, error: error?.message, missing, comment };
    this.#text.text(messageJson(printed, this.count));
  }

  #brief(shown: Shown): void {
    const { bytes, error, comment } = shown;
    const [rows, text] = [this.#rows, this.#text];
    this.#time(shown);
    if (rows.count > 0) text.summary(rows);
    if (error) text.text(`${rows.count > 0 ? ": " : ""}${faultOf(shown)}`);
    if (comment !== undefined) text.text(` # ${comment}`);
    text.text("\n");
    if (rows.count === 0) text.text(`${formatHex(bytes)}\n`);
  }

  /** The fields, with an empty line before all messages but the first. */
  #fields(shown: Shown): void {
    const { bytes, error, comment } = shown;
    const [rows, text] = [this.#rows, this.#text];
    if (this.count > 0) text.text("\n");
    this.#time(shown);
    if (rows.count > 0) {
      text.fields(rows);
      text.text("\n");
    }
    if (error) text.text(`${faultOf(shown)}\n${formatHex(bytes)}\n`);
    if (comment !== undefined) text.text(`# ${comment}\n`);
  }

  #time({ timeNs }: Shown): void {
    if (timeNs !== undefined) this.#text.text(`${formatTime(timeNs)} `);
  }
}

/** What is wrong with a message that cannot be decoded, or that was not captured whole. */
function faultOf({ error, missing }: Shown): string {
  return missing === undefined ? `${error?.message}` : `Cut short: the last ${missing} bytes were not captured`;
}
