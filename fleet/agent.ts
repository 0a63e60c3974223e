import { headers, type Msg, type NatsConnection } from "@nats-io/nats-core";
import { jetstream } from "@nats-io/jetstream";
import { wallClockMs } from "../linux/process.ts";
import { type Problem, problemOf, RequestError } from "../control/problem.ts";
import type { HoldEvent } from "../control/holds.ts";
import type { ToldHold } from "../control/leased_hold.ts";
import { type ClockState, clockState } from "./clock.ts";
import type { EventLog } from "./event_log.ts";
import { ALL, isMeant, parseRequest, subjectsOf, tellingSubject } from "./subject.ts";

/** What does what is asked of a host: holds packets there, or in a test pretends to. */
export interface Worker {
  /** Does an operation, or fails as `RequestError` and `QueueError` say. */
  perform(operation: string, input: unknown, who: string): Promise<unknown>;
  /** How many holds go on. */
  readonly holds: number;
}

/** What an agent is set up with. */
export interface AgentOptions {
  group: string;
  /** What the host is called in the fleet. */
  host: string;
  /** What it is, for those that ask for it by that: `role=db`. */
  labels: readonly string[];
  version: string;
  worker: Worker;
  log: EventLog;
}

/** How a host is, as it says itself. */
export interface HostStatus {
  host: string;
  /** The agent's process: another one after a restart. */
  agent: string;
  labels: readonly string[];
  version: string;
  clock: ClockState;
  /** What its wall clock shows, in milliseconds since 1970. */
  shownMs: number;
  holds: number;
  /** How many entries of its log the broker's stream does not have yet. */
  unsent: number;
}

/** What a host answers. */
export type HostAnswer = { host: string } & ({ result: unknown } | { error: Problem });

/** The headers of a request: its number, by which a second copy is known; who sends it, and when by that one's clock. */
export const HEADERS = { request: "Plugctl-Request", sender: "Plugctl-Sender", sent: "Plugctl-Sent" } as const;

/** How often it says that it is there, in milliseconds. */
export const HERE_MS = 5000;
/** Of how many requests it remembers the answers. */
const ANSWERS_MAX = 1000;
/** By how much a request may be later than the fastest of its sender's, in milliseconds: what is older asks for what is over. */
export const LATE_MS = 1000;
const SENDERS_MAX = 100;
/** What is done however late it comes: it lets go, or looks. */
const NEVER_LATE = new Set([
  ...[
    "end",
    "release",
    "release-one",
    "status",
    "holds",
    "show",
    "gate-list",
    "counts",
    "scenario-wait",
    "scenario-end",
  ],
  // Numbered, and done once: what is over by then is refused by the run itself.
  ...["run-follow", "run-do", "run-stop"],
]);
/** What changes nothing, and is not in the log. */
const READING = new Set([
  "status",
  "holds",
  "show",
  "gate-list",
  "counts",
  "renew",
  "wait",
  "run-follow",
  "scenario-wait",
  "scenario-report",
]);

/** What answers for a host: it listens at no port, but at the broker that it has connected to. */
export class Agent {
  readonly #connection: NatsConnection;
  readonly #options: AgentOptions;
  readonly #id = crypto.randomUUID();
  readonly #answers = new Map<string, Promise<HostAnswer>>();
  /** By how much a sender's clock is behind this one's, and the way from there, at the least that was seen. */
  readonly #ways = new Map<string, number>();
  readonly #over = new AbortController();
  #timer?: ReturnType<typeof setInterval>;

