import { Channel } from "../linux/channel.ts";
import { logToKernel } from "../linux/kernel_log.ts";
import { leaveSession } from "../linux/session.ts";
import { type AnyCharge, type Backlog, type Duty, type DutyOf, putRight } from "./charge.ts";
import type { Order, Report } from "./protocol.ts";
import { showMark } from "./mark.ts";
import type { Ear } from "./ear.ts";
import { type Place, Places } from "./places.ts";
import { type Happening, processOf } from "./watch.ts";

/** Something in a guardian's charge. */
interface Post {
  /** For words. */
  name: string;
  duty: Duty;
  /** Where it is. */
  place: Place;
  /** By what others know of it. */
  mark?: Disposable;
  /** The timer of its deadline, while there is one. */
  timer?: ReturnType<typeof setTimeout>;
  /** Whether it holds by the will of the process that entrusted it, or is about to. */
  armed?: boolean;
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
  /** How often in a row it was seen to pass packets. */
  passing?: number;
  /** What looks at it again and again meanwhile. */
  sampler?: ReturnType<typeof setInterval>;
  /** Whether it is not there any more, so that what is in its place is somebody else's. */
  forfeited?: boolean;
}

/** A look at a queue. */
interface Sample {
  at: number;
  sent: number;
  backlog: Backlog;
}

/** How often a queue that holds is looked at, in milliseconds: what vanishes with it was last seen then. */
const SAMPLE_MS = 50;
/** After what time without a look, in milliseconds, this process must have been stopped. */
const STOPPED_MS = 500;
/** Of a counter that goes on from 0 behind 2^32 - 1: what is farther ahead than this has gone back. */
const COUNTER_HALF = 2 ** 31;

const WENT_BACK = "it has counted less than before, so that another is in its place";

/** What a terminal sends to the processes in front of it. */
const IGNORED = ["SIGHUP", "SIGINT", "SIGQUIT"] as const;

/**
 * Is a guardian, for as long as it is needed: does what is ordered over the connection, and when that is at its end,
 * puts right all that is still in its charge.
 *
 * SIGTERM, which is meant for it alone since it is in a session of its own, releases what is held; SIGUSR1 ends it.
 */
export async function guard<C extends AnyCharge>(fd: number, dutyOf: DutyOf<C>): Promise<void> {
  leaveSession();
  for (const signal of IGNORED) Deno.addSignalListener(signal, () => {});
  const guardian = new Guard(new Channel(fd), dutyOf);
  Deno.addSignalListener("SIGTERM", () => guardian.releaseAll());
  Deno.addSignalListener("SIGUSR1", () => guardian.leave());
  await guardian.obey();
}

class Guard<C extends AnyCharge> {
  readonly #channel: Channel;
  readonly #dutyOf: DutyOf<C>;
  readonly #posts = new Map<number, Post>();
  readonly #places = new Places(() => this.#attendToNews());

  constructor(channel: Channel, dutyOf: DutyOf<C>) {
    this.#channel = channel;
    this.#dutyOf = dutyOf;
  }

