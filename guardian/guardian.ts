import { Channel } from "../linux/unix_socket.ts";
import { EBADF, ECONNRESET, EPIPE, NetlinkError } from "../linux/netlink_error.ts";
import { Spawned } from "../linux/spawned.ts";
import { sleep } from "../linux/process.ts";
import { type AnyCharge, type Order, type Released, type Report, TAG_VARIABLE } from "./charge.ts";

const PROGRAM = new URL("../gate/guardian_process.ts", import.meta.url).href;
/** The main module of plugctl where it is bundled, as in its binary: this module is then beside it. */
const PLUGCTL = new URL("plugctl.js", import.meta.url).href;

/** The first word by which plugctl becomes a guardian where it is bundled. */
const GUARDIAN_WORD = "guardian:";

const DENO = ["run", "--quiet", "--no-check", "--no-config", "--no-lock", "--no-prompt", "-A"];

/** How a guardian is started. */
export interface GuardianOptions {
  /**
   * The words that start one; it is told one more, the number of a file descriptor. Default: Deno with the guardian's
   * own program, or, in plugctl as a single binary, that binary.
   */
  command?: readonly string[];
  /** Variables that it has in its environment besides those of this process. */
  env?: Record<string, string>;
}

/** How long a guardian may take to answer, in milliseconds; the first answer includes its start. */
const PATIENCE_MS = 30_000;
/** How long one may take to drop something, or to go, in milliseconds. */
const GOING_MS = 1000;
/** How long one may take to look, in milliseconds, while what is held waits for its release. */
const LOOK_MS = 50;

/**
 * A process that puts right what this process leaves when it dies, however it dies: it releases what is held, takes
 * away what was made, ends processes and removes network namespaces. It also releases at a deadline, while this
 * process lives.
 *
 * It learns of the death from the end of their connection, at once, without looking for it; it is in a session of its
 * own, so that no signal of a terminal reaches it; and it opens its sockets when it takes charge, in the namespace of the
 * queue, which may lose its name afterwards. When this process disposes of it, it does nothing, and ends.
 *
 * It takes some 40 ms to start and 10 MiB of memory of its own; nothing is written to a file, and nothing is locked.
 */
export class Guardian implements Disposable {
  readonly #channel: Channel;
  readonly #child: Spawned;
  /** What it has charge of, by number. */
  readonly #taken = new Map<number, Taken>();
  /** Who waits for a release: they may be hundreds, of whom each is told of its own, and one listens for all. */
  readonly #waiting = new Set<Waiting>();
  #isListening = false;
  #last = 0;

  private constructor(channel: Channel, child: Spawned) {
    this.#channel = channel;
    this.#child = child;
  }

  /**
   * Starts one, and does not wait for it: the first `take` does.
   *
   * @throws {TypeError} in a program of one's own made by `deno compile`, which must say the `command`
   */
  static start({ command = guardianCommand(), env }: GuardianOptions = {}): Guardian {
    const [program, ...words] = command;
    const { channel, child } = Channel.withChild((fd) =>
      // Without output: whoever waits for the end of this process's must not wait for its guardian too.
      new Spawned(program, {
        args: [...words, String(fd)],
        // Who ends this process by its tag leaves the guardian, which then puts right what this process has left.
        env: { DENO_NO_UPDATE_CHECK: "1", [TAG_VARIABLE]: "", ...env },
      })
    );
    return new Guardian(channel, child);
  }

  /** The number of its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Waits until it is there, so that no `take` needs to. */
  greet(): void {
    const id = ++this.#last;
    this.#order({ order: "greet", id });
    this.#awaitAnswer(id, "start a guardian");
  }

  /**
   * Gives something into its charge, and returns when it has it, with a number for the other methods: nothing may be
   * held before. Keeps this process waiting, the first time for as long as the guardian takes to start.
   *
   * @throws {Error} where it refuses, or is not there
   */
  take<C extends AnyCharge>(charge: C): number {
    const id = ++this.#last;
    this.#order({ order: "take", id, charge });
    this.#awaitAnswer(id, `give ${nameCharge(charge)} into a guardian's charge`);
    this.#taken.set(id, {});
    return id;
  }

  /**
   * Has it release a queue that holds from now on in `maxMs` milliseconds; again: from then on. Where it was told so before
   * it hears of that from the kernel, and is told nothing. Without `maxMs` it only makes sure that the guardian is there.
   *
   * @throws {Error} where it is not
   */
  arm(id: number, maxMs?: number): void {
    const taken = this.#taken.get(id);
    if (taken?.armed && taken.armed.maxMs === maxMs) this.#checkThere();
    else this.#order({ order: "arm", id, maxMs });
    if (!taken) return;
    taken.armed = { maxMs };
    taken.released = undefined;
  }