  constructor(connection: NatsConnection, options: AgentOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /**
   * Begins to answer.
   *
   * @throws {Error} where another agent answers for the host already
   */
  async start(): Promise<void> {
    const { group, host, log, version } = this.#options;
    await this.#refuseAnother();
    for (const { hold } of log.unended) {
      const { id, names } = hold as { id: string; names: string[] };
      log.append("ended", { hold: { id, names, state: "ended", ended: "agent-ended" } });
    }
    log.append("started", { agent: this.#id, version });
    for (const subject of subjectsOf(this.#options)) {
      this.#connection.subscribe(subject, {
        callback: (error, message) => error ? undefined : void this.#take(message),
      });
    }
    log.ship(jetstream(this.#connection), tellingSubject("log", { group, host }), this.#over.signal);
    this.#watch();
    const tell = async () =>
      this.#connection.publish(tellingSubject("here", { group, host }), JSON.stringify(await this.#status()));
    await tell();
    this.#timer = setInterval(() => void tell().catch(() => {}), HERE_MS);
    await this.#connection.flush();
  }

  /** Writes what has happened to a hold. */
  note(event: HoldEvent | "cut-short", hold: ToldHold | Record<string, unknown>): void {
    this.#options.log.append(event, { hold });
  }

  /** Answers no more. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#options.log.append("stopped", { agent: this.#id });
    this.#over.abort();
    await this.#connection.drain().catch(() => {});
  }

  async #refuseAnother(): Promise<void> {
    const { group, host } = this.#options;
    const [subject] = subjectsOf({ group, host });
    const asked = subject.replace("*.*", "agent.status");
    try {
      const answer = await this.#connection.request(asked, "{}", { timeout: 500 });
      const { result } = answer.json<{ result: HostStatus }>();
      if (result.agent !== this.#id) throw new Error(`Cannot be ${host} of group ${group}: another agent is`);
    } catch (error) {
      // That nobody answers is as it should be; a user who may not ask is not told.
      if (error instanceof Error && error.message.startsWith("Cannot be")) throw error;
    }
  }

  /** Writes when the broker is lost, and when it is there again. */
  async #watch(): Promise<void> {
    const { log } = this.#options;
    for await (const { type } of this.#connection.status()) {
      if (type === "disconnect") log.append("broker-lost", {});
      if (type === "reconnect") log.append("broker-back", {});
    }
  }

  async #take(message: Msg): Promise<void> {
    const { host, who, operation } = parseRequest(message.subject);
    const isForAll = host === ALL;
    let input: Record<string, unknown>;
    try {
      input = message.data.length === 0 ? {} : message.json();
      if (typeof input !== "object" || input === null || Array.isArray(input)) throw new TypeError("no object");
    } catch {
      return this.#answer(message, { error: { code: "invalid", message: "a request must be an object in JSON" } });
    }
    const { among, ...asked } = input;
    if (isForAll && Array.isArray(among) && !isMeant(among.map(String), this.#options.host, this.#options.labels)) {
      return;
    }
    const id = message.headers?.get(HEADERS.request);
    const known = id === undefined || id === "" ? undefined : this.#answers.get(id);
    const answer = known ?? this.#perform(message, { who, operation, input: asked });
    if (id && !known && !READING.has(operation)) {
      this.#answers.set(id, answer);
      for (const old of this.#answers.keys()) if (this.#answers.size > ANSWERS_MAX) this.#answers.delete(old);
    }
    const done = await answer;
    // What is for all and speaks of a hold is for those that have it.
    if (isForAll && "error" in done && done.error.code === "no-hold") return;
    this.#answer(message, done);
  }

  /** Whether a message for all means this host. */
  #isMeant(among: unknown, not: unknown): boolean {
    const { host, labels } = this.#options;
    if (Array.isArray(not) && not.includes(host)) return false;
    return !Array.isArray(among) || isMeant(among.map(String), host, labels);
  }

  async #perform(
    message: Msg,
    { who, operation, input }: { who: string; operation: string; input: unknown },
  ): Promise<HostAnswer> {
    const { host, log, worker } = this.#options;
    try {
      const lateMs = this.#lateness(message);
      if (lateMs > LATE_MS && !NEVER_LATE.has(operation)) {
        throw new RequestError("late", `it came ${Math.round(lateMs)} ms late: what was to be done then is over`);
      }
      if (!READING.has(operation)) log.append("asked", { who, operation, input });
      const result = operation === "status" ? await this.#status() : await worker.perform(operation, input, who);
      return { host, result };
    } catch (error) {
      const problem = problemOf(error);
      if (!READING.has(operation)) log.append("refused", { who, operation, problem });
      return { host, error: problem };
    }
  }

  /** How much later than the fastest of its sender's a request has come, in milliseconds: that takes no common clock. */
  #lateness(message: Msg): number {
    const sender = message.headers?.get(HEADERS.sender);
    const sentMs = Number(message.headers?.get(HEADERS.sent) || NaN);
    if (!sender || !Number.isFinite(sentMs)) return 0;
    const wayMs = performance.now() - sentMs;
    const leastMs = Math.min(this.#ways.get(sender) ?? Infinity, wayMs);
    this.#ways.delete(sender);
    this.#ways.set(sender, leastMs);
    for (const old of this.#ways.keys()) if (this.#ways.size > SENDERS_MAX) this.#ways.delete(old);
    return wayMs - leastMs;
  }

  async #status(): Promise<HostStatus> {
    const { host, labels, version, worker, log } = this.#options;
    const clock = await clockState();
    return {
      host,
      agent: this.#id,
      labels,
      version,
      clock,
      shownMs: wallClockMs(),
      holds: worker.holds,
      unsent: log.pending,
    };
  }

  #answer(message: Msg, answer: Omit<HostAnswer, "host">): void {
    if (message.reply) message.respond(JSON.stringify({ ...answer, host: this.#options.host }), { headers: headers() });
  }
}
