import type { JetStreamClient } from "@nats-io/jetstream";

/** Something that has happened on a host. */
export interface Entry {
  /** Which log it is of, and the how manieth of it. */
  log: string;
  seq: number;
  time: string;
  event: string;
  [field: string]: unknown;
}

/** How far a log has been handed over: the last entry, and the number that the stream has given it. */
interface Shipped {
  log: string;
  seq: number;
  streamSeq?: number;
}

/** How long to wait before it is tried again to hand over, in milliseconds, */
const PAUSE_MS = 1000;
/** and how long the broker may take for one. */
const ANSWER_MS = 3000;
/** From what size on a file is put aside whose entries are all handed over. */
const SIZE_MAX = 8 << 20;
/** `JSStreamWrongLastSequenceErr`: something is in the stream already that was not to be there yet. */
const WRONG_LAST_SEQUENCE = 10071;

/**
 * What has happened on a host, a line of JSON each: written to a file there first, then to a stream of the broker, each once:
 * its id tells the broker a second copy, and the number that it follows tells one that came through though the answer was lost.
 */
export class EventLog {
  readonly #folder: string;
  readonly #pending: Entry[] = [];
  #shipped: Shipped;
  #seq = 0;
  /** Entries of a hold that has not ended, as far as the file knows. */
  readonly #unended = new Map<string, Entry>();
  /** Called when there is something to hand over. */
  #wake: () => void = () => {};
  /** Whether the entry that is handed over was sent before, and its answer is not known. */
  #isInDoubt = false;

  private constructor(folder: string, shipped: Shipped) {
    this.#folder = folder;
    this.#shipped = shipped;
  }

  /** Opens the log of a folder, which is made where it is not there. */
  static open(folder: string): EventLog {
    Deno.mkdirSync(folder, { recursive: true });
    const shipped = readJson<Shipped>(`${folder}/shipped.json`) ?? { log: crypto.randomUUID(), seq: 0 };
    const log = new EventLog(folder, shipped);
    for (const entry of log.#read()) log.#note(entry);
    log.#isInDoubt = log.#pending.length > 0;
    return log;
  }

  /** The last of each hold that had not ended when the file was written last. */
  get unended(): readonly Entry[] {
    return [...this.#unended.values()];
  }

  /** How many are not handed over yet. */
  get pending(): number {
    return this.#pending.length;
  }

  append(event: string, fields: Record<string, unknown>): Entry {
    const entry = { log: this.#shipped.log, seq: this.#seq + 1, time: new Date().toISOString(), event, ...fields };
    Deno.writeTextFileSync(this.#file, `${JSON.stringify(entry)}\n`, { append: true, mode: 0o600 });
    this.#note(entry);
    this.#wake();
    return entry;
  }

  /** Hands over what there is, and what comes, in its order, until the signal is aborted. */
  async ship(stream: JetStreamClient, subject: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const [entry] = this.#pending;
      if (!entry) {
        this.#putAside();
        await this.#next(signal);
        continue;
      }
      try {
        this.#keep({ log: entry.log, seq: entry.seq, streamSeq: await this.#hand(stream, { subject, entry }) });
        this.#isInDoubt = false;
        this.#pending.shift();
      } catch {
        // No broker, no stream, no answer: later.
        this.#isInDoubt = true;
        await pause(PAUSE_MS, signal);
      }
    }
  }

  /** Returns the number that the stream has given to an entry, as far as that is known. */
  async #hand(
    stream: JetStreamClient,
    { subject, entry }: { subject: string; entry: Entry },
  ): Promise<number | undefined> {
    const { streamSeq } = this.#shipped;
    const send = async (expect?: { lastSubjectSequence: number }) => {
      const options = { msgID: `${entry.log}:${entry.seq}`, timeout: ANSWER_MS, expect };
      return (await stream.publish(subject, JSON.stringify(entry), options)).seq;
    };
    if (streamSeq === undefined) return await send();
    try {
      return await send({ lastSubjectSequence: streamSeq });
    } catch (error) {
      if ((error as { code?: number }).code !== WRONG_LAST_SEQUENCE) throw error;
      const [, last] = /wrong last sequence: (\d+)/.exec((error as Error).message) ?? [];
      // Whose answer was lost it is: entries are handed over one by one.
      if (this.#isInDoubt && Number(last) > streamSeq) return Number(last);
      return await send();
    }
  }

  get #file(): string {
    return `${this.#folder}/log.jsonl`;
  }

  #note(entry: Entry): void {
    this.#seq = entry.seq;
    const hold = entry.hold as { id?: string } | undefined;
    if (hold?.id !== undefined) {
      if (entry.event === "ended") this.#unended.delete(hold.id);
      else if (entry.event === "armed" || entry.event === "holding") this.#unended.set(hold.id, entry);
    }
    if (entry.seq > this.#shipped.seq) this.#pending.push(entry);
  }

  *#read(): Generator<Entry> {
    let text: string;
    try {
      text = Deno.readTextFileSync(this.#file);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      throw error;
    }
    for (const line of text.split("\n").filter((line) => line !== "")) {
      try {
        yield JSON.parse(line);
      } catch {
        // The machine stopped in the middle of it: what comes from now on stands in lines of its own.
        Deno.writeTextFileSync(this.#file, "\n", { append: true });
      }
    }
  }

  #keep(shipped: Shipped): void {
    this.#shipped = shipped;
    const file = `${this.#folder}/shipped.json`;
    Deno.writeTextFileSync(`${file}.new`, JSON.stringify(shipped), { mode: 0o600 });
    Deno.renameSync(`${file}.new`, file);
  }

  #putAside(): void {
    const size = this.#seq === 0 ? 0 : Deno.statSync(this.#file).size;
    if (size < SIZE_MAX || this.#unended.size > 0) return;
    Deno.renameSync(this.#file, `${this.#folder}/log.1.jsonl`);
    // The count goes on: an entry says where.
    this.append("log-continues", {});
  }

  async #next(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
  }
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}
