import {
  createInbox,
  headers,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type PermissionViolationError,
} from "@nats-io/nats-core";
import { jetstreamManager } from "@nats-io/jetstream";
import { wallClockMs } from "../linux/process.ts";
import type { Problem } from "../control/problem.ts";
import { HEADERS, type HostAnswer, type HostStatus } from "./agent.ts";
import { kindOf } from "./broker.ts";
import { clockState, knownOffset, type Offset, type RoundTrip } from "./clock.ts";
import { ALL, answerer, inboxOf, isMeant, requestSubject, STREAMS, teller, tellingSubject } from "./subject.ts";

/** Who asks a fleet. */
export interface CallerOptions {
  group: string;
  who: string;
}

/** A host that was heard of: how it is, or where it does not answer, when it was heard last. */
export interface KnownHost {
  host: string;
  status?: HostStatus;
  /** Two agents answer for it: which of them would do what is asked is not known. */
  isDouble?: true;
  /** In milliseconds since 1970, by this machine's clock. */
  heardMs: number;
}

/** How long after the last answer no other is waited for, in milliseconds, and how long at the most. */
const QUIET_MS = 700;
const GATHER_MS = 5000;
/** How long the broker may take to say that it has what it was told, in milliseconds. */
const TAKING_MS = 2000;
/** How often a host's clock is asked for, at the most, and of how many hosts at a time. */
const TRIPS = 5;
const CLOCKS_AT_A_TIME = 64;
/** After how many seconds without a word a host is forgotten, which is gone for good. */
const FORGOTTEN_S = 7 * 24 * 3600;
/** How many hosts are asked at a time, each by itself. */
const AT_A_TIME = 256;

/** Asks hosts of a group, by their broker. */
export class Caller {
  readonly #connection: NatsConnection;
  readonly #options: CallerOptions;
  readonly #sender = crypto.randomUUID();
  /** What the broker has refused to take, by its subject. */
  readonly #refused = new Map<string, string>();
  /** How long the fastest answer of a host took, in milliseconds. */
  readonly #fastest = new Map<string, number>();
  /** When that was said which answers come to, by where they come. */
  readonly #saidMs = new Map<string, number>();

  constructor(connection: NatsConnection, options: CallerOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#watch();
  }

