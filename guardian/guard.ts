import { Channel } from "../linux/channel.ts";
import { leaveSession } from "../linux/session.ts";
import { namespaceIdentity } from "../linux/namespace.ts";
import { Connection } from "../netlink/connection.ts";
import type { AnyCharge, Backlog, Duty, DutyOf } from "./charge.ts";
import type { Order, Report } from "./protocol.ts";
import { showMark } from "./mark.ts";
import { ReleaseListener } from "./release_listener.ts";

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
  /** Where the deadline is waited for when the process that set it has ended: what tells that it is needless. */
  listener?: ReleaseListener;
}

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
    const bereft = [...this.#posts].filter(([, { listener }]) => !listener);
    for (const [id] of bereft) this.#drop(id);
    const failures = await putRight(bereft.map(([, { duty }]) => duty));
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
        return clearTimeout(this.#posts.get(order.id)?.timer);
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
      this.#posts.set(id, { duty, mark });
      this.#report({ report: "taken", id });
    } catch (error) {
      this.#report({ report: "refused", id, reason: reasonOf(error) });
    }
  }

  #arm({ id, maxMs }: Extract<Order, { order: "arm" }>): void {
    const post = this.#posts.get(id);
    if (!post) return;
    clearTimeout(post.timer);
    if (maxMs !== undefined) post.timer = setTimeout(() => this.#release(id, "deadline"), maxMs);
  }

  #outlive({ id, place }: Extract<Order, { order: "outlive" }>): void {
    const post = this.#posts.get(id);
    if (!post) return this.#report({ report: "refused", id, reason: "it is not in its charge" });
    try {
      post.listener = new ReleaseListener(place);
      const { mark } = post.duty;
      post.mark?.[Symbol.dispose]();
      post.mark = mark === undefined ? undefined : showMark("kept", { mark, netns: place.netns, id });
      this.#report({ report: "taken", id });
    } catch (error) {
      return this.#report({ report: "refused", id, reason: reasonOf(error) });
    }
    this.#dropWhenReleased(id, post.listener);
  }

  /** Drops a queue once another process has released it. */
  async #dropWhenReleased(id: number, listener: ReleaseListener): Promise<void> {
    for (let post = this.#posts.get(id); post?.listener === listener; post = this.#posts.get(id)) {
      if (isReleased(post)) return this.#drop(id);
      await listener.readable();
    }
  }

  #drop(id: number): void {
    const post = this.#posts.get(id);
    this.#posts.delete(id);
    clearTimeout(post?.timer);
    post?.listener?.[Symbol.dispose]();
    post?.mark?.[Symbol.dispose]();
  }

  #release(id: number, why: "deadline" | "SIGTERM"): void {
    const post = this.#posts.get(id);
    if (!post?.duty.release) return;
    // What holds by now may be held anew, by a process that sets no deadline.
    if (isReleased(post)) return this.#drop(id);
    clearTimeout(post.timer);
    const backlog = backlogNow(post.duty);
    try {
      post.duty.release();
      this.#report({ report: "released", id, why, backlog });
    } catch (error) {
      this.#report({ report: "released", id, why, failure: reasonOf(error) });
    }
    if (post.listener) this.#drop(id);
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

/** Whether another process has released it; that it cannot be heard must not keep it from being released. */
function isReleased({ listener }: Post): boolean {
  try {
    return listener?.heard() ?? false;
  } catch {
    return false;
  }
}

/** What is held; a look that fails must not keep it from being released. */
function backlogNow({ look }: Duty): Backlog | undefined {
  try {
    return look?.();
  } catch {
    return undefined;
  }
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
