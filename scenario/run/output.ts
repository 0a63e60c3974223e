import { fitsText, type TextTest } from "../text_test.ts";

/** How much of each stream is kept, in UTF-16 units: the end of it. */
const KEPT = 64 * 1024;
/** How many lines are kept for those who wait for one. */
const LINES_MAX = 10_000;
/** How many lines are kept as its last words, and how much of each. */
const LAST_LINES = 20;
const LINE_LENGTH = 1000;

/** Where a process writes. */
export type Stream = "stdout" | "stderr";

/** What a process has written. */
export class Output {
  readonly #onLine?: (line: string, stream: Stream) => void;
  readonly #texts = { stdout: "", stderr: "" };
  readonly #unfinished = { stdout: "", stderr: "" };
  #lines: string[] = [];
  #last: string[] = [];
  #cut = false;
  #length = 0;

  /** `onLine` is given each line once all of it is there. */
  constructor(onLine?: (line: string, stream: Stream) => void) {
    this.#onLine = onLine;
  }

  /** Reads a stream to its end. */
  async read(stream: ReadableStream<Uint8Array<ArrayBuffer>>, name: Stream): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#add(name, text);
    if (this.#unfinished[name] !== "") this.#add(name, "\n");
  }

  /** The end of what it has written, and whether there was more before that. */
  get kept(): { stdout: string; stderr: string; cut: boolean } {
    return { ...this.#texts, cut: this.#cut };
  }

  /** The last lines that it has written to either, in the order in which they were read. */
  get last(): string[] {
    const open = Object.values(this.#unfinished).filter((text) => text !== "");
    return [...this.#last, ...open].map((line) => line.slice(0, LINE_LENGTH)).slice(-LAST_LINES);
  }

  /** How much it has written, in UTF-16 units. */
  get length(): number {
    return this.#length;
  }

  /** Looks for a line that no earlier look has found or passed over; where it is found, those up to it are used up. */
  takeLine(test: TextTest): boolean {
    const index = this.#lines.findIndex((line) => fitsText(line, test));
    if (index >= 0) this.#lines.splice(0, index + 1);
    return index >= 0;
  }

  #add(name: Stream, text: string): void {
    this.#length += text.length;
    const whole = this.#texts[name] + text;
    this.#cut ||= whole.length > KEPT;
    this.#texts[name] = whole.slice(-KEPT);
    const lines = (this.#unfinished[name] + text).split("\n");
    this.#unfinished[name] = (lines.pop() ?? "").slice(-KEPT);
    this.#lines = [...this.#lines, ...lines].slice(-LINES_MAX);
    this.#last = [...this.#last, ...lines.slice(-LAST_LINES)].slice(-LAST_LINES);
    for (const line of lines) this.#onLine?.(line, name);
  }
}
