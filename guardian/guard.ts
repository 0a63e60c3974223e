import { Channel } from "../linux/unix_socket.ts";
import { leaveSession } from "../linux/process.ts";
import { namespaceIdentity } from "../linux/namespace.ts";
import { Connection } from "../netlink/connection.ts";
import { Listener } from "../netlink/listener.ts";
import { type AnyCharge, type Backlog, type Duty, type DutyOf, type Order, putRight, type Report } from "./charge.ts";
import { showMark } from "./mark.ts";
import { Ear } from "./ear.ts";
import { type Happening, processOf, WATCHED_GROUPS } from "./watch.ts";

/** Something in a guardian's charge. */
interface Post {
  duty: Duty;
  /** By what others know of it. */
  mark?: Disposable;
  /** The timer of its deadline, while there is one. */
  timer?: ReturnType<typeof setTimeout>;
  /** Whether it has held since it was given into charge. */
  armed?: boolean;
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

/** By what a guardian speaks to the process that has started it. */
export type GuardChannel = Pick<Channel, "receive" | "readable" | "send" | typeof Symbol.dispose>;

/** How a guardian reaches network namespaces; `undefined` is its own. */
export interface Reach {
  /** What tells a namespace from every other. */
  identify(netns?: string): string;
  connect(netns?: string): Connection;
  /** Hears what is said there from now on. */
  listen(netns?: string): Listener;
  /** Lets others know that it stands guard. */
  showMark: typeof showMark;
}

const REACH: Reach = {
  identify: namespaceIdentity,
  connect: (netns) => Connection.open({ netns }),
  listen: (netns) => Listener.open({ groups: WATCHED_GROUPS, netns }),
  showMark,
};

/** How often a queue that holds is looked at, in milliseconds: what vanishes with it was last seen then. */
const SAMPLE_MS = 50;
/** After what time without a look, in milliseconds, this process must have been stopped. */
const STOPPED_MS = 500;
/** Of a counter that goes on from 0 behind 2^32 - 1: what is farther ahead than this has gone back. */
const COUNTER_HALF = 2 ** 31;

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
  /** One for each network namespace, kept open. */
  readonly #connections = new Map<string, Connection>();
  /** One for each network namespace in which something is watched. */
  readonly #ears = new Map<string, Ear>();

  /** Takes the connection to the process that has started it, and what is to be done for each kind of charge. */
  constructor(channel: GuardChannel, dutyOf: DutyOf<C>, reach: Reach = REACH) {
    this.#channel = channel;
    this.#dutyOf = dutyOf;
    this.#reach = reach;
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
    const own = bereft.filter(([, { forfeited }]) => !forfeited);
    for (const [id] of bereft) this.#drop(id);
    const failures = await putRight(own.map(([, { duty }]) => duty));
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

  readonly #connectTo = (netns?: string): Connection => {
    const identity = this.#reach.identify(netns);
    const connection = this.#connections.get(identity) ?? this.#reach.connect(netns);
    this.#connections.set(identity, connection);
    return connection;
  };

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
    try {
      const { netns } = charge;
      const duty = await this.#dutyOf(charge as C, this.#connectTo);
      const mark = duty.mark === undefined ? undefined : this.#reach.showMark("held", { mark: duty.mark, netns, id });
      const { watched } = duty;
      const ear = watched && this.#earTo(netns);
      this.#posts.set(id, { duty, mark, ear });
      if (watched) ear?.attend(id, watched, (ifindex) => duty.linkOf?.(ifindex) === "down");
      this.#report({ report: "taken", id });
    } catch (error) {
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
    if (post) stop(post);
  }

  #outlive({ id, netns }: Extract<Order, { order: "outlive" }>): void {
    const post = this.#posts.get(id);
    if (!post) return this.#report({ report: "refused", id, reason: "it is not in its charge" });
    const { mark } = post.duty;
    post.outlives = true;
    post.mark?.[Symbol.dispose]();
    post.mark = mark === undefined ? undefined : this.#reach.showMark("kept", { mark, netns, id });
    this.#report({ report: "taken", id });
  }

  /** From now on whatever is done to it is done by others. */
  #watch({ id, due = false }: Extract<Order, { order: "watch" }>): void {
    const post = this.#posts.get(id);
    if (!post) return;
    clearInterval(post.sampler);
    post.forfeited = false;
    // What was said till now was of that process's own doing, but for links.
    post.ear?.forget(id);
    const now = seen(post.duty);
    post.held = now === "gone" ? undefined : now;
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
    if (left > COUNTER_HALF) return this.#disturbed(id, "replaced");
    const { due = 0 } = post;
    post.due = Math.max(due - left, 0);
    if (left > due && isReleased(post, { before, now })) {
      return this.#disturbed(id, "released", post.ear?.changedBy(id));
    }
    post.held = now;
  }

  /** An ear to the namespace at a path: one for all queues there. */
  #earTo(netns: string | undefined): Ear {
    const identity = this.#reach.identify(netns);
    const ear = this.#ears.get(identity) ?? new Ear(this.#reach.listen(netns), () => this.#attendToNews());
    this.#ears.set(identity, ear);
    return ear;
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
    if (post.armed && ["deleted", "replaced", "gone"].includes(what)) post.forfeited = true;
    if (post.outlives && (post.forfeited || what === "released")) return this.#drop(id);
    if (!post.held) return;
    const { backlog } = post.held;
    stop(post);
    const disturbance = { what, by: processOf(port) };
    this.#report({ report: "released", id, why: "disturbed", backlog, disturbance });
  }

  #drop(id: number): void {
    const post = this.#posts.get(id);
    this.#posts.delete(id);
    if (!post) return;
    stop(post);
    post.mark?.[Symbol.dispose]();
    post.ear?.leave(id);
    if ([...this.#posts.values()].some(({ ear }) => ear === post.ear)) return;
    for (const [identity, ear] of this.#ears) if (ear === post.ear) this.#ears.delete(identity);
    post.ear?.[Symbol.dispose]();
  }

  #release(id: number, why: "deadline" | "SIGTERM"): void {
    const asked = this.#posts.get(id);
    // What holds by now may be held anew, by a process that sets no deadline.
    if (asked) this.#hear(id, asked);
    this.#sample(id);
    const post = this.#posts.get(id);
    if (!post?.duty.release || post.forfeited) return;
    stop(post);
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
