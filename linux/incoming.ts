import { libc } from "./libc.ts";
import { EAGAIN, ECONNRESET, ENETDOWN, ENOBUFS, NetlinkError } from "./netlink_error.ts";

const POLLIN = 0x001;
const POLLERR = 0x008;
const POLLNVAL = 0x020;
const FOR_EVER = -1;

const CLOEXEC = 0x80000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLLIN = 0x001;
const EPOLLET = 1 << 31;
/** `struct epoll_event { uint32_t events; uint64_t data; }`, which is packed on x86-64 alone. */
const EVENT_DATA_AT = Deno.build.arch === "x86_64" ? 4 : 8;
const EVENT_LEN = EVENT_DATA_AT + 8;
/** How many events are taken at once; those beyond come with the next. */
const EVENTS_MAX = 64;

/** `struct pollfd { int fd; short events; short revents; }` */
const POLLFD_LEN = 8;

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SO_MEMINFO = 55;
/** `SK_MEMINFO_DROPS`: where it stands in what `SO_MEMINFO` gives, and how much that is. */
const DROPS_AT = 8 * 4;
const MEMINFO_LEN = 9 * 4;

/** What a socket had to say, which it says once: it is gone from the socket when it has been read. */
const SAID_ONCE = [EAGAIN, ENOBUFS, ECONNRESET, ENETDOWN];

/** What comes in by one or several file descriptors: whether there is something, and how to wait for it. */
export class Incoming implements Disposable {
  readonly #fds: readonly number[];
  readonly #pollfds: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #count: bigint;
  readonly #call = libc().call;
  readonly #errno = libc().errno;
  #waiting?: Waiting;

  constructor(...fds: readonly number[]) {
    this.#fds = fds;
    this.#pollfds = new Uint8Array(new Int32Array(fds.flatMap((fd) => [fd, POLLIN])).buffer);
    this.#view = new DataView(this.#pollfds.buffer);
    this.#count = BigInt(fds.length);
  }

  /** Keeps the process waiting for up to `timeoutMs`; whether there is something now. A signal ends the wait. */
  wait(timeoutMs: number): boolean {
    return this.#call.poll(this.#pollfds, this.#count, timeoutMs) > 0;
  }

  /**
   * Resolves, as a rule, once there is something, or `timeoutMs` are over, or this is disposed of: look, and wait again
   * where there is not.
   */
  readable(timeoutMs?: number): Promise<void> {
    this.#waiting ??= this.#startWaiting(timeoutMs);
    return this.#waiting.promise;
  }

  /** Ends the waiting. To be disposed of before its descriptors are closed. */
  [Symbol.dispose](): void {
    this.#waiting?.end();
  }