  /** Asks a host. Where no answer comes, `no-answer` says so: whether it was done is not known then. */
  async ask(host: string, operation: string, input: object, { timeoutMs = 2000 } = {}): Promise<HostAnswer> {
    const sentMs = performance.now();
    try {
      const message = await this.#connection.request(this.#subject(host, operation), JSON.stringify(input), {
        timeout: timeoutMs,
        headers: this.#headers(),
      });
      this.#noteWay(host, sentMs);
      // Who answers is who was asked, whatever the answer says.
      return { ...message.json<HostAnswer>(), host };
    } catch (error) {
      return { host, error: this.#problem(error, timeoutMs) };
    }
  }

  #noteWay(host: string, sentMs: number): void {
    this.#fastest.set(host, Math.min(this.fastestMs(host), performance.now() - sentMs));
  }

  /** How long the way to a host and back has taken at the least, in milliseconds: no way there takes longer by itself. */
  fastestMs(host: string): number {
    return this.#fastest.get(host) ?? Infinity;
  }

  /**
   * Says something to every host of the group, with a way to answer or without, and returns when the broker has it.
   *
   * @throws {Error} where the broker does not take it
   */
  async tellAll(operation: string, input: object, reply?: string): Promise<void> {
    const subject = this.#subject(ALL, operation);
    // From the first on: what answers a later one counts as slower than it was, never as faster.
    if (reply && !this.#saidMs.has(reply)) this.#saidMs.set(reply, performance.now());
    this.#connection.publish(subject, JSON.stringify(input), { reply, headers: this.#headers() });
    await this.#untilTaken();
    // What the broker said before is told a moment later.
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.#refused.has(subject)) throw new Error(this.#refusal);
  }

  /** Returns when the broker has all that was said. */
  async #untilTaken(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (cause?: unknown) => reject(new Error("the broker does not take it: it is not heard of", { cause }));
    const timer = setTimeout(fail, TAKING_MS);
    this.#connection.flush().then(resolve, fail);
    await promise.finally(() => clearTimeout(timer));
  }

  /** Has answers to what is said with the result as `reply` handed over as they come, until it is disposed of. */
  answers(onAnswer: (answer: HostAnswer, atMs: number) => void): Disposable & { reply: string } {
    const reply = createInbox(inboxOf("users", this.#options.who));
    const callback = (error: Error | null, message: Msg) => {
      const atMs = wallClockMs();
      const answer = error ? undefined : answerIn(message);
      if (!answer) return;
      this.#noteWay(answer.host, this.#saidMs.get(reply) ?? -Infinity);
      onAnswer(answer, atMs);
    };
    const subscription = this.#connection.subscribe(`${reply}.*`, { callback });
    const dispose = () => {
      subscription.unsubscribe();
      this.#saidMs.delete(reply);
    };
    return { reply, [Symbol.dispose]: dispose };
  }

  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type !== "error" || kindOf(status.error) !== "PermissionViolationError") continue;
      const { operation, subject, message } = status.error as PermissionViolationError;
      if (operation === "publish") this.#refused.set(subject, message);
    }
  }

  #problem(error: unknown, timeoutMs: number): Problem {
    switch (kindOf(error)) {
      case "NoResponders":
        return { code: "no-agent", message: "no agent answers for it" };
      case "PermissionViolationError":
        return { code: "not-allowed", message: this.#refusal };
      case "TimeoutError":
        return { code: "no-answer", message: `it did not answer within ${timeoutMs} ms` };
      default: {
        const reason = error instanceof Error ? error.message : String(error);
        return { code: "no-answer", message: `it could not be asked: ${reason}` };
      }
    }
  }

  get #refusal(): string {
    return `the broker does not let ${this.#options.who} ask in group ${this.#options.group}`;
  }

  /** The hosts that are meant, by their names or labels: those that answer, and those that the broker has heard of before. */
  async find(patterns: readonly string[], { gatherMs = GATHER_MS } = {}): Promise<KnownHost[]> {
    const found = new Map<string, KnownHost>();
    const named = patterns.filter((pattern) => !/[*=]/.test(pattern));
    const isNamed = patterns.length > 0 && named.length === patterns.length;
    const { promise, resolve } = Promise.withResolvers<void>();
    let timer = setTimeout(resolve, Math.min(QUIET_MS * 3, gatherMs));
    const latest = setTimeout(resolve, gatherMs);
    using answers = this.answers((answer, heardMs) => {
      if (!("result" in answer)) return;
      const status = answer.result as HostStatus;
      const known = found.get(answer.host);
      const isDouble = known?.isDouble || known?.status && known.status.agent !== status.agent || undefined;
      found.set(answer.host, { host: answer.host, status: isDouble ? undefined : status, isDouble, heardMs });
      clearTimeout(timer);
      if (isNamed && named.every((name) => found.has(name))) return resolve();
      timer = setTimeout(resolve, QUIET_MS);
    });
    const missing = this.#lastHeard(patterns);
    await this.tellAll("status", patterns.length > 0 ? { among: patterns } : {}, answers.reply);
    await promise;
    clearTimeout(timer);
    clearTimeout(latest);
    const absent = [...await missing, ...named.map((host) => ({ host, heardMs: NaN }))];
    for (const known of absent) if (!found.has(known.host)) found.set(known.host, known);
    return [...found.values()].sort((one, other) => one.host < other.host ? -1 : 1);
  }

  /** By how much the clocks of hosts are ahead of this machine's, as well as that can be known. */
  async clocks(hosts: readonly HostStatus[], enoughMs: number): Promise<Map<string, Offset>> {
    const own = await clockState();
    const offsets = new Map<string, Offset>();
    const measure = async (status: HostStatus) => {
      offsets.set(status.host, await this.#clockOf(status, own, enoughMs));
    };
    await inTurns(hosts, measure, CLOCKS_AT_A_TIME);
    return offsets;
  }

  async #clockOf(
    { host, clock }: HostStatus,
    own: Awaited<ReturnType<typeof clockState>>,
    enoughMs: number,
  ): Promise<Offset> {
    const byChrony = (own.errorMs ?? Infinity) + (clock.errorMs ?? Infinity);
    if (byChrony <= enoughMs) return { aheadMs: 0, errorMs: byChrony, by: "chrony" };
    const trips: RoundTrip[] = [];
    for (let trip = 0; trip < TRIPS; trip++) {
      const sentMs = wallClockMs();
      const answer = await this.ask(host, "status", {});
      const receivedMs = wallClockMs();
      if (!("result" in answer)) continue;
      trips.push({ sentMs, receivedMs, shownMs: (answer.result as HostStatus).shownMs });
      const known = knownOffset(trips, own, clock);
      if (known.errorMs <= enoughMs / 4) return known;
    }
    return trips.length > 0 ? knownOffset(trips, own, clock) : { aheadMs: 0, errorMs: Infinity, by: "round trips" };
  }

  /** Hosts whose last word the broker keeps, where it keeps it. */
  async #lastHeard(patterns: readonly string[]): Promise<KnownHost[]> {
    const { name } = STREAMS.here;
    try {
      const manager = await jetstreamManager(this.#connection, { timeout: 1000 });
      const filter = tellingSubject("here", { group: this.#options.group });
      const { state } = await manager.streams.info(name, { subjects_filter: filter });
      const subjects = Object.keys(state.subjects ?? {});
      const last = await Promise.all(
        subjects.map(async (subject) => await manager.streams.getMessage(name, { last_by_subj: subject })),
      );
      return last.flatMap((message) => {
        if (!message) return [];
        const status = message.json<HostStatus>();
        const host = teller(message.subject);
        const isOne = patterns.length === 0 || isMeant(patterns, host, status.labels);
        return isOne ? [{ host, heardMs: message.time.getTime() }] : [];
      });
    } catch {
      // It keeps none, or does not say.
      return [];
    }
  }

  /** Calls back for all that hosts tell, as it comes: what has happened, and that they are there. */
  async *follow(signal: AbortSignal): AsyncGenerator<{ host: string; kind: "log" | "here"; data: unknown }> {
    const { group } = this.#options;
    const kinds = ["log", "here"] as const;
    const queue: { host: string; kind: "log" | "here"; data: unknown }[] = [];
    let wake = () => {};
    const subscriptions = kinds.map((kind) =>
      this.#connection.subscribe(tellingSubject(kind, { group }), {
        callback: (error, message) => {
          const data = error ? undefined : objectIn(message);
          if (!data) return;
          queue.push({ host: teller(message.subject), kind, data });
          wake();
        },
      })
    );
    signal.addEventListener("abort", () => wake(), { once: true });
    try {
      while (!signal.aborted) {
        yield* queue.splice(0);
        await new Promise<void>((
          resolve,
        ) => (wake = resolve, queue.length > 0 || signal.aborted ? resolve() : undefined));
      }
    } finally {
      for (const subscription of subscriptions) subscription.unsubscribe();
    }
  }

  #subject(host: string, operation: string): string {
    return requestSubject({ ...this.#options, host, operation });
  }

  #headers(): MsgHdrs {
    const made = headers();
    made.set(HEADERS.request, crypto.randomUUID());
    made.set(HEADERS.sender, this.#sender);
    made.set(HEADERS.sent, String(performance.now()));
    return made;
  }
}

