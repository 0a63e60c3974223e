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
/** How many queues it is told to watch before it is heard whether it does. */
const PENDING_MAX = 64;
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
  /** What it has charge of, by number, with what it said of a release, where it did. */
  readonly #taken = new Map<number, Released | undefined>();
  /** Who waits for a release: they may be hundreds, of whom each is told of its own, and one listens for all. */
  readonly #waiting = new Set<Waiting>();
  #isListening = false;
  /** What is to be watched, of which it was not heard yet that it is; absent where each is waited for. */
  #pending?: number[];
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
    this.#taken.set(id, undefined);
    return id;
  }

  /**
   * Has it release a queue that holds from now on in `maxMs` milliseconds; again: from then on. Without `maxMs` it only
   * makes sure that the guardian is there.
   *
   * @throws {Error} where it is not
   */
  arm(id: number, maxMs?: number): void {
    this.#note(id, undefined);
    this.#order({ order: "arm", id, maxMs });
  }

  /** Has it release a queue that holds in `maxMs` milliseconds from now on, where it was to release it at some time. */
  renew(id: number, maxMs: number): void {
    this.#orderIfThere({ order: "renew", id, maxMs });
  }

  /** Has it tell what others do to a queue that holds: see `Released`. With `due` an epoch of it may still be leaving. */
  watch(id: number, { due = false }: { due?: boolean } = {}): void {
    this.#orderIfThere({ order: "watch", id, due });
    if (!this.#pending) return this.#awaitWatching([id]);
    this.#pending.push(id);
    // Neither is to wait until the other has read what it was told
    if (this.#pending.length === PENDING_MAX) this.#awaitWatching(this.#pending.splice(0));
  }

  /** Does something in which it has it watch several queues, and returns once it watches all of them. */
  together<T>(work: () => T): T {
    if (this.#pending) return work();
    const pending = this.#pending = [];
    try {
      return work();
    } finally {
      this.#pending = undefined;
      this.#awaitWatching(pending);
    }
  }

  /** Has it know a queue that is there, and passes packets, from another that may take its place. */
  know(id: number): void {
    this.#orderIfThere({ order: "know", id });
    this.#listenUntil((report) => report.report === "watching" && report.id === id);
  }

  /** Has it look whether others have done something till now, of which `released` then tells; not for long where it does not answer. */
  look(id: number): void {
    this.#orderIfThere({ order: "look", id });
    this.#listenUntil((report) => report.report === "looked" && report.id === id, LOOK_MS);
  }

  /** Has it take what happens to a queue for this process's own doing. */
  unwatch(id: number): void {
    this.#orderIfThere({ order: "unwatch", id });
  }

  /** Calls off the deadline: the queue holds no more. */
  disarm(id: number): void {
    this.#orderIfThere({ order: "disarm", id });
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
    const hear = () => this.#channel.receive(this.#taken.get(id) ? 0 : patienceMs);
    for (let text = hear(); text; text = hear()) this.#hear(text);
    return this.#taken.get(id);
  }

  /** Waits until it releases a queue by itself; `undefined` where it ends before, or the queue is taken out of its charge. */
  async whenReleased(id: number): Promise<Released | undefined> {
    if (this.#taken.has(id) && !this.#taken.get(id)) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#waiting.add({ id, resolve, reject });
      this.#listen();
      await promise;
    }
    return this.#taken.get(id);
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

  /** What others do from now on is seen, also by one that is about to be stopped. It answers in the order in which it was told. */
  #awaitWatching(ids: readonly number[]): void {
    const isLast = (report: Report) => report.report === "watching" && report.id === ids.at(-1);
    if (ids.length > 0) this.#listenUntil(isLast, GOING_MS * ids.length);
  }

  #order(order: Order): void {
    try {
      this.#channel.send(JSON.stringify(order));
    } catch (error) {
      if (!hasEnded(error)) throw error;
      throw new Error("Cannot hold without a guardian: it has ended", { cause: error });
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
    if (report.report !== "released") return report;
    this.#note(report.id, report);
    this.#tell(report.id);
    return report;
  }

  #note(id: number, released: Released | undefined): void {
    if (this.#taken.has(id)) this.#taken.set(id, released);
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
