import type { JetStreamClient } from "@nats-io/jetstream";
import { FileLock } from "../linux/file_lock.ts";

/** Something that has happened on a host. */
export interface Entry {
  /** Which log it is of, another one with each start, and the how manieth of it. */
  log: string;
  seq: number;
  time: string;
  event: string;
  [field: string]: unknown;
}

/** How far the log has been handed over: the last entry, and the number that the stream has given it. */
interface Shipped {
  log: string;
  seq: number;
  streamSeq?: number;
}

/** How long to wait before it is tried again to hand over, in milliseconds, and the most that this doubles to while it fails, */
const PAUSE_MS = 1000;
const PAUSE_MAX_MS = 16_000;
/** and how long the broker may take for one. */
const ANSWER_MS = 3000;
/** From what size on a file is put aside whose entries are all handed over. */
const SIZE_MAX = 8 << 20;
/** `JSStreamWrongLastSequenceErr`: something is in the stream already that was not to be there yet. */
const WRONG_LAST_SEQUENCE = 10071;

/** Where a log is handed over, and how it is read what of it is there. */
export interface Stream {
  publish: JetStreamClient["publish"];
  /** The last entry of a subject that is there, with its number; nothing where there is none, or that cannot be read. */
  last(subject: string): Promise<{ entry: Entry; streamSeq: number } | undefined>;
}

/**
 * What has happened on a host, a line of JSON each: written to a file there first, then to a stream of the broker, each once:
 * its id tells the broker a second copy, and beyond the time for which the broker remembers those, the number that it
 * follows tells one that came through though the answer was lost.
 */
export class EventLog implements Disposable {
  readonly #folder: string;
  readonly #lock: FileLock;
  /** Another one with each start: after a power failure, numbers that a file has lost are not given again. */
  readonly #log = crypto.randomUUID();
  readonly #pending: Entry[] = [];
  /** Lines that could not be written yet. */
  readonly #unwritten: string[] = [];
  #shipped?: Shipped;
  #seq = 0;
  /** Entries of a hold that has not ended, as far as the file knows. */
  readonly #unended = new Map<string, Entry>();
  /** Called when there is something to hand over, or nothing any more. */
  readonly #wakes = new Set<() => void>();
  /** Whether the entry that is handed over was sent before, and its answer is not known. */
  #isInDoubt = false;
  /** Ends the pause before it is tried again. */
  #hurry = new AbortController();

  private constructor(folder: string, lock: FileLock) {
    this.#folder = folder;
    this.#lock = lock;
    this.#shipped = readShipped(`${folder}/shipped.json`);
  }

