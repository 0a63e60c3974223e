import { plugFilter } from "../../codec/about_plugs.ts";
import { type CapturedMessage, CaptureWalker, formatTime, walkDatagram } from "../../codec/capture.ts";
import { formatHex } from "../../codec/format_message.ts";
import { MessageText } from "../../codec/message_text.ts";
import { Rows } from "../../codec/rows.ts";
import { treeOf } from "../../codec/tree.ts";
import { type Context, isGiven, valueOf } from "../context.ts";
import { EXIT } from "../exit_status.ts";
import { captureParts } from "../input/capture_parts.ts";
import { datagramsOfText, type TextDatagrams } from "../input/datagrams_of_text.ts";
import { datagramsOfInput, fileMistake } from "../input/files.ts";
import { readAll } from "../input/read_all.ts";
import { messageJson, messagesJsonEnd } from "../message_json.ts";
import { UsageError } from "../usage_error.ts";

/** A message to be printed, whose fields are in rows: one of a capture, or without its time. */
type Shown = Omit<CapturedMessage, "timeNs" | "message"> & { timeNs?: bigint };

/** `plugctl decode` */
export function run(context: Context): Promise<number> | number {
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
