import { type CutShortEvent, Desk } from "../desk.ts";
import { checked, type Operation, perform } from "../operation.ts";
import { Guardian } from "../../guardian/guardian.ts";
import type { Policy } from "../policy.ts";
import { RequestError } from "../problem.ts";
import { Session } from "../session.ts";
import { EventStream } from "./event_stream.ts";
import { Holds } from "../holds.ts";
import { Runs } from "./runs.ts";
import { Turns } from "./turns.ts";

/** How a server is set up. */
export interface ServiceOptions {
  /** What it is about where a request names no namespace. Default: this process's own. */
  netns?: string;
  /** The longest that anything is held, in milliseconds. */
  maxHoldMs: number;
  /** What the owner of the machine lets askers do. Default: all. */
  policy?: Policy;
  /** The words that start plugctl, where scenarios may be run. */
  program?: readonly string[];
  version: string;
  /** Called when the guardian has ended, without which nothing may be held. */
  onEnd: (error: Error) => void;
}

/** How many gates and plugs its askers may have, and how many may read events. */
const THINGS_MAX = 1000;
const READERS_MAX = 100;

/** What all askers of a server share: what they have made and hold, which goes with the server, and who reads events. */
export class Service {
  readonly version: string;
  /** Scenarios that were asked for. */
  readonly runs: Runs;
  readonly #options: ServiceOptions;
  readonly #readers = new Set<EventStream>();
  /** Those that are told of packets. */
  readonly #others = new Map<EventStream, Promise<void>>();
  /** How many are told of a run. */
  #ofRuns = 0;
  readonly #turns = new Turns();
  #watcher?: Guardian;
  #desk: Desk;
  #holds: Holds;
  /** How many requests were answered, by operation and whether it was done. */
  readonly #asked = new Map<string, number>();

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.version = options.version;
    const { program, policy } = options;
    this.runs = new Runs({
      program,
      check: () => policy?.checkRun(),
      onChange: (event, run) => this.#tell(event, run),
    });
    [this.#desk, this.#holds] = this.#open();
  }

  get desk(): Desk {
    return this.#desk;
  }

  get holds(): Holds {
    return this.#holds;
  }

  /** How many requests were answered. */
  get asked(): ReadonlyMap<string, number> {
    return this.#asked;
  }

  /** How many read events, of whatever kind. */
  get readers(): number {
    return this.#readers.size + this.#others.size + this.#ofRuns;
  }

  /** What is meant where no namespace is named. */
  get netns(): string | undefined {
    return this.#options.netns;
  }

