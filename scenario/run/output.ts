import { fitsText, type TextTest } from "../text_check.ts";

/** How much of each stream is kept, in UTF-16 units: the end of it. */
const KEPT = 64 * 1024;
/** How many lines are kept for those who wait for one. */
const LINES_MAX = 10_000;

/** What a process has written. */
export class Output {
  readonly #texts = { stdout: "", stderr: "" };
  readonly #unfinished = { stdout: "", stderr: "" };
  #lines: string[] = [];
  #cut = false;
  #length = 0;

  /** Reads a stream to its end. */
  async read(stream: ReadableStream<Uint8Array<ArrayBuffer>>, name: "stdout" | "stderr"): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#add(name, text);
    if (this.#unfinished[name] !== "") this.#add(name, "\n");
  }

  /** The end of what it has written, and whether there was more before that. */
  get kept(): { stdout: string; stderr: string; cut: boolean } {
    return { ...this.#texts, cut: this.#cut };
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

  #add(name: "stdout" | "stderr", text: string): void {
    this.#length += text.length;
    const whole = this.#texts[name] + text;
    this.#cut ||= whole.length > KEPT;
    this.#texts[name] = whole.slice(-KEPT);
    const lines = (this.#unfinished[name] + text).split("\n");
    this.#unfinished[name] = (lines.pop() ?? "").slice(-KEPT);
    this.#lines = [...this.#lines, ...lines].slice(-LINES_MAX);
  }
}
