import type { Moment } from "../plug/moment.ts";
import type { Problem } from "../control/problem.ts";
import type { ToldHold } from "../control/leased_hold.ts";
import { type HostAnswer, type HostStatus, LATE_MS } from "./agent.ts";
import type { Caller } from "./caller.ts";
import type { Offset } from "./clock.ts";
import { ALL } from "./subject.ts";

/** What is to be held on each host, as the operation `arm` takes it. */
export interface Asked {
  on: readonly string[];
  match?: readonly string[];
  except?: readonly string[];
  direction?: string;
  netns?: string;
  force?: boolean;
  forMs?: number;
}

/** How a fleet is to hold. */
export interface FleetHoldOptions {
  /** Which hosts were asked for. */
  patterns: readonly string[];
  asked: Asked;
  /** After how many milliseconds without a renewal a host releases. */
  leaseMs: number;
  /** How many hosts must be ready at the least. */
  least: number;
  /** How well the clocks must be known, in milliseconds; absent where they are not asked, and all begin at one word. */
  maxSkewMs?: number;
  /** Called with each thing that is learned of a host. */
  onNews: (news: HostNews) => void;
}

/** How a host is, as far as the one who asked knows. */
export interface HostHold {
  host: string;
  state: "asked" | "armed" | "refused" | "holding" | "ended" | "unheard";
  /** Why it does not take part. */
  problem?: Problem;
  /** By how much its clock is ahead, and how well that is known. */
  clock?: Offset;
  /** When it began, in milliseconds since 1970 by this machine's clock. */
  beganMs?: number;
  /** What it said last. */
  told?: ToldHold;
  /** When it ends at the latest, in milliseconds since 1970 by this machine's clock, if it is not heard of any more. */
  latestMs: number;
}

/** Something new of a host. */
export type HostNews = Readonly<HostHold>;

/** How long a host may take to arm, in milliseconds. */
const ARMING_MS = 5000;
const NO_ANSWER = { code: "no-answer", message: `it did not answer within ${ARMING_MS} ms` };
/** How many hosts a message for all names. */
const NAMED_MAX = 200;
/** Of how many hosts each renewal is answered; of more, one in each lease. */
const ANSWERING_MAX = 500;
/** How many hosts are asked at a time, each by itself. */
const AT_A_TIME = 256;
/** How often a lease is renewed, in parts of it. */
const RENEWALS = 4;
/** How long `end` is tried again where no answer comes, in milliseconds beyond the end of the lease. */
const BEYOND_MS = 1000;

/** A hold on many hosts at one moment: armed on all of them first, kept by their leases, told host by host. */
export class FleetHold {
  readonly id = crypto.randomUUID();
  readonly #caller: Caller;
  readonly #options: FleetHoldOptions;
  readonly #hosts: Map<string, HostHold>;
  #timer?: ReturnType<typeof setInterval>;
  #answers?: Disposable & { reply: string };
  /** When a host was heard of last, in milliseconds since 1970. */
  readonly #heard = new Map<string, number>();
  readonly #allBegun = Promise.withResolvers<void>();
  readonly #allEnded = Promise.withResolvers<void>();

  constructor(caller: Caller, hosts: readonly string[], options: FleetHoldOptions) {
    this.#caller = caller;
    this.#options = options;
    this.#hosts = new Map(hosts.map((host) => [host, { host, state: "asked", latestMs: 0 }]));
  }