  /** Obeys until the process at the other end is dead, or needs no guardian. */
  async obey(): Promise<void> {
    for (;;) {
      const text = this.#channel.receive();
      if (text === "") break;
      if (text === undefined) await this.#channel.readable();
      else await this.#follow(JSON.parse(text));
    }
    const bereft = [...this.#posts].filter(([, { outlives }]) => !outlives);
    for (const [id, post] of bereft) this.#hear(id, post);
    const own = bereft.filter(([, post]) => isToBePutRight(post));
    for (const [id] of bereft) this.#retire(id);
    const failures = await putRight(own.map(([, { duty }]) => duty));
    for (const [, { place }] of bereft) this.#places.leave(place);
    if (failures.length > 0) throw new AggregateError(failures, "Cannot put everything right");
  }

  /** Releases everything at once, and goes on. */
  releaseAll(): void {
    for (const id of this.#posts.keys()) this.#release(id, "SIGTERM");
  }

  /** Has nothing in its charge any more. */
  leave(): void {
    for (const id of [...this.#posts.keys()]) this.#drop(id);
    this.#channel[Symbol.dispose]();
  }

  #follow(order: Order): void | Promise<void> {
    switch (order.order) {
      case "take":
        return this.#take(order);
      case "arm":
        return this.#arm(order);
      case "disarm":
        return this.#disarm(order.id);
      case "watch":
        this.#watch(order);
        return this.#report({ report: "watching", id: order.id });
      case "know":
        this.#know(order.id);
        return this.#report({ report: "watching", id: order.id });
      case "look":
        this.#sample(order.id);
        return this.#report({ report: "looked", id: order.id });
      case "unwatch":
        return this.#unwatch(order.id);
      case "drop":
        this.#drop(order.id);
        return this.#report({ report: "dropped", id: order.id });
      case "outlive":
        return this.#outlive(order);
      case "greet":
        return this.#report({ report: "taken", id: order.id });
      case "leave":
        return this.leave();
    }
  }

  async #take({ id, charge }: Extract<Order, { order: "take" }>): Promise<void> {
    const { netns } = charge;
    let place: Place | undefined;
    try {
      const here = place = this.#places.enter(netns);
      const duty = await this.#dutyOf(charge as C, () => here.connection);
      const mark = duty.mark === undefined ? undefined : showMark("held", { mark: duty.mark, netns, id });
      const { watched } = duty;
      const ear = watched && place.ear;
      this.#posts.set(id, { name: charge.name ?? charge.kind, duty, place, mark, ear });
      if (watched) ear?.attend(id, watched, (ifindex) => duty.linkOf?.(ifindex) === "down");
      this.#report({ report: "taken", id });
    } catch (error) {
      if (place) this.#places.leave(place);
      this.#report({ report: "refused", id, reason: reasonOf(error) });
    }
  }

  #arm({ id, maxMs }: Extract<Order, { order: "arm" }>): void {
    const post = this.#posts.get(id);
    if (!post) return;
    post.armed = true;
    // What was said while it held nothing is nothing to it.
    if (!post.held) post.ear?.forget(id, { links: true });
    clearTimeout(post.timer);
    if (maxMs !== undefined) post.timer = setTimeout(() => this.#release(id, "deadline"), maxMs);
  }

  #disarm(id: number): void {
    const post = this.#posts.get(id);
    if (!post) return;
    stop(post);
    post.armed = false;
  }

  #outlive({ id, netns }: Extract<Order, { order: "outlive" }>): void {
    const post = this.#posts.get(id);
    if (!post) return this.#report({ report: "refused", id, reason: "it is not in its charge" });
    const { mark } = post.duty;
    post.outlives = true;
    post.mark?.[Symbol.dispose]();
    post.mark = mark === undefined ? undefined : showMark("kept", { mark, netns, id });
    this.#report({ report: "taken", id });
  }

  /** It is there. What was said till now was of its process's own doing, but for links. */
  #know(id: number): Sample | undefined {
    const post = this.#posts.get(id);
    if (!post) return undefined;
    post.ear?.forget(id);
    const now = seen(post.duty);
    post.isThere = true;
    post.forfeited = now === "gone";
    if (now === undefined || now === "gone") return undefined;
    post.sent = now.sent;
    return now;
  }

  /** From now on whatever is done to it is done by others. */
  #watch({ id, due = false }: Extract<Order, { order: "watch" }>): void {
    const post = this.#posts.get(id);
    if (!post) return;
    clearInterval(post.sampler);
    post.held = this.#know(id);
    if (due) post.due = post.held?.backlog.packets;
    post.sampler = setInterval(() => this.#sample(id), SAMPLE_MS);
  }

  /** What leaves from now on leaves by the will of the process that holds it. */
  #unwatch(id: number): void {
    const post = this.#posts.get(id);
    if (post) stopWatching(post);
  }

  /** Looks at a queue that holds: more may wait than before, but as many have left. */
  #sample(id: number): void {
    const post = this.#posts.get(id);
    const before = post?.held;
    if (!post || !before) return;
    this.#hear(id, post);
    const now = seen(post.duty);
    if (!now) return;
    this.#heed();
    // It has been disturbed, or was moved by the process that holds it.
    if (post.held !== before) return;
    if (now === "gone") {
      return this.#disturbed(id, post.duty.linkOf?.(post.duty.watched?.ifindex ?? 0) === "gone" ? "gone" : "deleted");
    }
    const left = (now.sent - before.sent) >>> 0;
    if (hasGoneBack(before.sent, now.sent)) {
      if (post.outlives) leaveAlone(post, WENT_BACK);
      return this.#disturbed(id, "replaced");
    }
    const { due = 0 } = post;
    post.due = Math.max(due - left, 0);
    if (left > due && isReleased(post, { before, now })) {
      if (post.outlives) leaveAlone(post, "packets have left that were held, so that it was released meanwhile");
      return this.#disturbed(id, "released", post.ear?.changedBy(id));
    }
    post.held = now;
    post.sent = now.sent;
  }

  /** Hears what was said before this call began, and acts on it. */
  #hear(id: number, post: Post): void {
    try {
      post.ear?.hear();
    } catch {
      // That others cannot be heard must not keep it from being released.
    }
    this.#heed();
    this.#meetNews(id);
  }

  #attendToNews(): void {
    // After what was heard: the process that holds says beforehand what it is about to do, and then that it has done it.
    this.#heed();
    for (const id of [...this.#posts.keys()]) this.#meetNews(id);
  }

  /** Follows what has been ordered till now. */
  #heed(): void {
    for (let text = this.#channel.receive(); text; text = this.#channel.receive()) this.#follow(JSON.parse(text));
  }

  #meetNews(id: number): void {
    const post = this.#posts.get(id);
    const news = post?.ear?.newsOf(id);
    if (!post || !news) return;
    // A device that is moved or deleted is taken down first, all in one go.
    const isGone = news.what.endsWith("down") && post.duty.linkOf?.(news.ifindex) === "gone";
    if (!isGone) return this.#disturbed(id, news.what, news.port);
    this.#disturbed(id, news.what === "down" ? "gone" : "gate-device-gone", news.port);
  }

  /** Others have done something to a queue. */
  #disturbed(id: number, what: Happening, port = 0): void {
    const post = this.#posts.get(id);
    if (!post) return;
    if (post.isThere && ["deleted", "replaced", "gone"].includes(what)) post.forfeited = true;
    if (post.outlives && (post.forfeited || what === "released")) return this.#drop(id);
    if (!post.held) return;
    const { backlog } = post.held;
    stop(post);
    const disturbance = { what, by: processOf(port) };
    this.#report({ report: "released", id, why: "disturbed", backlog, disturbance });
  }

  #drop(id: number): void {
    const post = this.#posts.get(id);
    this.#retire(id);
    if (post) this.#places.leave(post.place);
  }

  /** Has something no more in its charge; what it takes to put it right stays open. */
  #retire(id: number): void {
    const post = this.#posts.get(id);
    this.#posts.delete(id);
    if (!post) return;
    stop(post);
    post.mark?.[Symbol.dispose]();
    post.ear?.leave(id);
  }

  #release(id: number, why: "deadline" | "SIGTERM"): void {
    const asked = this.#posts.get(id);
    // What holds by now may be held anew, by a process that sets no deadline.
    if (asked) this.#hear(id, asked);
    this.#sample(id);
    const post = this.#posts.get(id);
    if (!post?.duty.release || post.forfeited || !post.armed) return;
    stop(post);
    post.armed = false;
    const now = seen(post.duty);
    const backlog = now === "gone" ? undefined : now?.backlog;
    try {
      post.duty.release();
      this.#report({ report: "released", id, why, backlog });
    } catch (error) {
      this.#report({ report: "released", id, why, failure: reasonOf(error) });
    }
    if (post.outlives) this.#drop(id);
  }

  /** Says something, where there still is somebody to hear it. */
  #report(report: Report): void {
    try {
      this.#channel.send(JSON.stringify(report));
    } catch {
      // The end of the connection is met when it is read, and acted on there.
    }
  }
}

