import { TCQ_PLUG_BUFFER, TCQ_PLUG_RELEASE_INDEFINITE, TCQ_PLUG_RELEASE_ONE } from "../codec/assembly/constants.ts";
import type { Backlog, Duty } from "./charge.ts";
import type { Ear, News, OwnChange } from "./ear.ts";
import type { Place } from "./places.ts";
import type { Counts, Happening } from "./watch.ts";

/** Something in a guardian's charge. */
export interface Post {
  /** For words. */
  name: string;
  /** Says what no process hears of otherwise. */
  log: (line: string) => void;
  duty: Duty;
  /** Where it is. */
  place: Place;
  /** How its guardian looks at it, and whether that was stopped. */
  rounds: Rounds;
  /** By what others know of it. */
  mark?: Disposable;
  /** For how long it may hold, in milliseconds. */
  maxMs?: number;
  /** The timer of its deadline, while there is one. */
  timer?: ReturnType<typeof setTimeout>;
  /** Whether its process has made it hold since that was set. */
  holdsAnew?: boolean;
  /** By what others know of that. */
  deadline?: Disposable;
  /** Whether it holds by the will of the process that entrusted it, or is about to. */
  armed?: boolean;
  /** The number of the request by which its process made it hold last; "unknown" where what was said of that may be lost. */
  since?: number | "unknown";
  /** Whether what happens to it is its process's own doing. */
  isUnwatched?: boolean;
  /** Whether it was released meanwhile, so that what its process makes it hold meanwhile is to be let go, too. */
  isOver?: boolean;
  /** Whether it is there, so that whatever takes its place from now on is another. */
  isThere?: boolean;
  /** How many packets had left when it was last looked at. */
  sent?: number;
  /** Whether the deadline is waited for also when the process that set it has ended. */
  outlives?: boolean;
  /** What listens to what others do to it. */
  ear?: Ear;
  /** While it holds: how many packets had left, and what it held, when it was last seen. */
  held?: Sample;
  /** How many of what it holds may still leave, by the will of the process that holds it. */
  due?: number;
  /** How often it was seen to pass packets since something waited. */
  passing?: number;
  /** Whether it was told that others have disturbed it since it was armed. */
  isTold?: boolean;
  /** Whether, while this process was stopped, more was said than it could hear: what is there may be somebody else's. */
  isDoubtful?: boolean;
  /** Whether others may have released it, and may hold it since. */
  isUnclear?: boolean;
  /** Whether it is not there any more, so that what is in its place is somebody else's. */
  forfeited?: boolean;
}

/**
 * Looks at all that hold, again and again: what vanishes with a queue was last seen then. By how long it has not come to that
 * it tells that this process was stopped.
 */
export class Rounds {
  readonly #posts: ReadonlyMap<number, Post>;
  readonly #look: (id: number) => void;
  #timer?: ReturnType<typeof setInterval>;
  /** What was looked at last. */
  #at = 0;
  #lastMs = performance.now();
  #stoppedMs = -Infinity;

  /** Takes what it looks at, and how. */
  constructor(posts: ReadonlyMap<number, Post>, look: (id: number) => void) {
    this.#posts = posts;
    this.#look = look;
  }

  /** Goes on for as long as anything holds, from now on. */
  begin(): void {
    if (this.#timer !== undefined) return;
    this.#lastMs = performance.now();
    this.#timer = setInterval(() => this.#go(), SAMPLE_MS);
  }

  /** Whether this process was stopped after a moment, by `performance.now()`. */
  wasStoppedSince(ms: number): boolean {
    this.#notice();
    return this.#stoppedMs > ms;
  }

  /** Looks at those that hold, one after the other, and goes on next time where it has come to. */
  #go(): void {
    this.#notice();
    this.#lastMs = performance.now();
    const holding = [...this.#posts].filter(([, { held }]) => held).map(([id]) => id);
    if (holding.length === 0) this.#timer = void clearInterval(this.#timer);
    const end = performance.now() + LOOKING_MS;
    const last = this.#at;
    for (const id of [...holding.filter((id) => id > last), ...holding.filter((id) => id <= last)]) {
      this.#look(this.#at = id);
      if (performance.now() > end) return;
    }
  }

  #notice(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastMs > STOPPED_MS) this.#stoppedMs = nowMs;
  }
}