  /** All of them, as far as is known. */
  get hosts(): readonly HostNews[] {
    return [...this.#hosts.values()];
  }

  /** Those that take part. */
  get ready(): readonly HostNews[] {
    return this.hosts.filter(({ state }) => state === "armed" || state === "holding");
  }

  /** Resolves when no host holds any more, as they say, or their leases are over. */
  get ended(): Promise<void> {
    return this.#allEnded.promise;
  }

  /** Arms all, and tells how many are ready; where these are too few, nothing is held, and they are called off. */
  async arm(statuses: readonly HostStatus[]): Promise<number> {
    const { asked, leaseMs, least, maxSkewMs } = this.#options;
    for (const host of this.#hosts.values()) {
      if (!statuses.some((status) => status.host === host.host)) {
        this.#learn(host, { state: "refused", problem: { code: "no-agent", message: "no agent answers for it" } });
      }
    }
    if (maxSkewMs !== undefined) await this.#compareClocks(statuses, maxSkewMs);
    this.#keepGoing();
    await this.#askAll("arm", { ...asked, hold: this.id, leaseMs });
    const ready = this.ready.length;
    if (ready < least) await this.end();
    return ready;
  }

  /** Resolves when every host that takes part holds, or has ended. */
  get begun(): Promise<void> {
    return this.#allBegun.promise;
  }

  /** Has all that are armed begin: at a moment, each by its own clock, or where there is none, at one word for all. */
  async begin(moment?: Moment): Promise<void> {
    if (!moment) return await this.#tellAll("begin", { hold: this.id });
    const at = (aheadMs: number) => ({ hold: this.id, at: moment.epochMs + aheadMs });
    // Those whose clock is this one's are told at once.
    const apart = this.ready.filter(({ clock }) => (clock?.aheadMs ?? 0) !== 0);
    if (apart.length < this.ready.length) await this.#tellAll("begin", at(0));
    await inTurns(
      apart,
      async ({ host, clock }) => this.#take(await this.#caller.ask(host, "begin", at(clock?.aheadMs ?? 0))),
    );
  }

  /** Ends it everywhere, and returns when every host has said what it held, or its lease is over. */
  async end(): Promise<void> {
    const going = () =>
      [...this.#hosts.values()].filter(({ state, problem }) =>
        state === "armed" || state === "holding" || state === "unheard" || problem?.code === "no-answer"
      );
    for (let round = 0;; round++) {
      const left = going();
      if (left.length === 0) break;
      const latestMs = Math.max(...left.map(({ latestMs }) => latestMs));
      if (round > 0 && Date.now() > latestMs + BEYOND_MS) break;
      await Promise.all(
        left.map(async ({ host }) => this.#take(await this.#caller.ask(host, "end", { hold: this.id }))),
      );
      clearInterval(this.#timer);
    }
    this.close();
  }

  /** Renews nothing any more, and listens to no host. */
  close(): void {
    clearInterval(this.#timer);
    this.#answers?.[Symbol.dispose]();
    this.#answers = undefined;
  }

  /** How long a host may hold that is not heard of any more: a renewal that is late by more than is taken is refused. */
  get #longestMs(): number {
    return this.#options.leaseMs + LATE_MS;
  }

  async #compareClocks(statuses: readonly HostStatus[], maxSkewMs: number): Promise<void> {
    const meant = statuses.filter(({ host }) => this.#hosts.get(host)?.state === "asked");
    for (const [host, clock] of await this.#caller.clocks(meant, maxSkewMs)) {
      const known = this.#hosts.get(host);
      if (!known) continue;
      if (clock.errorMs <= maxSkewMs) this.#learn(known, { clock }, false);
      else {
        const message = Number.isFinite(clock.errorMs)
          ? `its clock is known to ${clock.errorMs.toFixed(1)} ms only, by ${clock.by}; at most ${maxSkewMs} ms may be`
          : "its clock could not be read";
        this.#learn(known, { state: "refused", clock, problem: { code: "skew", message } });
      }
    }
  }

  /** Asks all that have not said no to arm, in one message, and returns when they have answered, or have taken too long. */
  async #askAll(operation: string, input: object): Promise<void> {
    const waiting = new Set([...this.#hosts.values()].filter(({ state }) => state === "asked"));
    const answered = Promise.withResolvers<void>();
    for (const host of waiting) this.#learn(host, { latestMs: Date.now() + this.#longestMs }, false);
    using answers = this.#caller.answers((answer) => {
      const host = this.#hosts.get(answer.host);
      if (!host || !waiting.delete(host)) return;
      this.#heard.set(host.host, Date.now());
      if ("result" in answer) this.#learn(host, { state: "armed", told: answer.result as ToldHold });
      else this.#learn(host, { state: "refused", problem: answer.error });
      if (waiting.size === 0) answered.resolve();
    });
    if (waiting.size === 0) return;
    await this.#caller.tellAll(operation, { ...input, ...this.#meant(waiting) }, answers.reply);
    const timer = setTimeout(answered.resolve, ARMING_MS);
    await answered.promise;
    clearTimeout(timer);
    for (const host of waiting) this.#learn(host, { state: "refused", problem: NO_ANSWER });
  }

  /** Says in a message for all who is meant: by their names while these are few, since every host of the group gets them. */
  #meant(hosts: ReadonlySet<HostHold>): { among: readonly string[]; not?: string[] } {
    if (hosts.size <= NAMED_MAX) return { among: [...hosts].map(({ host }) => host) };
    const not = this.hosts.filter((host) => !hosts.has(host)).map(({ host }) => host);
    return { among: this.#options.patterns, not };
  }

  async #tellAll(operation: string, input: object): Promise<void> {
    await this.#caller.tellAll(operation, input, this.#answers?.reply);
  }

  /** Renews the leases of all, a word for all of them, and takes what they answer. */
  #keepGoing(): void {
    const { leaseMs } = this.#options;
    this.#answers = this.#caller.answers((answer) => this.#take(answer));
    let renewals = 0;
    this.#timer = setInterval(() => {
      const isAnswered = this.#hosts.size <= ANSWERING_MAX || renewals++ % RENEWALS === 0;
      const reply = isAnswered ? this.#answers?.reply : undefined;
      this.#caller.tellAll("renew", { hold: this.id, leaseMs }, reply).catch(() => {});
      const latestMs = Date.now() + this.#longestMs;
      for (const host of this.#hosts.values()) {
        const isGoing = host.state === "armed" || host.state === "holding" || host.state === "unheard";
        if (!isGoing) continue;
        // What has been sent may yet arrive.
        host.latestMs = Math.min(latestMs, this.#endMs(host));
        if (
          host.told && Date.now() - (this.#heard.get(host.host) ?? Date.now()) > leaseMs * 2 && host.state !== "unheard"
        ) {
          this.#learn(host, { state: "unheard" });
        }
      }
      this.#look();
    }, leaseMs / RENEWALS);
  }

