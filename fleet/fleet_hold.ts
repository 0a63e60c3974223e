import type { Moment } from "../plug/moment.ts";
import type { Problem } from "../control/problem.ts";
import { GRACE_MS, type ToldHold } from "../control/leased_hold.ts";
import { wallClockMs } from "../linux/process.ts";
import { type HostAnswer, type HostStatus, LATE_MS } from "./agent.ts";
import type { Caller } from "./caller.ts";
import type { Offset } from "./clock.ts";

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
  /** When it began, in milliseconds since 1970 by this machine's clock; absent where its own is not known. */
  beganMs?: number;
  /** What it said last. */
  told?: ToldHold;
  /**
   * When it ends at the latest, in milliseconds since 1970 by this machine's clock, if it is not heard of any more; absent
   * where it does not hold, as it says or never did.
   */
  latestMs?: number;
}

/** A host, and what is known of it by this machine's `performance.now()`, which nobody sets. */
interface Known extends HostHold {
  /** When it was heard of last, */
  heardMs: number;
  /** when it ends at the latest, */
  untilMs: number;
  /** when it was first heard that it holds. */
  holdsMs?: number;
  /** Whether it may have armed, though it does not take part. */
  isInDoubt?: boolean;
  isAskedToEnd?: boolean;
}

/** Something new of a host. */
export type HostNews = Readonly<HostHold>;

/** How long a host may take to arm, in milliseconds. */
const ARMING_MS = 5000;
const NO_AGENT = { code: "no-agent", message: "no agent answers for it" };
const TWO_AGENTS = { code: "two-agents", message: "two agents answer for it, and one of them must be ended" };
const NO_ANSWER = { code: "no-answer", message: `it did not answer within ${ARMING_MS} ms` };
/** How many hosts a message for all names. */
const NAMED_MAX = 200;
/** Of how many hosts each renewal is answered; of more, one in each lease. */
const ANSWERING_MAX = 500;
/** How many hosts are asked at a time, each by itself. */
const AT_A_TIME = 256;
/** How often a lease is renewed, in parts of it. */
const RENEWALS = 4;
/** How long `end` is tried again where no answer comes, in milliseconds beyond the end of the lease, and how often. */
const BEYOND_MS = 5000;
const AGAIN_MS = 100;
/** How long after a word for all a host must have said that it has begun, in milliseconds. */
const BEGINNING_MS = 2000;

/** How hosts are asked. */
export type Asking = Pick<Caller, "ask" | "tellAll" | "answers" | "clocks" | "fastestMs">;

/** A hold on many hosts at one moment: armed on all of them first, kept by their leases, told host by host. */
export class FleetHold {
  readonly id = crypto.randomUUID();
  readonly #caller: Asking;
  readonly #options: FleetHoldOptions;
  readonly #hosts: Map<string, Known>;
  readonly #allBegun = Promise.withResolvers<void>();
  readonly #allEnded = Promise.withResolvers<void>();
  #timer?: ReturnType<typeof setInterval>;
  #renewals = 0;
  #beginTimer?: ReturnType<typeof setTimeout>;
  #answers?: Disposable & { reply: string };
  #beginnings?: Disposable & { reply: string };

