import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { wallClockMs } from "../linux/process.ts";
import { type Problem, problemOf, RequestError } from "../control/problem.ts";
import type { HoldEvent } from "../control/holds.ts";
import type { ToldHold } from "../control/leased_hold.ts";
import { closeConnection, kindOf } from "./broker.ts";
import { type ClockState, clockState } from "./clock.ts";
import type { Entry, EventLog, Stream } from "./event_log.ts";
import {
  ALL,
  answerSubject,
  isMeant,
  parseRequest,
  requestSubject,
  STREAMS,
  subjectsOf,
  tellingSubject,
} from "./subject.ts";

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
  /** Called with what the broker refuses, once for each kind of thing. */
  onRefusal?: (message: string) => void;
}

/** How a host is, as it says itself. */
export interface HostStatus {
  host: string;
  /** The agent's process: another one after a restart. */
  agent: string;
  /** It has just come, and looks whether another one answers for the host already. */
  isNew?: true;
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
const HERE_MS = 10_000;
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
/** How long another agent of the same name has to answer, in milliseconds. */
const ANOTHER_MS = 500;
/** How long it goes on answering when it is stopped, so that those whose holds that has ended hear of it, */
const LAST_WORDS_MS = 500;
/** and how long it tries to hand over its log then, in milliseconds. */
const LAST_LOG_MS = 1000;
/** Who asks, where an agent asks for others of its name. */
export const AGENT = "@agent";
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
  readonly #failed = Promise.withResolvers<never>();
  readonly #refusals = new Set<string>();
  #timer?: ReturnType<typeof setInterval>;
  /** Why nothing new is begun now, where that is so. */
  #notNow?: "starting" | "stopping" = "starting";

  constructor(connection: NatsConnection, options: AgentOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#failed.promise.catch(() => {});
  }