  /** When a host ends by itself, whatever is renewed. */
  #endMs({ beganMs }: HostHold): number {
    const { forMs } = this.#options.asked;
    return beganMs === undefined || forMs === undefined ? Infinity : beganMs + forMs;
  }

  #take(answer: HostAnswer): void {
    const host = this.#hosts.get(answer.host);
    if (!host || host.host === ALL) return;
    if ("error" in answer) {
      const { code } = answer.error;
      if (code === "no-answer" || code === "no-agent") return;
      this.#heard.set(host.host, Date.now());
      // It knows nothing of it any more: its agent was started anew, and what the other held its guardian has released.
      if (code === "no-hold") this.#learn(host, { state: "ended", problem: { code, message: GONE } });
      else if (code === "ended" && host.state !== "ended") this.#askEnd(host.host);
      return;
    }
    this.#heard.set(host.host, Date.now());
    const told = answer.result as ToldHold;
    if (told?.id !== this.id || host.state === "ended") return;
    const beganMs = told.from === undefined ? undefined : Date.parse(told.from) - (host.clock?.aheadMs ?? 0);
    const isNews = told.state !== host.state;
    this.#learn(host, { state: told.state, told, beganMs, problem: told.problem }, isNews);
    this.#look();
  }

  /** Has a host tell how it has ended. */
  async #askEnd(host: string): Promise<void> {
    this.#take(await this.#caller.ask(host, "end", { hold: this.id }));
  }

  #look(): void {
    const isOver = [...this.#hosts.values()].every(({ state, latestMs }) =>
      state === "ended" || state === "refused" || state === "unheard" && Date.now() > latestMs
    );
    if (isOver) this.#allEnded.resolve();
    if (this.hosts.every(({ state }) => state !== "asked" && state !== "armed")) this.#allBegun.resolve();
  }

  #learn(host: HostHold, news: Partial<HostHold>, isTold = true): void {
    Object.assign(host, news);
    if (isTold) this.#options.onNews(host);
  }
}

/** Does something for each, some at a time. */
async function inTurns<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const take = async () => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, take));
}

const GONE = "its agent was started anew: its guardian has released what that held";