/** A look at a queue. */
export interface Sample {
  at: number;
  sent: number;
  backlog: Backlog;
}

/** How often a queue that holds is looked at, in milliseconds. */
const SAMPLE_MS = 50;
/** How much of that may pass with looks, so that there is time for orders: of many each is looked at less often. */
const LOOKING_MS = 10;
/** How many looks at a queue that passes packets it takes to take it for released. */
const PASSING_LOOKS = 10;
/** After what time without any look, in milliseconds, this process must have been stopped. */
const STOPPED_MS = 500;
/** Of a counter that goes on from 0 behind 2^32 - 1: what is farther ahead than this has gone back. */
const COUNTER_HALF = 2 ** 31;

/** Why it is not certain that it is the same. */
export const MISSED = "this process was stopped, and more was said meanwhile than it could hear: it may be another's";

/** Why a hold may not be that of the process that entrusted it. */
export const UNCLEAR = "others have changed it more than once: it may have been released, and be held by them since";

/** Why a plug is released before its deadline. */
export const DELETED = "its network namespace was deleted";

/** Why another is taken to be in the place of one. */
export const WENT_BACK = "it has counted less than before, so that another is in its place";

/**
 * Whether a queue of which more have left was released. While its holder lives, nobody else is to let anything go. Of one
 * that waits for a deadline others may release epochs, one after the other: only what again and again sends more than
 * waited, with nothing that waits in between, was released, or what has sent more than it held while this process was
 * stopped.
 */
export function isReleased(post: Post, { before, now }: { before: Sample; now: Sample }): boolean {
  if (!post.outlives) return true;
  const isMoreThanWaited = (now.sent - before.sent) >>> 0 > before.backlog.packets;
  if (isMoreThanWaited && now.backlog.packets === 0) post.passing = (post.passing ?? 0) + 1;
  const wasStopped = post.rounds.wasStoppedSince(before.at);
  return (post.passing ?? 0) >= PASSING_LOOKS || wasStopped && isMoreThanWaited;
}

/** Whether something is its process's that has died, and that has more to be done for it than a hold to be ended that is none. */
export function isToBePutRight(post: Post): boolean {
  const { duty, armed, forfeited, isDoubtful, isUnclear, sent } = post;
  if (isDoubtful && !forfeited) {
    leaveAlone(post, MISSED);
    return false;
  }
  if (forfeited || !armed && !duty.putRight && !duty.remove) return false;
  // What goes with the process goes with what others hold there.
  if (isUnclear && !duty.putRight) {
    leaveAlone(post, UNCLEAR);
    return false;
  }
  const now = sent === undefined ? undefined : seen(duty);
  // Of several things that were said some may not have been heard.
  if (sent === undefined || now === undefined || now === "gone" || !hasGoneBack(sent, now.sent)) return true;
  leaveAlone(post, WENT_BACK);
  return false;
}

/** Whether this process must have been stopped since it was looked at last. */
export function wasStopped({ held, rounds }: Post): boolean {
  return held !== undefined && rounds.wasStoppedSince(held.at);
}

/** Says why something is not touched, where no process hears of it otherwise. */
export function leaveAlone({ name, log }: Post, why: string): void {
  log(`the guardian ${Deno.pid} leaves ${name} alone: ${why}`);
}

/** Whether a counter has gone back, as that of another plug in the place of one that was there. */
export function hasGoneBack(before: number, now: number): boolean {
  return (now - before) >>> 0 > COUNTER_HALF;
}

/** What is held; a look that fails must not keep it from being released. */
export function seen({ look }: Duty): Sample | "gone" | undefined {
  try {
    const now = look?.();
    if (now === undefined || now === "gone") return now;
    return { at: performance.now(), sent: now.sent, backlog: { packets: now.packets, bytes: now.bytes } };
  } catch {
    return undefined;
  }
}

