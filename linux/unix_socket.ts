import { Incoming } from "./incoming.ts";
import { libc } from "./libc.ts";
import { EAGAIN, ECONNRESET, EINTR, NetlinkError } from "./netlink_error.ts";

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0x80000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** How long a text may be: what a socket's buffer surely takes in one piece. */
const TEXT_MAX = 65536;

/**
 * An end of a connection between two processes. A text arrives whole, in order, or not at all; and when one process
 * dies, however it does, the other end is at its end.
 */
export class Channel implements Disposable {
  readonly #fd: number;
  readonly #pointer: Deno.PointerValue;
  readonly #buffer = new Uint8Array(TEXT_MAX);
  readonly #incoming: Incoming;
  #closed = false;

  /** Takes over an end that another process has left to this one. */
  constructor(fd: number) {
    // What this process starts must not keep it open.
    libc().call.fcntl(fd, F_SETFD, FD_CLOEXEC);
    this.#fd = fd;
    this.#pointer = Deno.UnsafePointer.of(this.#buffer);
    this.#incoming = new Incoming(fd);
  }

  /** Makes a pair, runs `start`, which starts a program that inherits the other end, and keeps this end. */
  static withChild<T>(start: (fd: number) => T): { channel: Channel; child: T } {
    const { call, errno } = libc();
    const pair = new Int32Array(2);
    if (call.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, new Uint8Array(pair.buffer)) < 0) {
      throw new NetlinkError("make a pair of sockets", { errno: errno() });
    }
    const [own, inherited] = pair;
    const channel = new Channel(own);
    try {
      call.fcntl(inherited, F_SETFD, 0);
      return { channel, child: start(inherited) };
    } catch (error) {
      channel[Symbol.dispose]();
      throw error;
    } finally {
      call.close(inherited);
    }
  }

  /**
   * Sends a text of up to 64 KiB.
   *
   * @throws {NetlinkError} with EPIPE where the other end is closed
   */
  send(text: string): void {
    const { call, errno } = libc();
    const { read, written } = new TextEncoder().encodeInto(text, this.#buffer);
    if (read < text.length) throw new RangeError(`a text of ${text.length} letters is too long for a channel`);
    let sent: number;
    do sent = call.send(this.#fd, this.#pointer, BigInt(written), MSG_NOSIGNAL); while (sent < 0 && errno() === EINTR);
    if (sent < 0) throw new NetlinkError("send to a process", { errno: errno() });
  }

  /**
   * Receives a text, for which it keeps the process waiting for up to `timeoutMs`; `undefined` where none came. An empty
   * one means that the other end is closed.
   */
  receive(timeoutMs = 0): string | undefined {
    let deadline: number | undefined;
    for (;;) {
      const text = this.#closed ? "" : this.#receiveNow();
      if (text !== undefined || timeoutMs <= 0) return text;
      const now = performance.now();
      const left = Math.ceil((deadline ??= now + timeoutMs) - now);
      if (left <= 0) return undefined;
      this.#incoming.wait(left);
    }
  }

  /** Resolves, as a rule, once there is something to receive: look, and wait again where there is not. */
  readable(): Promise<unknown> {
    return this.#incoming.readable();
  }

  /** Closes this end; who waits for a text is told that none will come. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#incoming[Symbol.dispose]();
    libc().call.close(this.#fd);
  }

  #receiveNow(): string | undefined {
    const { call } = libc();
    const length = call.recv(this.#fd, this.#pointer, BigInt(TEXT_MAX), MSG_DONTWAIT);
    if (length >= 0) return new TextDecoder().decode(this.#buffer.subarray(0, length));
    const failed = this.#incoming.failure();
    if (failed === EAGAIN) return undefined;
    // It went without having read all that was sent to it.
    if (failed === ECONNRESET) return "";
    throw new NetlinkError("receive from a process", { errno: failed });
  }
}

const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
const TABLE = "/proc/thread-self/net/unix";
/** `sun_path` of `struct sockaddr_un`, without the NUL that says that a name is abstract. */
const NAME_MAX = 107;

/**
 * Takes a name that nobody else can have at the same time, in the network namespace that this process is in at this
 * moment: an abstract one of `AF_UNIX`. It is free again when the result is disposed of, or when this process ends,
 * however it does. Returns nothing where it is taken.
 */
export function bindName(name: string): Disposable | undefined {
  const { call, errno } = libc();
  const fd = call.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw new NetlinkError("open a socket for a name", { errno: errno() });
  const address = addressOf(name);
  if (call.bind(fd, address, address.length) >= 0) return { [Symbol.dispose]: () => void call.close(fd) };
  call.close(fd);
  return undefined;
}

/** The names that processes have taken in the network namespace that this process is in, with this beginning. */
export function boundNames(beginning: string): string[] {
  // The last column of a row, where there is one: an abstract name begins with @.
  const names = Deno.readTextFileSync(TABLE).split("\n").map((row) => row.split(" ").at(-1) ?? "");
  return names.filter((name) => name.startsWith(`@${beginning}`)).map((name) => name.slice(1));
}

/** The socket that has a name in the network namespace that this process is in, by its inode: another is another's. */
export function socketOfName(name: string): string | undefined {
  const rows = Deno.readTextFileSync(TABLE).split("\n").map((row) => row.trim().split(/\s+/));
  return rows.find((row) => row[PATH_AT] === `@${name}`)?.[INODE_AT];
}

/** The processes that have a socket open, as far as this one may look. */
export function holdersOfSocket(inode: string): number[] {
  const pids = [...Deno.readDirSync("/proc")].map((entry) => Number(entry.name)).filter((pid) => pid > 0);
  return pids.filter((pid) => descriptorsOf(pid).some((path) => linkAt(path) === `socket:[${inode}]`));
}

/** None where the process has ended, or is another user's. */
function descriptorsOf(pid: number): string[] {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => `/proc/${pid}/fd/${name}`);
  } catch {
    return [];
  }
}

/** Where one leads; nowhere where it was closed meanwhile, which says nothing of the others. */
function linkAt(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}

/** The columns of a row of the table. */
const INODE_AT = 6;
const PATH_AT = 7;

/** `struct sockaddr_un { sa_family_t sun_family; char sun_path[108]; }`, whose path begins with a NUL. */
function addressOf(name: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length > NAME_MAX) throw new RangeError(`the name ${name} is too long: the most is ${NAME_MAX} bytes`);
  const address = new Uint8Array(3 + bytes.length);
  address[0] = AF_UNIX;
  address.set(bytes, 3);
  return address;
}