  /** A queue that passed was made to hold by the request of this number: what it says of an earlier hold is not of this one. */
  holdsSince(id: number, sequence: number): void {
    const taken = this.#taken.get(id);
    if (taken) taken.since = sequence;
  }

  /** Has it release a queue that holds in `maxMs` milliseconds from now on, where it was to release it at some time. */
  renew(id: number, maxMs: number): void {
    this.#orderIfThere({ order: "renew", id, maxMs });
    this.#awaitFollowed(id);
  }

  /** Has it tell what others do from now on to a queue that holds: see `Released`. */
  watch(id: number): void {
    this.#orderIfThere({ order: "watch", id });
    this.#awaitWatching(id);
  }

  /** Has it know a queue that is there, and passes packets, from another that may take its place. */
  know(id: number): void {
    this.#orderIfThere({ order: "know", id });
    this.#awaitWatching(id);
  }

  /** Has it look whether others have done something till now, of which `released` then tells; not for long where it does not answer. */
  look(id: number): void {
    this.#orderIfThere({ order: "look", id });
    this.#listenUntil((report) => report.report === "looked" && report.id === id, LOOK_MS);
  }

  /** Has it take what happens to a queue for this process's own doing, until it is to watch it, or it is armed. */
  unwatch(id: number): void {
    this.#isToBeTold(id);
    this.#orderIfThere({ order: "unwatch", id });
    this.#awaitFollowed(id);
  }

  /** Calls off the deadline: the queue holds no more, though this process has not released it. */
  disarm(id: number): void {
    this.#isToBeTold(id);
    this.#orderIfThere({ order: "disarm", id });
    this.#awaitWatching(id);
  }

  /** Takes something out of its charge: it is put right already. */
  drop(id: number): void {
    this.#orderIfThere({ order: "drop", id });
    // Whoever comes next is not to be told that somebody has it in hand.
    this.#listenUntil((report) => report.report === "dropped" && report.id === id);
    this.#taken.delete(id);
    this.#tell(id);
  }

  /**
   * Has it wait for the deadline of the queue, in the namespace that is at a path, also when this process has ended, and then release it, and no
   * more; if another process releases it before, it ends.
   */
  outlive(id: number, netns?: string): void {
    this.#order({ order: "outlive", id, netns });
    this.#awaitAnswer(id, "let a guardian outlive this process");
  }

  /**
   * Whether it has released a queue by itself, since `arm` at the last. Keeps this process waiting for up to `patienceMs`
   * for it to say so.
   */
  released(id: number, patienceMs = 0): Released | undefined {
    const hear = () => this.#channel.receive(this.#taken.get(id)?.released ? 0 : patienceMs);
    for (let text = hear(); text; text = hear()) this.#hear(text);
    return this.#taken.get(id)?.released;
  }

