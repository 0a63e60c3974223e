import { Channel } from "../linux/unix_socket.ts";
import { leaveSession } from "../linux/process.ts";
import { type AnyCharge, type DutyOf, type Order, putRight, type Report } from "./charge.ts";
import { type Place, Places, REACH, type Reach } from "./places.ts";
import {
  Beat,
  DELETED,
  forgetDeadline,
  hasGoneBack,
  isReleased,
  isToBePutRight,
  leaveAlone,
  MISSED,
  type Post,
  type Sample,
  seen,
  stop,
  stopWatching,
  UNCLEAR,
  wasStopped,
  WENT_BACK,
} from "./post.ts";
import { type Happening, processOf } from "./watch.ts";

/** By what a guardian speaks to the process that has started it. */
export type GuardChannel = Pick<Channel, "receive" | "readable" | "send" | typeof Symbol.dispose>;

/** How often a queue that holds is looked at, in milliseconds: what vanishes with it was last seen then. */
const SAMPLE_MS = 50;
/** How much of that may pass with looks, so that there is time for orders: of many each is looked at less often. */
const LOOKING_MS = 10;
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

/** What a guardian does: `guard` runs it in a process of its own. */
export class Guard<C extends AnyCharge> {
  readonly #channel: GuardChannel;
  readonly #dutyOf: DutyOf<C>;
  readonly #reach: Reach;
  readonly #posts = new Map<number, Post>();
  readonly #places: Places;
  readonly #beat = new Beat();
  /** What looks at all that hold. */
  #sampler?: ReturnType<typeof setInterval>;
  /** What was looked at last. */
  #lookedAt = 0;

