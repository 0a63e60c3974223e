import { headers, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/nats-core";
import { jetstreamManager } from "@nats-io/jetstream";
import { wallClockMs } from "../linux/process.ts";
import { HEADERS, HERE_MS, type HostAnswer, type HostStatus } from "./agent.ts";
import { clockState, knownOffset, type Offset, type RoundTrip } from "./clock.ts";
import { ALL, isMeant, requestSubject, STREAMS, teller, tellingSubject } from "./subject.ts";

/** Who asks a fleet. */
export interface CallerOptions {
  group: string;
  who: string;
}

/** A host that was heard of: how it is, or where it does not answer, when it was heard last. */
export interface KnownHost {
  host: string;
  status?: HostStatus;
  /** In milliseconds since 1970, by this machine's clock. */
  heardMs: number;
}

/** How long after the last answer no other is waited for, in milliseconds, and how long at the most. */
const QUIET_MS = 700;
const GATHER_MS = 5000;
/** How often a host's clock is asked for, at the most, and of how many hosts at a time. */
const TRIPS = 5;
const AT_A_TIME = 64;

/** Asks hosts of a group, by their broker. */
export class Caller {
  readonly #connection: NatsConnection;
  readonly #options: CallerOptions;
  readonly #sender = crypto.randomUUID();

  constructor(connection: NatsConnection, options: CallerOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Asks a host. Where no answer comes, `no-answer` says so: whether it was done is not known then. */
  async ask(host: string, operation: string, input: object, { timeoutMs = 2000 } = {}): Promise<HostAnswer> {
    try {
      const message = await this.#connection.request(this.#subject(host, operation), JSON.stringify(input), {
        timeout: timeoutMs,
        headers: this.#headers(),
      });
      return message.json<HostAnswer>();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const isAbsent = /no responders/i.test(reason);
      const message = isAbsent ? "no agent answers for it" : `it did not answer within ${timeoutMs} ms`;
      return { host, error: { code: isAbsent ? "no-agent" : "no-answer", message } };
    }
  }

  /** Says something to every host of the group, with a way to answer or without, and returns when the broker has it. */
  async tellAll(operation: string, input: object, reply?: string): Promise<void> {
    this.#connection.publish(this.#subject(ALL, operation), JSON.stringify(input), { reply, headers: this.#headers() });
    await this.#connection.flush();
  }

  /** Has answers to what is said with the result as `reply` handed over as they come, until it is disposed of. */
  answers(onAnswer: (answer: HostAnswer, atMs: number) => void): Disposable & { reply: string } {
    const reply = `_INBOX.${crypto.randomUUID()}`;
    const callback = (error: Error | null, message: Msg) => {
      // Without a body it is the broker's word that nobody listens.
      if (!error && message.data.length > 0) onAnswer(message.json<HostAnswer>(), wallClockMs());
    };
    const subscription = this.#connection.subscribe(reply, { callback });
    return { reply, [Symbol.dispose]: () => subscription.unsubscribe() };
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
      found.set(answer.host, { host: answer.host, status: answer.result as HostStatus, heardMs });
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
    const left = [...hosts];
    const measure = async () => {
      for (let status = left.shift(); status; status = left.shift()) {
        offsets.set(status.host, await this.#clockOf(status, own, enoughMs));
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, measure));
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
      const filter = tellingSubject("here", { group: this.#options.group, host: "*" });
      const { state } = await manager.streams.info(name, { subjects_filter: filter });
      const subjects = Object.keys(state.subjects ?? {});
      const last = await Promise.all(
        subjects.map(async (subject) => await manager.streams.getMessage(name, { last_by_subj: subject })),
      );
      return last.flatMap((message) => {
        if (!message) return [];
        const status = message.json<HostStatus>();
        const isOne = patterns.length === 0 || isMeant(patterns, status.host, status.labels);
        return isOne ? [{ host: status.host, heardMs: message.time.getTime() }] : [];
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
      this.#connection.subscribe(tellingSubject(kind, { group, host: "*" }), {
        callback: (error, message) => {
          if (error) return;
          queue.push({ host: teller(message.subject), kind, data: message.json() });
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
    const log = { name: STREAMS.log.name, subjects: [...STREAMS.log.subjects], duplicate_window: 3600e9 };
    const here = { name: STREAMS.here.name, subjects: [...STREAMS.here.subjects], max_msgs_per_subject: 1 };
    for (const stream of [log, here]) {
      const isThere = await manager.streams.info(stream.name).then(() => true, () => false);
      if (!isThere) await manager.streams.add(stream);
    }
    return true;
  } catch {
    return false;
  }
}

/** Whether a host has said that it is there not long ago. */
export function isHeard({ status, heardMs }: KnownHost): boolean {
  return status !== undefined || Date.now() - heardMs < 3 * HERE_MS;
}