  /**
   * Opens the log of a folder, which is made where it is not there.
   *
   * @throws {Error} where another process has it open, or it cannot be read or written
   */
  static open(folder: string): EventLog {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const lock = lockFolder(folder);
    try {
      const log = new EventLog(folder, lock);
      log.#readAll();
      return log;
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /** The last of each hold that had not ended when the file was written last. */
  get unended(): readonly Entry[] {
    return [...this.#unended.values()];
  }

  /** How many are not handed over yet. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Writes an entry. Where that is not possible now, it is with the next one: what goes on is not to end for that. */
  append(event: string, fields: Record<string, unknown>): Entry {
    const entry = { log: this.#log, seq: this.#seq + 1, time: new Date().toISOString(), event, ...fields };
    this.#unwritten.push(`${JSON.stringify(entry)}\n`);
    this.#note(entry);
    this.#pending.push(entry);
    try {
      this.#write();
    } catch {
      // `check` tells.
    }
    this.#wake();
    return entry;
  }

  /** @throws {Error} where what was appended could not be written, and still cannot be: then nothing new should begin */
  check(): void {
    try {
      this.#write();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`the log of this host cannot be written: ${reason}`, { cause: error });
    }
  }

  /** Hands over what there is, and what comes, in its order, until the signal is aborted. */
  async ship(stream: Stream, subject: string, signal: AbortSignal): Promise<void> {
    let pauseMs = PAUSE_MS;
    while (!signal.aborted) {
      const [entry] = this.#pending;
      if (!entry) {
        this.#wake();
        if (this.#isPutAside()) continue;
        await this.#change(signal);
        continue;
      }
      try {
        // On the host first.
        this.#write();
        const { count, streamSeq } = await this.#hand(stream, { subject, entry });
        const { log, seq } = this.#pending[count - 1];
        this.#keep({ log, seq, streamSeq });
        this.#isInDoubt = false;
        this.#pending.splice(0, count);
        pauseMs = PAUSE_MS;
      } catch {
        // No broker, no stream, no answer, no room: later.
        this.#isInDoubt = true;
        const { signal: hurry } = this.#hurry;
        await pause(pauseMs, AbortSignal.any([signal, hurry]));
        // A broker's thousand hosts are not to ask each second for what it does not have.
        pauseMs = hurry.aborted ? PAUSE_MS : Math.min(pauseMs * 2, PAUSE_MAX_MS);
      }
    }
  }

  /** Has it tried again at once to hand over, where that is waited with. */
  hurry(): void {
    this.#hurry.abort();
    this.#hurry = new AbortController();
  }

  /** Resolves when all is handed over, or the signal is aborted. */
  async whenShipped(signal: AbortSignal): Promise<void> {
    this.hurry();
    while (this.#pending.length > 0 && !signal.aborted) await this.#change(signal);
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
  }

  /** Returns how many entries are in the stream by now that were not known to be, and the number of the last. */
  async #hand(
    stream: Stream,
    { subject, entry }: { subject: string; entry: Entry },
  ): Promise<{ count: number; streamSeq: number }> {
    const send = async (expect?: { lastSubjectSequence: number }) => {
      const options = { msgID: `${entry.log}:${entry.seq}`, timeout: ANSWER_MS, expect };
      return { count: 1, streamSeq: (await stream.publish(subject, JSON.stringify(entry), options)).seq };
    };
    try {
      return await send({ lastSubjectSequence: this.#shipped?.streamSeq ?? 0 });
    } catch (error) {
      if ((error as { code?: number }).code !== WRONG_LAST_SEQUENCE) throw error;
    }
    // Another agent was called so, or the stream is another; or entries are there, and the answer was lost.
    const last = this.#isInDoubt ? await stream.last(subject) : undefined;
    if (!last) return await send();
    const { log, seq } = last.entry;
    const count = 1 + this.#pending.findLastIndex((each) => each.log === log && each.seq <= seq);
    return count > 0 ? { count, streamSeq: last.streamSeq } : await send();
  }

  get #file(): string {
    return `${this.#folder}/log.jsonl`;
  }

  #write(): void {
    if (this.#unwritten.length === 0) return;
    const bytes = new TextEncoder().encode(this.#unwritten.join(""));
    using file = Deno.openSync(this.#file, { append: true, create: true, mode: 0o600 });
    const { size } = file.statSync();
    try {
      for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
    } catch (error) {
      // A part of a line would spoil the next.
      file.truncateSync(size);
      throw error;
    }
    this.#unwritten.length = 0;
  }

  #readAll(): void {
    const entries = this.#read();
    const { log, seq } = this.#shipped ?? {};
    const last = entries.findLastIndex((entry) => entry.log === log && entry.seq <= Number(seq));
    for (const entry of entries) this.#note(entry);
    this.#seq = 0;
    this.#pending.push(...entries.slice(last + 1));
    this.#isInDoubt = this.#pending.length > 0;
  }

  #read(): Entry[] {
    let text: string;
    try {
      text = Deno.readTextFileSync(this.#file);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
    // The machine stopped in the middle of a line: what comes from now on stands in lines of its own.
    if (text !== "" && !text.endsWith("\n")) Deno.writeTextFileSync(this.#file, "\n", { append: true });
    return text.split("\n").flatMap((line) => {
      const entry = parsed(line) as Partial<Entry> | undefined;
      return typeof entry?.log === "string" && typeof entry.seq === "number" ? [entry as Entry] : [];
    });
  }

  #note(entry: Entry): void {
    this.#seq = entry.seq;
    const hold = entry.hold as { id?: string } | undefined;
    if (hold?.id === undefined) return;
    if (entry.event === "ended") this.#unended.delete(hold.id);
    else if (entry.event === "armed" || entry.event === "holding") this.#unended.set(hold.id, entry);
  }

  #keep(shipped: Shipped): void {
    this.#shipped = shipped;
    const file = `${this.#folder}/shipped.json`;
    Deno.writeTextFileSync(`${file}.new`, JSON.stringify(shipped), { mode: 0o600 });
    Deno.renameSync(`${file}.new`, file);
  }

  /** Puts the file aside where it is long, and all of it is handed over. Returns whether it was. */
  #isPutAside(): boolean {
    try {
      if (Deno.statSync(this.#file).size < SIZE_MAX || this.#unended.size > 0) return false;
      Deno.renameSync(this.#file, `${this.#folder}/log.1.jsonl`);
    } catch {
      // It is not there, or cannot be moved: it stays as it is.
      return false;
    }
    this.append("log-continues", {});
    return true;
  }

  #wake(): void {
    for (const wake of this.#wakes) wake();
  }

  /** Resolves when something was appended or all is handed over, or the signal is aborted. */
  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakes.add(resolve);
    const stop = () => resolve();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    await promise;
    signal.removeEventListener("abort", stop);
    this.#wakes.delete(resolve);
  }
}

/** What of a log was handed over; nothing where that is not known: then the broker knows what it has. */
function readShipped(file: string): Shipped | undefined {
  try {
    return parsed(Deno.readTextFileSync(file)) as Shipped | undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function parsed(text: string): object | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @throws {Error} where another process has it */
function lockFolder(folder: string): FileLock {
  const file = `${folder}/lock`;
  Deno.openSync(file, { create: true, write: true, mode: 0o600 }).close();
  const lock = FileLock.tryTake(file);
  if (lock) return lock;
  throw new Error(`Cannot use ${folder}: another agent has it open; give each its own --state`);
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  const stop = () => resolve();
  signal.addEventListener("abort", stop, { once: true });
  await promise;
  signal.removeEventListener("abort", stop);
  clearTimeout(timer);
}