  #startWaiting(timeoutMs?: number): Waiting {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watched = watcher();
    const end = () => {
      clearTimeout(timer);
      this.#waiting = undefined;
      watched.leave(this.#fds, end);
      resolve();
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(end, timeoutMs);
    watched.enter(this.#fds, end);
    return { promise, end };
  }

  /**
   * Why a call has failed that receives without waiting: EAGAIN where there was nothing to receive, which is asked of the
   * kernel wherever errno says what can hardly be. In User-Mode Linux a thread's errno is at times another thread's.
   */
  failure(): number {
    const failed = this.#errno();
    if (SAID_ONCE.includes(failed)) return failed;
    this.wait(0);
    const isBroken = Array.from(
      { length: Number(this.#count) },
      (_, at) => this.#view.getUint16(at * POLLFD_LEN + 6, true),
    )
      .some((events) => (events & (POLLERR | POLLNVAL)) !== 0);
    return isBroken ? failed : EAGAIN;
  }
}

/** Who waits, until when, and how to end that. */
interface Waiting {
  promise: Promise<void>;
  end(): void;
}

/**
 * Watches descriptors for all of this process that wait, by one thread: the runtime has 32 for everything, and one that
 * waits cannot be had back.
 */
class Watcher {
  readonly #call = libc().call;
  readonly #epoll: number;
  /** Rung where nobody waits any more: a thread that still does would keep the process from its end. */
  readonly #bell: number;
  readonly #ends = new Map<number, Set<() => void>>();
  /** Here for as long as the thread may write to it. */
  readonly #events = new Uint8Array(EVENTS_MAX * EVENT_LEN);
  readonly #view = new DataView(this.#events.buffer);
  #isWatching = false;
  #hasThread = false;

  constructor() {
    const { errno } = libc();
    this.#epoll = this.#call.epoll_create1(CLOEXEC);
    if (this.#epoll < 0) throw new NetlinkError("wait for what comes in", { errno: errno() });
    this.#bell = this.#call.eventfd(0, CLOEXEC);
    if (this.#bell < 0) {
      const failed = errno();
      this.#call.close(this.#epoll);
      throw new NetlinkError("wait for what comes in", { errno: failed });
    }
    this.#control(EPOLL_CTL_ADD, this.#bell, EPOLLIN | EPOLLET);
  }

  /** Has `end` called once there is something by one of these descriptors. */
  enter(fds: readonly number[], end: () => void): void {
    for (const fd of fds) {
      const ends = this.#ends.get(fd);
      if (ends) {
        ends.add(end);
        continue;
      }
      this.#ends.set(fd, new Set([end]));
      // By a descriptor that is closed there is nothing to wait for, which who looks then finds.
      if (!this.#control(EPOLL_CTL_ADD, fd, EPOLLIN)) queueMicrotask(end);
    }
    if (!this.#isWatching) this.#watch();
  }

  /** Does not have it called any more. */
  leave(fds: readonly number[], end: () => void): void {
    for (const fd of fds) {
      const ends = this.#ends.get(fd);
      if (!ends?.delete(end) || ends.size > 0) continue;
      this.#ends.delete(fd);
      // Its number may be another's soon.
      this.#control(EPOLL_CTL_DEL, fd, 0);
    }
    if (this.#hasThread && this.#ends.size === 0) this.#ring();
  }

  async #watch(): Promise<void> {
    this.#isWatching = true;
    while (this.#ends.size > 0) {
      this.#hasThread = true;
      const count = await this.#call.epollWaitAside(this.#epoll, this.#events, EVENTS_MAX, FOR_EVER);
      this.#hasThread = false;
      for (let at = 0; at < count; at++) for (const end of this.#ends.get(this.#fdAt(at)) ?? []) end();
    }
    this.#isWatching = false;
  }

  #fdAt(event: number): number {
    return this.#view.getInt32(event * EVENT_LEN + EVENT_DATA_AT, true);
  }

  #control(action: number, fd: number, events: number): boolean {
    const event = new Uint8Array(EVENT_LEN);
    const view = new DataView(event.buffer);
    view.setInt32(0, events, true);
    view.setInt32(EVENT_DATA_AT, fd, true);
    return this.#call.epoll_ctl(this.#epoll, action, fd, event) === 0;
  }

  #ring(): void {
    const one = new Uint8Array(new BigUint64Array([1n]).buffer);
    this.#call.write(this.#bell, one, BigInt(one.length));
  }
}

let ofProcess: Watcher | undefined;

/** The one of this process, made at the first use. */
function watcher(): Watcher {
  return ofProcess ??= new Watcher();
}

/** Has a socket keep up to so many bytes until they are received, or as many as the kernel allows: what does not fit is lost. */
export function makeRoom(fd: number, bytes: number): void {
  const size = new Uint8Array(new Int32Array([bytes]).buffer);
  const { call } = libc();
  if (call.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length) >= 0) return;
  call.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size, size.length);
}

/** How many messages the kernel had no room for in a socket since it was opened; 0 before Linux 4.12, which does not say it. */
export function lostMessages(fd: number): number {
  const info = new Uint8Array(MEMINFO_LEN);
  const length = new Uint8Array(new Uint32Array([info.length]).buffer);
  if (libc().call.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, length) < 0) return 0;
  return new DataView(info.buffer).getUint32(DROPS_AT, true);
}

/** How long a line may be, in characters: of a longer one the beginning is given, with so much more than is allowed. */
export const LINE_MAX = 1 << 20;

/** Yields each line of a stream of UTF-8 text once it is whole, without its end; the last also where it has none. */
export async function* readLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = text.split("\n");
    parts[0] = rest + parts[0];
    // What is too long is not kept: it is refused by its length.
    rest = (parts.pop() ?? "").slice(0, LINE_MAX + 1);
    yield* parts;
  }
  if (rest !== "") yield rest;
}
