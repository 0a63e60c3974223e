import type { Moment } from "../plug/moment.ts";
import type { Problem } from "../control/problem.ts";
import { GRACE_MS, type ToldHold } from "../control/leased_hold.ts";
import { type HostAnswer, type HostStatus, LATE_MS } from "./agent.ts";
import { ARMING_MS, askToArm, NO_ANSWER } from "./arming.ts";
import { type Caller, inTurns } from "./caller.ts";
import { type HostHold, type HostNews, isGoing, type Known, newsOf } from "./host_hold.ts";

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

const NO_AGENT = { code: "no-agent", message: "no agent answers for it" };
const TWO_AGENTS = { code: "two-agents", message: "two agents answer for it, and one of them must be ended" };
/** Of how many hosts each renewal is answered; of more, one in each lease. */
const ANSWERING_MAX = 500;
const TOO_LONG = {
  code: "max-hold",
  message: "nothing is held for longer there: --max-hold of its agent, or its policy",
};
const RELEASED = { code: "released", message: "somebody else has released it" };
const LEFT = { code: "unheard", message: "it was not heard of meanwhile" };
/** How long a host stays armed without a renewal while others arm yet, in milliseconds: all of a large fleet is not to be told often then. */
const ARMED_MS = ARMING_MS + LATE_MS;
/** How often a lease is renewed, in parts of it, and of how many hosts how often. */
const RENEWALS = 4;
const RENEWALS_OF_MANY = 2;
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
  #isArming = false;
  #isEnding = false;
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
    this.#answers = this.#caller.answers((answer) => this.#take(answer));
    this.#isArming = true;
    this.#keepGoing();
    await this.#armAll();
    this.#isArming = false;
    // From now on they must be heard of more often.
    for (const host of this.#going) host.heardMs = performance.now();
    this.#keepGoing();
    const ready = this.#going.length;
    if (ready < least) await this.end();
    else this.#renew();
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
    this.#isEnding = true;
    await this.#tellEnd();
    for (let round = 0;; round++) {
      const left = this.#left;
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

  /** Ends it everywhere by one word, and returns when all have answered, or no more do. */
  async #tellEnd(): Promise<void> {
    let count = this.#left.length;
    if (count <= 1) return;
    // Where that is not taken, each is asked by itself.
    await this.#caller.tellAll("end", { hold: this.id, ...this.#only(this.#left) }, this.#answers?.reply).catch(
      () => {},
    );
    for (let before = Infinity; count > 0 && count < before; count = this.#left.length) {
      before = count;
      await Promise.race([this.#allEnded.promise, new Promise((resolve) => setTimeout(resolve, ANSWERING_MS))]);
    }
  }

  /** Those that hold, or may. */
  get #left(): Known[] {
    return this.#all.filter((host) => isGoing(host) || host.state === "unheard" || host.isInDoubt);
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

  /** Asks all that have not said no to arm, and returns when they have answered, or have taken too long. */
  async #armAll(): Promise<void> {
    const { asked, leaseMs, patterns } = this.#options;
    const meant = this.#all.filter(({ state }) => state === "asked");
    const others = this.#all.filter((host) => !meant.includes(host)).map(({ host }) => host);
    const now = performance.now();
    for (const host of meant) host.untilMs = now + ARMING_MS + LATE_MS + this.#leaseMs;
    await askToArm(this.#caller, {
      hosts: meant.map(({ host }) => host),
      whom: { among: patterns, not: others },
      input: { ...asked, hold: this.id, leaseMs, armedMs: this.#leaseMs },
      onAnswer: (answer) => this.#takeArming(this.#hosts.get(answer.host)!, answer),
      onOther: ({ host }) => {
        // It has come in between, and is not counted.
        if (!this.#hosts.has(host)) void this.#caller.ask(host, "end", { hold: this.id });
      },
    });
  }

  #takeArming(host: Known, answer: HostAnswer): void {
    if ("error" in answer) {
      host.isInDoubt = answer.error === NO_ANSWER;
      return this.#learn(host, { state: "refused", problem: answer.error });
    }
    host.heardMs = performance.now();
    host.untilMs = host.heardMs + this.#leaseMs + GRACE_MS;
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
    return this.#caller.fastestMs(host) + LATE_MS + this.#leaseMs + GRACE_MS;
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

  /** After how many milliseconds without a renewal a host ends it now. */
  get #leaseMs(): number {
    const { leaseMs } = this.#options;
    return this.#isArming ? Math.max(leaseMs, ARMED_MS) : leaseMs;
  }

  /** Renews the leases of all, a word for all of them, as often as these take now. */
  #keepGoing(): void {
    clearInterval(this.#timer);
    this.#renewals = 0;
    this.#timer = setInterval(() => this.#renew(), this.#leaseMs / this.#perLease);
  }

  #stopRenewing(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#beginTimer);
  }

  #renew(): void {
    const { asked: { forMs = Infinity } } = this.#options;
    const leaseMs = this.#leaseMs;
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
    const reply = this.#isMany && this.#renewals++ % this.#perLease > 0 ? undefined : this.#answers?.reply;
    const meant = this.#all.filter((host) => isGoing(host) || host.state === "asked");
    if (meant.length > 0) {
      this.#caller.tellAll("renew", { hold: this.id, leaseMs, ...this.#only(meant) }, reply).catch(() => {});
    }
    this.#look();
  }

  get #perLease(): number {
    return this.#isMany ? RENEWALS_OF_MANY : RENEWALS;
  }

  /** Whether only one renewal in each lease is answered. */
  get #isMany(): boolean {
    return this.#hosts.size > ANSWERING_MAX;
  }

  #isHeard({ heardMs }: Known): boolean {
    const leaseMs = this.#leaseMs;
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
      // Its agent was started anew: what the one before held, its guardian has released, or else the new one before it answers.
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
    const problem = told.problem ?? this.#earlyEnd(host, told) ?? host.problem;
    this.#learn(host, { state: told.state, told, beganMs, problem }, isNews);
    this.#look();
  }

  /** Why a host has ended before its time, where it did so in good order. */
  #earlyEnd({ state }: Known, { ended, heldMs }: ToldHold): Problem | undefined {
    if (ended === "for") return this.#options.asked.forMs === undefined ? TOO_LONG : undefined;
    if (ended !== "released" || heldMs === undefined || this.#isEnding) return undefined;
    return state === "unheard" ? LEFT : RELEASED;
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

/** For how long no host's answer to a word for all is the end of waiting for more, in milliseconds. */
const ANSWERING_MS = 500;
/** How long a host may say nothing, in milliseconds, however short its lease is. */
const UNHEARD_MS = 1000;
/** What is said for a host that has not answered itself. */
const UNANSWERED = new Set(["no-answer", "no-agent", "not-allowed"]);
const GONE = "its agent was started anew: what the one before held is released";