/**
 * Has the broker keep what hosts tell, where it has JetStream and this user may say so. Returns whether it does.
 */
export async function keepWhatIsTold(connection: NatsConnection): Promise<boolean> {
  try {
    const manager = await jetstreamManager(connection, { timeout: 2000 });
    // By `allow_direct` a host can be let see what of its own log is there.
    const log = {
      name: STREAMS.log.name,
      subjects: [...STREAMS.log.subjects],
      duplicate_window: 3600e9,
      allow_direct: true,
    };
    const here = {
      name: STREAMS.here.name,
      subjects: [...STREAMS.here.subjects],
      max_msgs_per_subject: 1,
      max_age: FORGOTTEN_S * 1e9,
    };
    for (const stream of [log, here]) {
      const isThere = await manager.streams.info(stream.name).then(() => true, () => false);
      if (!isThere) await manager.streams.add(stream);
    }
    return true;
  } catch {
    return false;
  }
}

/** Does something for each, some at a time. */
export async function inTurns<T>(
  all: readonly T[],
  work: (one: T) => Promise<void>,
  atATime = AT_A_TIME,
): Promise<void> {
  const left = all.values();
  const take = async () => {
    for (const one of left) await work(one);
  };
  await Promise.all(Array.from({ length: atATime }, take));
}

/** What a message says, where that is an object. */
function objectIn(message: Msg): object | undefined {
  try {
    const value: unknown = message.json();
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What a host answers to what was asked of all; who answers is in the subject, where the broker has looked. */
function answerIn(message: Msg): HostAnswer | undefined {
  const answer = objectIn(message);
  if (!answer || !("result" in answer || "error" in answer)) return undefined;
  return { ...answer as HostAnswer, host: answerer(message.subject) };
}