/**
 * Whether a queue of which more have left was released. While its holder lives, nobody else is to let anything go. Of one
 * that waits for a deadline others may release an epoch: only what is seen to pass packets was released, or what has let
 * go more than it held while this process was stopped.
 */
function isReleased(post: Post, { before, now }: { before: Sample; now: Sample }): boolean {
  if (!post.outlives) return true;
  post.passing = now.backlog.packets === 0 ? (post.passing ?? 0) + 1 : 0;
  const wasStopped = now.at - before.at > STOPPED_MS;
  return post.passing > 1 || wasStopped && now.sent - before.sent > before.backlog.packets;
}

/** Whether something is its process's that has died, and that has more to be done for it than a hold to be ended that is none. */
function isToBePutRight(post: Post): boolean {
  const { duty, armed, forfeited, sent } = post;
  if (forfeited || !armed && !duty.putRight && !duty.remove) return false;
  const now = sent === undefined ? undefined : seen(duty);
  // Of several things that were said some may not have been heard.
  if (sent === undefined || now === undefined || now === "gone" || !hasGoneBack(sent, now.sent)) return true;
  leaveAlone(post, WENT_BACK);
  return false;
}

/** Says why something is not touched, where no process hears of it otherwise. */
function leaveAlone({ name }: Post, why: string): void {
  logToKernel(`the guardian ${Deno.pid} leaves ${name} alone: ${why}`);
}

/** Whether a counter has gone back, as that of another plug in the place of one that was there. */
function hasGoneBack(before: number, now: number): boolean {
  return (now - before) >>> 0 > COUNTER_HALF;
}

/** What is held; a look that fails must not keep it from being released. */
function seen({ look }: Duty): Sample | "gone" | undefined {
  try {
    const now = look?.();
    if (now === undefined || now === "gone") return now;
    return { at: performance.now(), sent: now.sent, backlog: { packets: now.packets, bytes: now.bytes } };
  } catch {
    return undefined;
  }
}

function stopWatching(post: Post): void {
  clearInterval(post.sampler);
  post.held = undefined;
}

function stop(post: Post): void {
  clearTimeout(post.timer);
  stopWatching(post);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