  /** Waits until it releases a queue by itself; `undefined` where it ends before, or the queue is taken out of its charge. */
  async whenReleased(id: number): Promise<Released | undefined> {
    const taken = this.#taken.get(id);
    if (taken && !taken.released) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#waiting.add({ id, resolve, reject });
      this.#listen();
      await promise;
    }
    return this.#taken.get(id)?.released;
  }

  /** Ends the connection: it does what it would do if this process were dead, and goes on where it is to outlive it. */
  disconnect(): void {
    this.#channel[Symbol.dispose]();
    this.#child.reapLater();
  }

  /** Tells it that it is not needed, whereupon it ends and does nothing. */
  [Symbol.dispose](): void {
    const deadline = performance.now() + GOING_MS;
    this.#orderIfThere({ order: "leave" });
    this.#listenUntil(() => false);
    this.#channel[Symbol.dispose]();
    // It closes its end of the connection a moment before it has ended.
    while (!this.#child.reap() && performance.now() < deadline) sleep(1);
  }

  /** What others do from then on is seen, also by one that is about to be stopped. */
  #awaitWatching(id: number): void {
    this.#listenUntil((report) => report.report === "watching" && report.id === id);
  }

  /** What is done behind that is not to be heard before it; one that is stopped is not waited for. */
  #awaitFollowed(id: number): void {
    this.#listenUntil((report) => report.report === "watching" && report.id === id, LOOK_MS);
  }

  /** It is told anew when the queue is about to hold. */
  #isToBeTold(id: number): void {
    const taken = this.#taken.get(id);
    if (taken) taken.armed = undefined;
  }

  /** Hears what it has said till now. */
  #checkThere(): void {
    let text = this.#channel.receive(0);
    for (; text; text = this.#channel.receive(0)) this.#hear(text);
    if (text === "") throw new Error(ENDED);
  }

  #order(order: Order): void {
    try {
      this.#channel.send(JSON.stringify(order));
    } catch (error) {
      if (!hasEnded(error)) throw error;
      throw new Error(ENDED, { cause: error });
    }
  }

  /** Says what need not be said to one that has ended. */
  #orderIfThere(order: Order): void {
    try {
      this.#channel.send(JSON.stringify(order));
    } catch (error) {
      if (!hasEnded(error)) throw error;
    }
  }

  /** Keeps this process waiting for a word, or for its end; but not for one that is stopped. */
  #listenUntil(isMeant: (report: Report) => boolean, patienceMs = GOING_MS): void {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const text = this.#channel.receive(Math.max(deadline - performance.now(), 0));
      if (!text || isMeant(this.#hear(text))) return;
    }
  }

  #awaitAnswer(id: number, operation: string): void {
    for (;;) {
      const text = this.#channel.receive(PATIENCE_MS);
      if (text === undefined) throw new Error(`Cannot ${operation}: it has not answered within ${PATIENCE_MS} ms`);
      if (text === "") throw new Error(`Cannot ${operation}: the guardian has ended`);
      const report = this.#hear(text);
      if (report.report !== "taken" && report.report !== "refused" || report.id !== id) continue;
      if (report.report === "refused") throw new Error(`Cannot ${operation}: ${report.reason}`);
      return;
    }
  }

  #hear(text: string): Report {
    const report: Report = JSON.parse(text);
    const taken = report.report === "released" ? this.#taken.get(report.id) : undefined;
    if (report.report !== "released" || !taken || isOfBefore(report, taken)) return report;
    taken.released = report;
    this.#tell(report.id);
    return report;
  }

  /** Lets those go on who wait for the release of a queue; without `id` all. */
  #tell(id?: number): void {
    for (const waiting of this.#waiting) {
      if (id !== undefined && waiting.id !== id) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  /** Hears what is said for as long as anybody waits for a release, but for what others here hear before. */
  async #listen(): Promise<void> {
    if (this.#isListening) return;
    this.#isListening = true;
    try {
      while (this.#waiting.size > 0) {
        const text = this.#channel.receive();
        if (text) this.#hear(text);
        else if (text === "") this.#tell();
        else await this.#channel.readable();
      }
    } catch (error) {
      for (const { reject } of this.#waiting) reject(error);
      this.#waiting.clear();
    } finally {
      this.#isListening = false;
    }
  }
}

/** What it has charge of. */
interface Taken {
  /** What it said of a release since the last `arm`. */
  released?: Released;
  /** The number of the request that has made it hold. */
  since?: number;
  /** What it was told when that was armed; absent where it is to be told again. */
  armed?: { maxMs?: number };
}

const ENDED = "Cannot hold without a guardian: it has ended";

/** Whether a report is of an earlier hold. Requests are numbered by 32 bits, and go on from 0. */
function isOfBefore(report: Released, { since }: Taken): boolean {
  if (since === undefined || report.since === "unknown") return false;
  return report.since === undefined || (report.since - since | 0) < 0;
}

/** One who waits for the release of a queue. */
interface Waiting {
  readonly id: number;
  resolve(): void;
  reject(reason: unknown): void;
}

function hasEnded(error: unknown): boolean {
  return error instanceof NetlinkError && [EBADF, ECONNRESET, EPIPE].includes(error.errno);
}

function nameCharge({ kind, name }: AnyCharge): string {
  return name === undefined ? kind : `the ${kind} ${name}`;
}

/**
 * The words that start a guardian: Deno and a small program, or where plugctl is bundled plugctl itself.
 *
 * It is given all permissions. Deno asks for all of them to look into `/proc`, where the processes to be ended are
 * found; and FFI, by which it speaks to the kernel, is as much.
 *
 * @throws {TypeError} in another program made by `deno compile`, which would start itself anew
 */
function guardianCommand(): string[] {
  const bundled = Deno.mainModule === PLUGCTL;
  if (!Deno.build.standalone) {
    const program = bundled ? ["--unstable-lazy-dynamic-imports", PLUGCTL, GUARDIAN_WORD] : [PROGRAM];
    return [Deno.execPath(), ...DENO, ...program];
  }
  if (bundled) return [Deno.execPath(), GUARDIAN_WORD];
  throw new TypeError(
    "Cannot start a guardian from a program made by deno compile: say by `command` what starts one, for instance " +
      `["/usr/bin/plugctl", "${GUARDIAN_WORD}"]`,
  );
}
