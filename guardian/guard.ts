import { Channel } from "../linux/unix_socket.ts";
import { leaveSession } from "../linux/process.ts";
import { type AnyCharge, type DutyOf, type Order, putRight, type Report } from "./charge.ts";
import { type Place, Places, REACH, type Reach } from "./places.ts";
import {
  DELETED,
  forgetDeadline,
  hasGoneBack,
  isReleased,
  isToBePutRight,
  know,
  leaveAlone,
  MISSED,
  noteLoss,
  noteOwn,
  type Post,
  Rounds,
  seen,
  stop,
  stopWatching,
  UNCLEAR,
  WENT_BACK,
  whatHappened,
} from "./post.ts";
import { type Happening, processOf } from "./watch.ts";

/** By what a guardian speaks to the process that has started it. */
export type GuardChannel = Pick<Channel, "receive" | "readable" | "send" | typeof Symbol.dispose>;

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
  readonly #rounds = new Rounds(this.#posts, (id) => this.#sample(id));
  /** Resolves once all that it was to take meanwhile is in its charge. */
  #taking: Promise<void> = Promise.resolve();

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
    await this.#taking;
    for (const [id, post] of this.#posts) {
      this.#hear(id, post);
      // The number of its process's socket may soon be another's
      post.ear?.orphan(id);
    }
    const bereft = [...this.#posts].filter(([, { outlives }]) => !outlives);
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
        this.#renew(order);
        return this.#report({ report: "watching", id: order.id });
      case "disarm":
        this.#disarm(order.id);
        return this.#report({ report: "watching", id: order.id });
      case "watch":
        this.#watch(order.id);
        return this.#report({ report: "watching", id: order.id });
      case "know":
        know(order.id, this.#posts.get(order.id));
        return this.#report({ report: "watching", id: order.id });
      case "look":
        this.#sample(order.id);
        return this.#report({ report: "looked", id: order.id });
      case "unwatch":
        this.#unwatch(order.id);
        return this.#report({ report: "watching", id: order.id });
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
      this.#posts.set(id, { name: charge.name ?? charge.kind, log, duty, place, rounds: this.#rounds, mark, ear });
      const isDown = (ifindex: number) => duty.linkOf?.(ifindex) === "down";
      if (watched) ear?.attend(id, watched, { isDown, port: charge.port });
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
    post.maxMs = maxMs;
    post.isTold = post.isUnclear = false;
    post.isUnwatched = post.isOver = false;
    this.#setDeadline(id, post, maxMs);
  }

  #renew({ id, maxMs }: Extract<Order, { order: "renew" }>): void {
    const post = this.#posts.get(id);
    // What its process has done before may not have been heard
    if (post) this.#hear(id, post, { heeds: false });
    if (post?.armed && post.timer !== undefined) this.#setDeadline(id, post, maxMs);
  }

  #setDeadline(id: number, post: Post, maxMs?: number): void {
    forgetDeadline(post);
    if (maxMs === undefined) return;
    post.timer = setTimeout(() => this.#release(id, "deadline"), maxMs);
    const { mark } = post.duty;
    if (mark === undefined) return;
    post.deadline = this.#reach.showDeadline(post.place.connection, { mark, atMs: Date.now() + maxMs, id });
  }

  #disarm(id: number): void {
    const post = this.#posts.get(id);
    if (!post) return;
    this.#hear(id, post, { heeds: false });
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

  /** From now on whatever is done to it is done by others. */
  #watch(id: number): void {
    const post = this.#posts.get(id);
    if (!post) return;
    // Of what its process has done meanwhile only a release counts, and what was to be let go
    if (post.isUnwatched) this.#hear(id, post, { heeds: false });
    this.#rounds.begin();
    const now = know(id, post);
    post.held = post.armed ? now : undefined;
    post.isUnwatched = post.isOver = false;
    // Its process is done with it, and the number of its socket may soon be another's
    if (post.outlives) post.ear?.orphan(id);
  }

  /** What leaves from now on leaves by the will of the process that holds it. */
  #unwatch(id: number): void {
    const post = this.#posts.get(id);
    if (!post) return;
    this.#hear(id, post, { heeds: false });
    post.isUnwatched = true;
    stopWatching(post);
  }

  /** Looks at a queue that holds: more may wait than before, but as many have left. */
  #sample(id: number): void {
    const post = this.#posts.get(id);
    if (!post) return;
    this.#hear(id, post);
    const before = post.held;
    if (!before) return;
    const now = seen(post.duty);
    // Its own process may have changed it between the two; where this one was stopped, another may be there.
    if (now) this.#hear(id, post);
    if (post.outlives && post.isDoubtful) {
      leaveAlone(post, MISSED);
      return this.#drop(id);
    }
    if (!now) return;
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

  /** Hears what was said before this call began, and acts on it. While an order is followed, those behind it wait. */
  #hear(id: number, post: Post, { heeds = true }: { heeds?: boolean } = {}): void {
    try {
      post.ear?.hear();
    } catch {
      // That others cannot be heard must not keep it from being released.
    }
    if (heeds) this.#heed();
    this.#meetNews(id);
  }

  #attendToNews(): void {
    // After what was heard: the process that holds says beforehand what it is about to do, and then that it has done it.
    this.#heed();
    for (const id of [...this.#posts.keys()]) this.#meetNews(id);
  }

  /** Follows what has been ordered till now. */
  #heed(): void {
    for (let text = this.#channel.receive(); text; text = this.#channel.receive()) {
      const work = this.#follow(JSON.parse(text));
      if (work) this.#taking = this.#taking.then(() => work);
    }
  }

  #meetNews(id: number): void {
    const post = this.#posts.get(id);
    if (!post) return;
    for (const news of post.ear?.newsOf(id) ?? []) {
      if (news.what === "own") {
        noteOwn(post, news);
        continue;
      }
      // What was heard was a whole release, or may have been one.
      const isWhole = news.what === "released" || news.what === "unclear" || undefined;
      this.#disturbed(id, whatHappened(post, news), { port: news.port, isWhole });
    }
    if (post.held) this.#rounds.begin();
    if (post.ear?.takeMissed(id)) noteLoss(post);
    // Others are told of deadlines, which costs more than all the rest: once for all that was said
    if (post.holdsAnew && this.#posts.has(id)) this.#setDeadline(id, post, post.maxMs);
  }

  /** Others have done something to a queue. */
  #disturbed(id: number, what: Happening, { port = 0, isWhole }: { port?: number; isWhole?: true } = {}): void {
    const post = this.#posts.get(id);
    // What was done to it before it was made to hold is nothing to it
    if (!post?.isThere) return;
    if (["deleted", "replaced", "gone"].includes(what)) post.forfeited = true;
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
    this.#report({ report: "released", id, since: post.since, why: "disturbed", backlog, disturbance });
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
    const timer = asked?.timer;
    // What holds by now may be held anew, with another deadline, or by a process that sets none
    if (asked) this.#hear(id, asked);
    this.#sample(id);
    const post = this.#posts.get(id);
    if (!post?.duty.release || post.forfeited || !post.armed || post.isUnclear) return;
    if (why === "deadline" && post.timer !== timer) return;
    stop(post);
    const { since } = post;
    const now = seen(post.duty);
    const backlog = now === "gone" ? undefined : now?.backlog;
    try {
      post.duty.release();
      post.armed = false;
      post.isOver = post.isUnwatched;
      if (!post.isTold) this.#report({ report: "released", id, since, why, backlog });
    } catch (error) {
      this.#report({ report: "released", id, since, why, failure: reasonOf(error) });
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