/** What has happened to it, by what was said: a device that is moved or deleted is taken down first, all in one go. */
export function whatHappened({ duty }: Post, { what, ifindex }: News): Happening {
  if (!what.endsWith("down") || duty.linkOf?.(ifindex) !== "gone") return what;
  return what === "down" ? "gone" : "gate-device-gone";
}

/** Its own process has changed it, as the kernel says. */
export function noteOwn(
  post: Post,
  { action, sequence, heardMs, counts }: OwnChange,
): void {
  if (post.isUnwatched && action !== TCQ_PLUG_RELEASE_INDEFINITE) {
    if (post.isOver && action === TCQ_PLUG_BUFFER) letGoAnew(post);
    return;
  }
  const { sent, packets, bytes } = counts ?? lookNow(post);
  const now: Sample = { at: heardMs, sent, backlog: { packets, bytes } };
  switch (action) {
    case TCQ_PLUG_BUFFER:
      post.due = post.held ? stillDue(post.due, { before: post.held, now }) : 0;
      post.armed = post.isThere = post.holdsAnew = true;
      post.isTold = post.isUnclear = false;
      post.isDoubtful = post.forfeited = false;
      post.since = sequence;
      post.held = now;
      post.sent = sent;
      return;
    case TCQ_PLUG_RELEASE_ONE:
      if (!post.held) return;
      post.due = packets;
      post.held = now;
      post.sent = sent;
      return;
    case TCQ_PLUG_RELEASE_INDEFINITE:
      post.armed = false;
      // Though what made it hold may have been lost
      post.isThere = true;
      return stop(post);
    default:
      // What was asked was lost: it may have been a release, or only that it goes on holding
      stopWatching(post);
  }
}

/** What a queue has where what was said of it does not tell. */
function lookNow({ duty, sent = 0 }: Post): Counts {
  const now = seen(duty);
  if (now === undefined || now === "gone") return { sent, packets: 0, bytes: 0 };
  return { sent: now.sent, ...now.backlog };
}

/** How many may still leave, of so many that were to. */
export function stillDue(due = 0, { before, now }: { before: Sample; now: Sample }): number {
  return Math.max(due - ((now.sent - before.sent) >>> 0), 0);
}

/** Lets go what its process has made it hold after its end. */
function letGoAnew(post: Post): void {
  try {
    post.duty.release?.();
    post.armed = false;
  } catch {
    // At its process's death it is tried again
    post.armed = true;
  }
}

/** Of what was said something was lost. */
export function noteLoss(post: Post): void {
  if (wasStopped(post)) post.isDoubtful = true;
  if (post.outlives) return;
  post.since = "unknown";
  if (post.isUnwatched && post.isOver) letGoAnew(post);
  if (post.isUnwatched || !post.isThere || post.isTold || post.forfeited) return;
  // Its process may have made it hold, or let it go: it is to be released in time, and what leaves may leave
  stopWatching(post);
  post.armed = true;
  post.holdsAnew ||= post.timer === undefined;
}

/**
 * It is there, and is looked at, unless others have ended it before this was heard. Else what was said was its process's own
 * doing.
 */
export function know(id: number, post?: Post): Sample | undefined {
  if (!post) return undefined;
  post.ear?.forget(id);
  const now = seen(post.duty);
  post.isThere = true;
  post.isDoubtful = post.isUnclear = false;
  post.forfeited ||= now === "gone" || post.ear?.hasEnded(id);
  if (now === undefined || now === "gone" || post.forfeited) return undefined;
  post.sent = now.sent;
  return now;
}

/** Looks at it no more. */
export function stopWatching(post: Post): void {
  post.held = undefined;
}

/** Nor waits for its deadline. */
export function stop(post: Post): void {
  forgetDeadline(post);
  stopWatching(post);
}

/** There is no deadline any more, or another. */
export function forgetDeadline(post: Post): void {
  if (post.timer !== undefined) clearTimeout(post.timer);
  post.timer = undefined;
  post.holdsAnew = false;
  post.deadline?.[Symbol.dispose]();
  post.deadline = undefined;
}
