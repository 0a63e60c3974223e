import { Channel } from "../linux/channel.ts";
import { leaveSession } from "../linux/session.ts";
import { namespaceIdentity } from "../linux/namespace.ts";
import { Connection } from "../netlink/connection.ts";
import type { AnyCharge, Backlog, Duty, DutyOf } from "./charge.ts";
import type { Order, Report } from "./protocol.ts";
import { showMark } from "./mark.ts";
import { Ear } from "./ear.ts";
import { type Happening, processOf } from "./watch.ts";

/** How often a release is tried that the kernel refuses. */
const ATTEMPTS = 3;
const PAUSE_MS = 50;

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
  /** One for each network namespace, kept open. */
  readonly #connections = new Map<string, Connection>();
  /** One for each network namespace in which something is watched. */
  readonly #ears = new Map<string, Ear>();

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
    for (const [, post] of bereft) this.#hear(post);
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
    const identity = namespaceIdentity(netns);
    const connection = this.#connections.get(identity) ?? Connection.open({ netns });
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
        this.#watch(order.id);
        return this.#report({ report: "watching", id: order.id });
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
    try {
      const { netns } = charge;
      const duty = await this.#dutyOf(charge as C, this.#connectTo);
      const mark = duty.mark === undefined ? undefined : showMark("held", { mark: duty.mark, netns, id });
      const ear = duty.watched && this.#earTo(netns);
      this.#posts.set(id, { duty, mark, ear });
      if (duty.watched) ear?.attend(id, duty.watched);
      this.#report({ report: "taken", id });
    } catch (error) {
      this.#report({ report: "refused", id, reason: reasonOf(error) });
    }
  }

  #arm({ id, maxMs }: Extract<Order, { order: "arm" }>): void {
    const post = this.#posts.get(id);
    if (!post) return;
    post.armed = true;
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
    post.mark = mark === undefined ? undefined : showMark("kept", { mark, netns, id });
    this.#report({ report: "taken", id });
  }

  /** From now on whatever is done to it is done by others. */
  #watch(id: number): void {
    const post = this.#posts.get(id);
    if (!post) return;
    stopWatching(post);
    post.forfeited = false;
    // What was said till now was of this process's own doing.
    this.#hear(post, { isOwnDoing: true });
    post.held = seen(post.duty);
    post.sampler = setInterval(() => this.#sample(id), SAMPLE_MS);
  }

  #unwatch(id: number): void {
    const post = this.#posts.get(id);
    if (post) stopWatching(post);
  }

  /** Looks at a queue that holds: more may wait than before, but as many have left. */
  #sample(id: number): void {
    const post = this.#posts.get(id);
    const now = post?.held && seen(post.duty);
    if (!post?.held || !now) return;
    if (now.sent < post.held.sent) return this.#disturbed(id, "replaced");
    if (now.sent > post.held.sent && isReleased(post, { before: post.held, now })) {
      return this.#disturbed(id, "released");
    }
    post.held = now;
  }

  /** An ear to the namespace at a path: one for all queues there. */
  #earTo(netns: string | undefined): Ear {
    const identity = namespaceIdentity(netns);
    const ear = this.#ears.get(identity) ?? new Ear({ netns, onNews: (id) => this.#meetNews(id) });
    this.#ears.set(identity, ear);
    return ear;
  }

  /** Hears what was said before this call began. */
  #hear(post: Post, { isOwnDoing = false } = {}): void {
    try {
      if (isOwnDoing) post.ear?.forget();
      else post.ear?.hear();
    } catch {
      // That others cannot be heard must not keep it from being released.
    }
  }

  #meetNews(id: number): void {
    const post = this.#posts.get(id);
    const news = post?.ear?.newsOf(id);
    if (!post || !news) return;
    if (news.what !== "changed") this.#disturbed(id, news.what, news.port);
    // A change by somebody else may be a release: whether more have left, the next look tells.
    else post.ear?.noteChange(id, news.port);
  }

  /** Others have done something to a queue, unless this was the doing of the process that holds it. */
  #disturbed(id: number, what: Happening, port = this.#posts.get(id)?.ear?.changedBy(id) ?? 0): void {
    // It says beforehand what it is about to do.
    for (let text = this.#channel.receive(); text; text = this.#channel.receive()) this.#follow(JSON.parse(text));
    const post = this.#posts.get(id);
    if (!post) return;
    if (post.armed && ["deleted", "replaced", "gone"].includes(what)) post.forfeited = true;
    if (post.outlives && (post.forfeited || what === "released")) return this.#drop(id);
    if (!post.held) return;
    const { backlog } = post.held;
    stop(post);
    this.#report({
      report: "released",
      id,
      why: "disturbed",
      backlog,
      disturbance: { what, by: processOf(port) },
    });
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
    if (asked) this.#hear(asked);
    this.#sample(id);
    const post = this.#posts.get(id);
    if (!post?.duty.release || post.forfeited) return;
    stop(post);
    const backlog = seen(post.duty)?.backlog;
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
function seen({ look }: Duty): Sample | undefined {
  try {
    const now = look?.();
    return now && { at: performance.now(), sent: now.sent, backlog: { packets: now.packets, bytes: now.bytes } };
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

/**
 * Does all duties: first lets go whatever is held, then ends processes and takes away, at once, and removes last. What
 * fails keeps nothing else from being done. Returns why something could not be done.
 */
async function putRight(duties: readonly Duty[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  await Promise.all(duties.map((duty) => attempt(failures, () => releaseSurely(duty))));
  await Promise.all(duties.map((duty) => attempt(failures, () => duty.putRight?.())));
  for (const duty of duties) await attempt(failures, () => duty.remove?.());
  return failures;
}

/** Releases, and tries again where that fails: packets that nobody releases would be held for ever. */
async function releaseSurely(duty: Duty): Promise<void> {
  for (let left = ATTEMPTS; left > 1; left--) {
    try {
      return duty.release?.();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
  duty.release?.();
}

async function attempt(failures: unknown[], work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    failures.push(error);
  }
}