  /** Does an operation, and returns its answer; those about the same gate or plug one after the other. */
  async perform(operation: Operation, input: unknown, signal: AbortSignal): Promise<unknown> {
    const understood = checked(operation, input) as Record<string, unknown>;
    const { netns } = understood;
    this.#checkRoom([operation.name]);
    const keys = operation.isLong ? [] : keysOf(understood);
    const work = async () => {
      const controller = new AbortController();
      const gone = () => controller.abort(new RequestError("cancelled", "whoever asked has gone"));
      if (signal.aborted) gone();
      signal.addEventListener("abort", gone);
      try {
        const [desk, holds] = [this.#desk, this.#holds];
        using _turn = desk.begin(netns as string | undefined, controller);
        return await perform(operation, understood, { desk, holds, id: 0, signal: controller.signal, tell: () => {} });
      } finally {
        signal.removeEventListener("abort", gone);
      }
    };
    return await this.#count(operation.name, () => this.#turns.take(keys, work));
  }

  /** Does several that stand together; those that follow each other and are alike are one send. Returns an answer each. */
  async performAll(asked: readonly unknown[]): Promise<unknown[]> {
    const requests = asked.filter((one) => typeof one === "object" && one !== null) as Record<string, unknown>[];
    this.#checkRoom(requests.map(({ op }) => op));
    const line = asked.map((one, id) => typeof one === "object" && one !== null ? { ...one, id } : one);
    const said: unknown[] = [];
    const session = new Session(this.#desk, (answer) => said.push(answer), this.#holds);
    await this.#count(
      "actions",
      () => this.#turns.take([...new Set(requests.flatMap(keysOf))], () => session.take(JSON.stringify(line))),
    );
    const [answers] = said;
    return Array.isArray(answers) ? answers.map(({ id: _, ...answer }) => answer) : [answers];
  }

  /** Whoever has this is told of all that happens. */
  read(): EventStream {
    this.checkReaders();
    const stream: EventStream = new EventStream(() => this.#readers.delete(stream));
    this.#readers.add(stream);
    return stream;
  }

  /** @throws {RequestError} `busy` where there are as many as there may be */
  checkReaders(): void {
    if (this.readers >= READERS_MAX) throw new RequestError("busy", `${READERS_MAX} read events already`);
  }

  /** Another stream that ends with the server, and when what is told there is put right. */
  addReader(stream: EventStream, ended: Promise<void>): void {
    this.#others.set(stream, ended.finally(() => this.#others.delete(stream)));
  }

  /** Tells a reader all that happens in a run, from its beginning on. */
  readRun(id: string): ReadableStream<Uint8Array> {
    this.checkReaders();
    const events = this.runs.get(id).events();
    this.#ofRuns++;
    const read = async function* (service: Service) {
      try {
        yield* events;
      } finally {
        service.#ofRuns--;
      }
    };
    return ReadableStream.from(read(this)).pipeThrough(new TextEncoderStream());
  }

  /** Takes the taps of captures out when this process is dead. */
  get watcher(): Guardian {
    return this.#watcher ??= Guardian.start();
  }

  /** Ends all holds, and takes away all that was made. */
  async reset(): Promise<{ holds: number; things: number }> {
    const [desk, holds] = [this.#desk, this.#holds];
    const counts = { holds: holds.size, things: desk.size };
    [this.#desk, this.#holds] = this.#open();
    holds.releaseAll("reset");
    const [failure] = await desk.close();
    this.#tell("reset", counts);
    if (failure !== undefined) throw failure;
    return counts;
  }

  /** The same, when the server ends. Returns what could not be done. */
  async close(): Promise<unknown[]> {
    this.#holds.releaseAll("reset");
    await this.runs.close();
    for (const reader of [...this.#readers, ...this.#others.keys()]) reader.end();
    await Promise.all(this.#others.values());
    this.#watcher?.[Symbol.dispose]();
    return await this.#desk.close();
  }

  /** @throws {RequestError} `busy` where there is no room for what some operations make */
  #checkRoom(operations: readonly unknown[]): void {
    const made = operations.filter((name) => name === "attach" || name === "gate-add").length;
    if (made === 0 || this.#desk.size + made <= THINGS_MAX) return;
    throw new RequestError("busy", `${this.#desk.size} gates and plugs are there, up to ${THINGS_MAX} may be`);
  }

  #open(): [Desk, Holds] {
    const { netns, policy, onEnd } = this.#options;
    const maxHoldMs = Math.min(this.#options.maxHoldMs, policy?.maxHoldMs ?? Infinity);
    const onCutShort = (event: CutShortEvent) => {
      this.#tell("cut-short", event);
      if (event.why === "guardian-ended" && desk === this.#desk) {
        onEnd(new Error("Cannot go on: the guardian has ended"));
      }
    };
    const desk = new Desk({ netns, maxHoldMs, policy, onCutShort });
    return [desk, new Holds(desk, (event, hold) => this.#tell(event, hold))];
  }

  #tell(event: string, data: unknown): void {
    for (const reader of this.#readers) reader.tell(event, data);
  }

  async #count<T>(name: string, work: () => Promise<T>): Promise<T> {
    let outcome = "failed";
    try {
      const answer = await work();
      outcome = "done";
      return answer;
    } finally {
      const key = `operation="${name}",outcome="${outcome}"`;
      this.#asked.set(key, (this.#asked.get(key) ?? 0) + 1);
      if (outcome === "done" && !READING.has(name)) this.#tell("changed", { operation: name });
    }
  }
}

/** What a request is about, each by its namespace and name; others wait that are about the same. */
function keysOf({ on = [], gate = [], dev = [], name = [], netns = "" }: Record<string, unknown>): string[] {
  return [...new Set([on, gate, dev, name].flat().map((name) => `${netns} ${name}`))];
}

/** What changes nothing; of all else others are told. */
const READING = new Set(["show", "gate-list", "counts", "wait"]);
