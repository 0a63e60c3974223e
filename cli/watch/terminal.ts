import { type Key, keysIn } from "./keys.ts";

/** How large a terminal is, in characters. */
export interface Size {
  columns: number;
  rows: number;
}

/** Another screen, whose lines do not wrap, without a cursor; and back to the one that was there, with what it showed. */
const ENTER = "\x1b[?1049h\x1b[?7l\x1b[?25l";
const LEAVE = "\x1b[0m\x1b[?25h\x1b[?7h\x1b[?1049l";
const CLEAR = "\x1b[0m\x1b[2J";
/** Before a line is written: behind one that fills the screen it would take the last character with it. */
const CLEAR_LINE = "\x1b[0m\x1b[K";
/** Where a terminal does not tell its size. */
const DEFAULT_SIZE: Size = { columns: 80, rows: 24 };

/**
 * The terminal that this process was started on, taken over: keys come one by one and are not shown, and lines are drawn
 * to a screen of their own. It is as before once this is disposed of.
 */
export class Terminal implements Disposable {
  readonly #onResize: () => void;
  #shown: readonly string[] = [];
  #isTaken = false;

  /** Takes the terminal over; `onResize` is called when its size has changed. */
  constructor({ onResize }: { onResize: () => void }) {
    this.#onResize = () => {
      this.#shown = [];
      onResize();
    };
    this.#take();
    Deno.addSignalListener("SIGWINCH", this.#onResize);
  }

  get size(): Size {
    try {
      const { columns, rows } = Deno.consoleSize();
      return columns > 0 && rows > 0 ? { columns, rows } : DEFAULT_SIZE;
    } catch {
      return DEFAULT_SIZE; // It was closed meanwhile: what is written next says so.
    }
  }

  /** Draws lines from the top on: those that are as before are not sent again. */
  draw(lines: readonly string[]): void {
    const before = this.#shown;
    const parts = before.length === 0 ? [CLEAR] : [];
    const rows = Math.max(lines.length, before.length);
    for (let row = 0; row < rows; row++) {
      const line = lines[row] ?? "";
      if (line !== (before[row] ?? "")) parts.push(`\x1b[${row + 1};1H${CLEAR_LINE}${line}`);
    }
    if (parts.length > 0) write(parts.join(""));
    this.#shown = [...lines];
  }

  /** Draws all of it at the next call, whatever it shows now. */
  forget(): void {
    this.#shown = [];
  }

  /** Gives the terminal back until this process goes on, as Ctrl-Z does. */
  suspend(): void {
    this.#giveBack();
    Deno.kill(Deno.pid, "SIGSTOP");
    this.#take();
    this.forget();
  }

  /** The keys that are pressed, until the terminal is closed. */
  async *keys(): AsyncGenerator<Key[]> {
    const buffer = new Uint8Array(1024);
    const decoder = new TextDecoder();
    for (;;) {
      const length = await Deno.stdin.read(buffer).catch(() => null);
      if (length === null) return;
      yield keysIn(decoder.decode(buffer.subarray(0, length), { stream: true }));
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGWINCH", this.#onResize);
    this.#giveBack();
  }

  #take(): void {
    Deno.stdin.setRaw(true);
    this.#isTaken = true;
    write(ENTER);
  }

  #giveBack(): void {
    if (!this.#isTaken) return;
    this.#isTaken = false;
    try {
      write(LEAVE);
      Deno.stdin.setRaw(false);
    } catch {
      // It is not there any more: nobody looks at it.
    }
  }
}

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
