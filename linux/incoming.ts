import { EAGAIN, ECONNRESET, ENETDOWN, ENOBUFS } from "./netlink_error.ts";
import { libc } from "./libc.ts";

const POLLIN = 0x001;
const POLLERR = 0x008;
const POLLNVAL = 0x020;
const FOR_EVER = -1;

/** `struct pollfd { int fd; short events; short revents; }` */
const POLLFD_LEN = 8;

const SOL_SOCKET = 1;
const SO_MEMINFO = 55;
/** `SK_MEMINFO_DROPS`: where it stands in what `SO_MEMINFO` gives, and how much that is. */
const DROPS_AT = 8 * 4;
const MEMINFO_LEN = 9 * 4;

/** What a socket had to say, which it says once: it is gone from the socket when it has been read. */
const SAID_ONCE = [EAGAIN, ENOBUFS, ECONNRESET, ENETDOWN];

/** What comes in by one or several file descriptors: whether there is something, and how to wait for it. */
export class Incoming {
  /** Here for as long as a thread may wait with it. */
  readonly #pollfds: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #count: bigint;
  readonly #call = libc().call;
  readonly #errno = libc().errno;
  #waiting?: Promise<unknown>;

  constructor(...fds: readonly number[]) {
    this.#pollfds = new Uint8Array(new Int32Array(fds.flatMap((fd) => [fd, POLLIN])).buffer);
    this.#view = new DataView(this.#pollfds.buffer);
    this.#count = BigInt(fds.length);
  }

  /** Keeps the process waiting for up to `timeoutMs`; whether there is something now. A signal ends the wait. */
  wait(timeoutMs: number): boolean {
    return this.#call.poll(this.#pollfds, this.#count, timeoutMs) > 0;
  }

  /** Resolves, as a rule, once there is something, or `timeoutMs` are over: look, and wait again where there is not. */
  readable(timeoutMs = FOR_EVER): Promise<unknown> {
    return this.#waiting ??= this.#call.pollAside(this.#pollfds, this.#count, timeoutMs)
      .finally(() => this.#waiting = undefined);
  }

  /** Until when a thread waits, where one does. */
  get waiting(): Promise<unknown> | undefined {
    return this.#waiting;
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