  constructor(caller: Asking, hosts: readonly string[], options: FleetHoldOptions) {
    this.#caller = caller;
    this.#options = options;
    this.#hosts = new Map(
      hosts.map((host) => [host, { host, state: "asked", heardMs: -Infinity, untilMs: -Infinity }]),
    );
  }

  /** All of them, as far as is known. */
  get hosts(): readonly HostNews[] {
    return this.#all.map(newsOf);
  }

  /** Resolves when every host that takes part holds, or has ended. */
  get begun(): Promise<void> {
    return this.#allBegun.promise;
  }

  /** Resolves when no host holds any more, as they say, or their leases are over. */
  get ended(): Promise<void> {
    return this.#allEnded.promise;
  }

  /** Arms all, but for those for which two agents answer, and tells how many are ready; where these are too few, nothing is held, and they are called off. */
  async arm(statuses: readonly HostStatus[], { double = [] }: { double?: readonly string[] } = {}): Promise<number> {
    const { least, maxSkewMs } = this.#options;
    const found = new Set(statuses.map(({ host }) => host));
    for (const host of this.#all.filter(({ host }) => !found.has(host))) {
      const problem = double.includes(host.host) ? TWO_AGENTS : NO_AGENT;
      this.#learn(host, { state: "refused", problem });
    }
    if (maxSkewMs !== undefined) await this.#compareClocks(statuses, maxSkewMs);
    this.#keepGoing();
    await this.#armAll();
    const ready = this.#going.length;
    if (ready < least) await this.end();
    return ready;
  }

  /** Has all that are armed begin: at a moment, each by its own clock, or where there is none, at one word for all. */
  async begin(moment?: Moment): Promise<void> {
    const input = (aheadMs = 0) => ({ hold: this.id, at: moment && moment.epochMs + aheadMs });
    this.#beginnings = this.#caller.answers((answer) => this.#takeBeginning(answer));
    // Those whose clock is this one's are told at once.
    const apart = this.#going.filter(({ clock }) => moment && (clock?.aheadMs ?? 0) !== 0);
    const near = this.#going.filter((host) => !apart.includes(host));
    if (near.length > 0) {
      await this.#caller.tellAll("begin", { ...input(), ...this.#only(near) }, this.#beginnings.reply);
    }
    const ask = async ({ host, clock }: Known) =>
      this.#takeBeginning(await this.#caller.ask(host, "begin", input(clock?.aheadMs)));
    await inTurns(apart, ask);
    this.#beginTimer = setTimeout(() => {
      const problem = { code: "not-begun", message: "it did not begin" };
      for (const host of this.#going.filter(({ state }) => state === "armed")) {
        if (this.#isHeard(host)) this.#leave(host, problem);
      }
    }, Math.max(moment?.leftMs ?? 0, 0) + BEGINNING_MS);
  }

  /** Ends it everywhere, and returns when every host has said what it held, or its lease is over. */
  async end(): Promise<void> {
    for (let round = 0;; round++) {
      const left = this.#all.filter((host) => isGoing(host) || host.state === "unheard" || host.isInDoubt);
      if (left.length === 0) break;
      const untilMs = Math.max(...left.map(({ untilMs }) => untilMs));
      if (round > 0 && performance.now() > untilMs + BEYOND_MS) break;
      if (round > 0) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      await inTurns(left, (host) => this.#askEnd(host));
      // Until then, one that answers late is not to end by its lease.
      this.#stopRenewing();
    }
    for (const host of this.#going) this.#learn(host, { state: "unheard" });
    this.close();
  }

  /** Renews nothing any more, and listens to no host. */
  close(): void {
    this.#stopRenewing();
    this.#answers?.[Symbol.dispose]();
    this.#beginnings?.[Symbol.dispose]();
    this.#answers = this.#beginnings = undefined;
  }

  get #all(): Known[] {
    return [...this.#hosts.values()];
  }

  get #going(): Known[] {
    return this.#all.filter(isGoing);
  }

  /** Asks all that have not said no to arm, in one message, and returns when they have answered, or have taken too long. */
  async #armAll(): Promise<void> {
    const { asked, leaseMs, patterns } = this.#options;
    const waiting = new Set(this.#all.filter(({ state }) => state === "asked"));
    if (waiting.size === 0) return;
    const answered = Promise.withResolvers<void>();
    const now = performance.now();
    for (const host of waiting) host.untilMs = now + ARMING_MS + LATE_MS + leaseMs;
    using answers = this.#caller.answers((answer) => {
      const host = this.#hosts.get(answer.host);
      // It has come in between, and is not counted.
      if (!host && "result" in answer) void this.#caller.ask(answer.host, "end", { hold: this.id });
      if (!host || !waiting.delete(host)) return;
      this.#takeArming(host, answer);
      if (waiting.size === 0) answered.resolve();
    });
    // By their names while these are few, since every host of the group gets them.
    const names = [...waiting].map(({ host }) => host);
    const others = this.#all.filter((host) => !waiting.has(host)).map(({ host }) => host);
    const whom = names.length <= NAMED_MAX ? { among: names } : { among: patterns, not: others };
    await this.#caller.tellAll("arm", { ...asked, hold: this.id, leaseMs, ...whom }, answers.reply);
    const timer = setTimeout(answered.resolve, ARMING_MS);
    await answered.promise;
    clearTimeout(timer);
    for (const host of waiting) this.#takeArming(host, { host: host.host, error: NO_ANSWER });
  }

  #takeArming(host: Known, answer: HostAnswer): void {
    if ("error" in answer) {
      host.isInDoubt = answer.error === NO_ANSWER;
      return this.#learn(host, { state: "refused", problem: answer.error });
    }
    host.heardMs = performance.now();
    host.untilMs = host.heardMs + this.#options.leaseMs + GRACE_MS;
    this.#learn(host, { state: "armed", told: answer.result as ToldHold });
  }

  /** Takes the answer to \`begin\`: who cannot begin with the others does not later either. */
  #takeBeginning(answer: HostAnswer): void {
    const host = this.#hosts.get(answer.host);
    const isTold = !("error" in answer) || answer.error.code === "ended" || answer.error.code === "no-hold";
    if (isTold || !host) return this.#take(answer);
    if (isGoing(host)) this.#leave(host, answer.error);
  }

  /** Renews the lease of a host no more, and asks it to end. */
  #leave(host: Known, problem?: Problem): void {
    this.#learn(host, { state: "unheard", problem });
    void this.#askEnd(host);
  }

  /**
   * How long a host may hold from when it is sent a renewal: one that comes later than the fastest request by more than it
   * takes is refused, and where the agent cannot end it, its guardian does a little later.
   */
  #longestMs({ host }: Known): number {
    return this.#caller.fastestMs(host) + LATE_MS + this.#options.leaseMs + GRACE_MS;
  }

  async #compareClocks(statuses: readonly HostStatus[], maxSkewMs: number): Promise<void> {
    const meant = statuses.filter(({ host }) => this.#hosts.get(host)?.state === "asked");
    for (const [host, clock] of await this.#caller.clocks(meant, maxSkewMs)) {
      const known = this.#hosts.get(host);
      if (!known) continue;
      known.clock = clock;
      if (clock.errorMs <= maxSkewMs) continue;
      const message = Number.isFinite(clock.errorMs)
        ? `its clock is known to ${clock.errorMs.toFixed(1)} ms only, by ${clock.by}; at most ${maxSkewMs} ms may be`
        : "its clock could not be read";
      this.#learn(known, { state: "refused", problem: { code: "skew", message } });
    }
  }

  /** Renews the leases of all, a word for all of them, and takes what they answer. */
  #keepGoing(): void {
    this.#answers = this.#caller.answers((answer) => this.#take(answer));
    this.#timer = setInterval(() => this.#renew(), this.#options.leaseMs / RENEWALS);
  }

  #stopRenewing(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#beginTimer);
  }

  #renew(): void {
    const { leaseMs, asked: { forMs = Infinity } } = this.#options;
    const now = performance.now();
    for (const host of this.#all) {
      // What is said of one that is not heard of must stay so: it is renewed no more.
      if (isGoing(host) && !this.#isHeard(host)) this.#leave(host);
      else if (host.state === "unheard") void this.#askEnd(host);
    }
    const going = this.#going;
    for (const host of going) {
      const lastMs = (host.holdsMs ?? Infinity) + forMs + GRACE_MS;
      // What has been sent may yet arrive.
      host.untilMs = Math.min(now + this.#longestMs(host), lastMs);
    }
    const reply = this.#isMany && this.#renewals++ % RENEWALS > 0 ? undefined : this.#answers?.reply;
    const meant = this.#all.filter((host) => isGoing(host) || host.state === "asked");
    if (meant.length > 0) {
      this.#caller.tellAll("renew", { hold: this.id, leaseMs, ...this.#only(meant) }, reply).catch(() => {});
    }
    this.#look();
  }

  /** Whether only one renewal in each lease is answered. */
  get #isMany(): boolean {
    return this.#hosts.size > ANSWERING_MAX;
  }

  #isHeard({ heardMs }: Known): boolean {
    const { leaseMs } = this.#options;
    return performance.now() - heardMs <= Math.max(this.#isMany ? leaseMs * 2 : leaseMs, UNHEARD_MS);
  }

  /** How a word for all means some: those that may hold and are not meant are named, or these, whichever are fewer. */
  #only(meant: readonly Known[]): { among?: string[]; not?: string[] } {
    const now = performance.now();
    const isMeant = new Set(meant);
    const others = this.#all.filter((host) =>
      !isMeant.has(host) && (isGoing(host) || host.isInDoubt || host.state === "unheard" && now <= host.untilMs)
    );
    const names = (hosts: readonly Known[]) => hosts.map(({ host }) => host);
    if (others.length === 0) return {};
    return others.length <= meant.length ? { not: names(others) } : { among: names(meant) };
  }

  /** Has a host end it, and tell how it has ended. */
  async #askEnd(host: Known): Promise<void> {
    if (host.isAskedToEnd) return;
    host.isAskedToEnd = true;
    const answer = await this.#caller.ask(host.host, "end", { hold: this.id });
    host.isAskedToEnd = false;
    const isKnown = !("error" in answer) || answer.error.code === "no-hold";
    if (host.isInDoubt) host.isInDoubt = !isKnown;
    else this.#take(answer);
  }

  #take(answer: HostAnswer): void {
    const host = this.#hosts.get(answer.host);
    if (!host || host.state === "refused" || host.state === "ended") return;
    if ("error" in answer) {
      const { code } = answer.error;
      if (UNANSWERED.has(code)) return;
      host.heardMs = performance.now();
      // It knows nothing of it any more: its agent was started anew, and what the other held its guardian has released.
      if (code === "no-hold") this.#learn(host, { state: "ended", problem: { code, message: GONE } });
      else if (code === "ended") void this.#askEnd(host);
      return this.#look();
    }
    const told = answer.result as ToldHold;
    if (told?.id !== this.id) return;
    host.heardMs = performance.now();
    if (told.state === "holding") host.holdsMs ??= host.heardMs;
    // One that is left is asked to end: what it answered before that is old.
    if (host.state === "unheard" && told.state !== "ended") return;
    const beganMs = told.from && host.clock ? Date.parse(told.from) - host.clock.aheadMs : undefined;
    const isNews = told.state !== host.state;
    this.#learn(host, { state: told.state, told, beganMs, problem: told.problem ?? host.problem }, isNews);
    this.#look();
  }

  #look(): void {
    const isOver = this.#all.every(({ state, untilMs }) =>
      state === "ended" || state === "refused" || state === "unheard" && performance.now() > untilMs
    );
    if (isOver) this.#allEnded.resolve();
    if (this.#all.every(({ state }) => state !== "asked" && state !== "armed")) this.#allBegun.resolve();
  }

  #learn(host: Known, news: Partial<HostHold>, isTold = true): void {
    Object.assign(host, news);
    if (isTold) this.#options.onNews(newsOf(host));
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

/** How long a host may say nothing, in milliseconds, however short its lease is. */
const UNHEARD_MS = 1000;
/** What is said for a host that has not answered itself. */
const UNANSWERED = new Set(["no-answer", "no-agent", "not-allowed"]);
const GONE = "its agent was started anew: its guardian has released what that held";

function isGoing({ state }: Known): boolean {
  return state === "armed" || state === "holding";
}

function newsOf({ host, state, problem, clock, beganMs, told, untilMs }: Known): HostNews {
  const isOpen = state === "armed" || state === "holding" || state === "unheard";
  const latestMs = isOpen ? wallClockMs() + untilMs - performance.now() : undefined;
  return { host, state, problem, clock, beganMs, told, latestMs };
}