  /** Takes the connection to the process that has started it, and what is to be done for each kind of charge. */
  constructor(channel: GuardChannel, dutyOf: DutyOf<C>, reach: Reach = REACH) {
    this.#channel = channel;
    this.#dutyOf = dutyOf;
    this.#reach = reach;
    this.#places = new Places(reach, {
      onHeard: () => this.#attendToNews(),
      onDeleted: (place) => this.#attendToDeletion(place),
    });
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
      case "renew":
        return this.#renew(order);
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
      default:
        throw new TypeError(`Cannot follow ${JSON.stringify(order satisfies never)}`);
    }
  }

  async #take({ id, charge }: Extract<Order, { order: "take" }>): Promise<void> {
    const { netns } = charge;
    let place: Place | undefined;
    try {
      const here = place = this.#places.enter(netns);
      // The process that entrusts it is in the guardian's own.
      if (netns !== undefined) place.lookOut();
      const duty = await this.#dutyOf(charge as C, () => here.connection);
      const mark = duty.mark === undefined ? undefined : this.#reach.showMark("held", { mark: duty.mark, netns, id });
      const { watched } = duty;
      const ear = watched && place.ear;
      const { log } = this.#reach;
      this.#posts.set(id, { name: charge.name ?? charge.kind, log, duty, place, beat: this.#beat, mark, ear });
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
    post.isTold = post.isUnclear = false;
    // What was said while it held nothing is nothing to it.
    if (!post.held) post.ear?.forget(id, { all: true });
    forgetDeadline(post);
    if (maxMs !== undefined) this.#setDeadline(id, post, maxMs);
  }

  #renew({ id, maxMs }: Extract<Order, { order: "renew" }>): void {
    const post = this.#posts.get(id);
    if (!post?.armed || post.timer === undefined) return;
    forgetDeadline(post);
    this.#setDeadline(id, post, maxMs);
  }

  #setDeadline(id: number, post: Post, maxMs: number): void {
    post.timer = setTimeout(() => this.#release(id, "deadline"), maxMs);
    const { mark } = post.duty;
    if (mark === undefined) return;
    post.deadline = this.#reach.showDeadline(post.place.connection, { mark, atMs: Date.now() + maxMs, id });
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
    post.mark = mark === undefined ? undefined : this.#reach.showMark("kept", { mark, netns, id });
    post.place.lookOut();
    this.#report({ report: "taken", id });
  }

  /** It is there, unless others have ended it before this was heard. Else what was said was its process's own doing. */
  #know(id: number): Sample | undefined {
    const post = this.#posts.get(id);
    if (!post) return undefined;
    post.ear?.forget(id);
    const now = seen(post.duty);
    post.isThere = true;
    post.isDoubtful = post.isUnclear = false;
    post.forfeited = now === "gone" || (post.ear?.hasEnded(id) ?? false);
    if (now === undefined || now === "gone" || post.forfeited) return undefined;
    post.sent = now.sent;
    return now;
  }

  /** From now on whatever is done to it is done by others. */
  #watch({ id, due = false }: Extract<Order, { order: "watch" }>): void {
    const post = this.#posts.get(id);
    if (!post) return;
    if (this.#sampler === undefined) {
      this.#beat.begin();
      this.#sampler = setInterval(() => this.#lookAround(), SAMPLE_MS);
    }
    post.held = this.#know(id);
    if (due) post.due = post.held?.backlog.packets;
  }

  /** What leaves from now on leaves by the will of the process that holds it. */
  #unwatch(id: number): void {
    const post = this.#posts.get(id);
    if (post) stopWatching(post);
  }

  /** Looks at those that hold, one after the other, and goes on next time where it has come to. */
  #lookAround(): void {
    this.#beat.strike();
    const holding = [...this.#posts].filter(([, { held }]) => held).map(([id]) => id);
    if (holding.length === 0) this.#sampler = void clearInterval(this.#sampler);
    const end = performance.now() + LOOKING_MS;
    const last = this.#lookedAt;
    for (const id of [...holding.filter((id) => id > last), ...holding.filter((id) => id <= last)]) {
      this.#sample(this.#lookedAt = id);
      if (performance.now() > end) return;
    }
  }

  /** Looks at a queue that holds: more may wait than before, but as many have left. */
  #sample(id: number): void {
    const post = this.#posts.get(id);
    const before = post?.held;
    if (!post || !before) return;
    this.#hear(id, post);
    const now = seen(post.duty);
    // Where this process was stopped between the two, another may be there.
    if (now && wasStopped(post)) this.#hear(id, post);
    if (post.outlives && post.isDoubtful) {
      leaveAlone(post, MISSED);
      return this.#drop(id);
    }
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
    if (now.backlog.packets > 0) post.passing = 0;
    if (now.backlog.packets > 0 && before.backlog.packets > 0 && left === 0) post.ear?.seeHolding(id);
    const { due = 0 } = post;
    post.due = Math.max(due - left, 0);
    if (left > due && isReleased(post, { before, now })) {
      if (post.outlives) leaveAlone(post, "packets have left that were held, so that it was released meanwhile");
      return this.#disturbed(id, "released", { port: post.ear?.changedBy(id) });
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
    if (post.ear?.takeMissed(id) && wasStopped(post)) post.isDoubtful = true;
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
    for (const { what: said, ifindex, port } of post?.ear?.newsOf(id) ?? []) {
      // A device that is moved or deleted is taken down first, all in one go.
      const isGone = said.endsWith("down") && post?.duty.linkOf?.(ifindex) === "gone";
      const what = !isGone ? said : said === "down" ? "gone" : "gate-device-gone";
      // What was heard was a whole release, or may have been one.
      const isWhole = what === "released" || what === "unclear" || undefined;
      this.#disturbed(id, what, { port, isWhole });
    }
  }

  /** Others have done something to a queue. */
  #disturbed(id: number, what: Happening, { port = 0, isWhole }: { port?: number; isWhole?: true } = {}): void {
    const post = this.#posts.get(id);
    if (!post) return;
    if (post.isThere && ["deleted", "replaced", "gone"].includes(what)) post.forfeited = true;
    if (post.outlives && what === "unclear") leaveAlone(post, UNCLEAR);
    if (post.outlives && (post.forfeited || what === "released" || what === "unclear")) return this.#drop(id);
    if (what === "unclear" && (post.held || post.isTold)) post.isUnclear = true;
    if (!post.held) return;
    const { backlog } = post.held;
    // A plug goes on holding when its link is up again, or in a namespace that is kept open, until its deadline at the most.
    if (what.endsWith("down") || what === "namespace-deleted") {
      if (post.outlives) return;
      stopWatching(post);
    } else stop(post);
    post.isTold = true;
    const disturbance = { what, by: processOf(port), isWhole };
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

  /** Keeps nothing in a namespace that was deleted, which does not vanish before. */
  #attendToDeletion(deleted: Place): void {
    for (const [id, { place, outlives, name, log }] of [...this.#posts]) {
      if (place !== deleted) continue;
      if (!outlives) this.#disturbed(id, "namespace-deleted");
      else {
        log(`the guardian ${Deno.pid} releases ${name} before its deadline: ${DELETED}`);
        this.#release(id, "deadline");
        this.#drop(id);
      }
    }
  }

  #release(id: number, why: "deadline" | "SIGTERM"): void {
    const asked = this.#posts.get(id);
    // What holds by now may be held anew, by a process that sets no deadline.
    if (asked) this.#hear(id, asked);
    this.#sample(id);
    const post = this.#posts.get(id);
    if (!post?.duty.release || post.forfeited || !post.armed || post.isUnclear) return;
    stop(post);
    const now = seen(post.duty);
    const backlog = now === "gone" ? undefined : now?.backlog;
    try {
      post.duty.release();
      post.armed = false;
      if (!post.isTold) this.#report({ report: "released", id, why, backlog });
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

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