  /** Rejects when it cannot go on: another agent answers for the host. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /**
   * Begins to answer.
   *
   * @throws {Error} where another agent answers for the host already, or the broker does not let it listen
   */
  async start(): Promise<void> {
    const { group, host, log, version } = this.#options;
    this.#watch();
    let refusal: Error | undefined;
    for (const subject of subjectsOf(this.#options)) {
      this.#connection.subscribe(subject, {
        callback: (error, message) => {
          if (error) refusal ??= error;
          else void this.#take(message);
        },
      });
    }
    await this.#connection.flush();
    if (refusal) throw new Error(`Cannot answer for ${host} of group ${group}: ${refusal.message}`, { cause: refusal });
    await this.#refuseAnother();
    for (const { hold } of log.unended) {
      const { id, names } = hold as { id: string; names: string[] };
      log.append("ended", { hold: { id, names, state: "ended", ended: "agent-ended" } });
    }
    log.append("started", { agent: this.#id, version });
    void log.ship(streamOf(this.#connection), tellingSubject("log", { group, host }), this.#over.signal);
    await this.#tellHere();
    this.#timer = setInterval(() => void this.#tellHere().catch(() => {}), HERE_MS);
    await this.#connection.flush();
  }

  /** Writes what has happened to a hold. */
  note(event: HoldEvent | "cut-short", hold: ToldHold | Record<string, unknown>): void {
    this.#options.log.append(event, { hold });
  }

  /** Begins nothing any more, does what ends all that was begun, tells that, and then answers no more. */
  async close(end: () => Promise<void>): Promise<void> {
    const { log, worker } = this.#options;
    this.#notNow = "stopping";
    clearInterval(this.#timer);
    const hadHolds = worker.holds > 0;
    await end();
    if (hadHolds && !this.#connection.isClosed()) await pause(LAST_WORDS_MS);
    log.append("stopped", { agent: this.#id });
    if (!this.#connection.isClosed()) await log.whenShipped(AbortSignal.timeout(LAST_LOG_MS));
    this.#over.abort();
    await closeConnection(this.#connection);
  }

  /** Two that come at once see each other, as each listens before it asks: the one whose number is less goes. */
  async #refuseAnother(): Promise<void> {
    const { group, host } = this.#options;
    const subject = requestSubject({ group, host, who: AGENT, operation: "status" });
    this.#notNow ??= "starting";
    try {
      const options = { strategy: "timer", maxWait: ANOTHER_MS } as const;
      for await (const message of await this.#connection.requestMany(subject, "{}", options)) {
        const { result } = message.json<{ result?: HostStatus }>();
        if (!result || result.agent === this.#id || result.isNew && result.agent < this.#id) continue;
        throw new AnotherAgentError(`Cannot answer for ${host} of group ${group}: another agent does, ${result.agent}`);
      }
    } catch (error) {
      if (error instanceof AnotherAgentError) throw error;
      // Nobody answers, or the broker does not let it ask, which \`onRefusal\` tells.
    }
    if (this.#notNow === "starting") this.#notNow = undefined;
  }

  async #tellHere(): Promise<void> {
    const { group, host } = this.#options;
    const status = await this.#status();
    if (!this.#connection.isClosed()) {
      this.#connection.publish(tellingSubject("here", { group, host }), JSON.stringify(status));
    }
  }

  /** Writes when the broker is lost, and when it is there again; another agent may have taken this one's place meanwhile. */
  async #watch(): Promise<void> {
    const { log, onRefusal } = this.#options;
    for await (const status of this.#connection.status()) {
      if (status.type === "disconnect") log.append("broker-lost", {});
      if (status.type === "reconnect") {
        log.append("broker-back", {});
        log.hurry();
        this.#refuseAnother().catch((error) => this.#failed.reject(error));
        this.#tellHere().catch(() => {});
      }
      if (status.type === "error" && !this.#refusals.has(status.error.message)) {
        this.#refusals.add(status.error.message);
        onRefusal?.(status.error.message);
      }
    }
  }

  async #take(message: Msg): Promise<void> {
    try {
      const answer = await this.#answerTo(message);
      if (answer && message.reply && !this.#connection.isClosed()) this.#answer(message, answer);
    } catch (error) {
      // What cannot be said: it is too long for the broker, or the connection has just been closed.
      const { message: why } = problemOf(error);
      if (this.#connection.isClosed() || !message.reply) return;
      this.#answer(message, { error: { code: "failed", message: `it was done, but cannot be answered: ${why}` } });
    }
  }

  /** What is to be answered; nothing where that is for others. */
  async #answerTo(message: Msg): Promise<Omit<HostAnswer, "host"> | undefined> {
    const { host, who, operation } = parseRequest(message.subject);
    const isForAll = host === ALL;
    const asked = parseInput(message);
    if (!asked) {
      const isSilent = isForAll;
      const error = {
        code: "invalid",
        message: "a request must be an object in JSON; among and not are lists of hosts",
      };
      return isSilent ? undefined : { error };
    }
    const { among, not, input } = asked;
    if (isForAll && !this.#isMeant(among, not)) return undefined;
    const id = READING.has(operation) ? undefined : message.headers?.get(HEADERS.request);
    const known = id ? this.#answers.get(id) : undefined;
    const answer = known ?? this.#perform(message, { who, operation, input });
    if (id && !known) {
      this.#answers.set(id, answer);
      for (const old of this.#answers.keys()) if (this.#answers.size > ANSWERS_MAX) this.#answers.delete(old);
    }
    const done = await answer;
    // What is for all and speaks of a hold is for those that have it.
    return isForAll && "error" in done && done.error.code === "no-hold" ? undefined : done;
  }

  #isMeant(among: readonly string[] | undefined, not: readonly string[] = []): boolean {
    const { host, labels } = this.#options;
    return !not.includes(host) && (among === undefined || isMeant(among, host, labels));
  }

  async #perform(
    message: Msg,
    { who, operation, input }: { who: string; operation: string; input: unknown },
  ): Promise<HostAnswer> {
    const { host, log, worker } = this.#options;
    const isReading = READING.has(operation);
    try {
      this.#refuseUntimely(message, operation, input);
      if (!isReading) log.append("asked", { who, operation, input });
      if (!isReading && !NEVER_LATE.has(operation)) log.check();
      const result = operation === "status" ? await this.#status() : await worker.perform(operation, input, who);
      return { host, result };
    } catch (error) {
      const problem = problemOf(error);
      if (!isReading) log.append("refused", { who, operation, problem });
      return { host, error: problem };
    }
  }

  /** @throws {RequestError} where it is for another time */
  #refuseUntimely(message: Msg, operation: string, input: unknown): void {
    const lateMs = this.#lateness(message);
    if (NEVER_LATE.has(operation)) return;
    // What is to begin at a moment is late when that is over, which the hold itself looks at.
    const hasMoment = operation === "begin" && (input as { at?: unknown }).at !== undefined;
    if (lateMs > LATE_MS && !hasMoment) {
      throw new RequestError("late", `it came ${Math.round(lateMs)} ms late: what was to be done then is over`);
    }
    if (this.#notNow && operation !== "renew") {
      throw new RequestError(this.#notNow, `its agent is just ${this.#notNow}, and begins nothing`);
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
      isNew: this.#notNow === "starting" || undefined,
      labels,
      version,
      clock,
      shownMs: wallClockMs(),
      holds: worker.holds,
      unsent: log.pending,
    };
  }

  #answer(message: Msg, answer: Omit<HostAnswer, "host">): void {
    const { host } = this.#options;
    const isForAll = parseRequest(message.subject).host === ALL;
    const text = JSON.stringify({ ...answer, host });
    if (isForAll) this.#connection.publish(answerSubject(message.reply ?? "", host), text);
    else message.respond(text);
  }
}

class AnotherAgentError extends Error {}

/** What a request asks with, and of what is for all, whom; nothing where it is not understood. */
function parseInput(message: Msg): { among?: string[]; not?: string[]; input: object } | undefined {
  try {
    const given: unknown = message.data.length === 0 ? {} : message.json();
    if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined;
    const { among, not, ...input } = given as { among?: string[]; not?: string[] };
    const isList = (list: unknown) =>
      list === undefined || Array.isArray(list) && list.every((each) => typeof each === "string");
    return isList(among) && isList(not) ? { among, not, input } : undefined;
  } catch {
    return undefined;
  }
}

/** Where logs of hosts are kept. */
function streamOf(connection: NatsConnection): Stream {
  const stream = jetstream(connection);
  return {
    publish: (...args) => stream.publish(...args),
    async last(subject) {
      const manager = await jetstreamManager(connection, { checkAPI: false });
      try {
        const message = await manager.direct.getMessage(STREAMS.log.name, { last_by_subj: subject });
        return message ? { entry: message.json<Entry>(), streamSeq: message.seq } : undefined;
      } catch (error) {
        // The stream is not read so, or the broker does not let this host look.
        if (["NoResponders", "PermissionViolationError"].includes(kindOf(error))) return undefined;
        throw error;
      }
    },
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
