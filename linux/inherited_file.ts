import { EINTR, NetlinkError } from "./netlink_error.ts";
import { libc } from "./libc.ts";

const F_SETFD = 2;
const FD_CLOEXEC = 1;
const O_CLOEXEC = 0o2000000;
const O_ACCMODE = 3;
const O_RDONLY = 0;
const O_WRONLY = 1;
const POLLOUT = 4;
const POLLERR = 8;

/** A file descriptor that another process has left open for this one to write to. */
export class InheritedFile implements Disposable {
  readonly #fd: number;
  #closed = false;

  /**
   * Takes it over. What this process starts does not inherit it, unless it is one of the first three.
   *
   * @throws {Error} where it is not open, not for writing, or nobody can read what is written there any more
   */
  constructor(fd: number) {
    const reason = whyNot(fd);
    if (reason !== undefined) throw new Error(`Cannot write to file descriptor ${fd}: ${reason}`);
    this.#fd = fd;
    if (fd > 2) libc().call.fcntl(fd, F_SETFD, FD_CLOEXEC);
  }

  /**
   * Writes all of a text.
   *
   * @throws {NetlinkError} where that fails, with EPIPE where nobody reads it
   */
  write(text: string): void {
    const { call, errno } = libc();
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) {
      const written = call.write(this.#fd, bytes.subarray(at), BigInt(bytes.length - at));
      if (written >= 0) at += written;
      else if (errno() !== EINTR) throw new NetlinkError(`write to file descriptor ${this.#fd}`, { errno: errno() });
    }
  }

  /** Closes it, unless it is one of the first three. */
  [Symbol.dispose](): void {
    if (this.#fd > 2 && !this.#closed) libc().call.close(this.#fd);
    this.#closed = true;
  }
}

/**
 * What comes in by a file descriptor that another process has left open for this one to read from: a pipe, a named one, a
 * file or a terminal.
 *
 * @throws {Error} where it is not open, not for reading, or a socket
 */
export async function openInherited(fd: number): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const flags = flagsOf(fd);
  const refuse = (reason: string, cause?: unknown) =>
    new Error(`Cannot read from file descriptor ${fd}: ${reason}`, { cause });
  if (flags === undefined || (fd > 2 && (flags & O_CLOEXEC) !== 0)) throw refuse("it is not open");
  if ((flags & O_ACCMODE) === O_WRONLY) throw refuse("it is open for writing only");
  try {
    return (await Deno.open(`/proc/self/fd/${fd}`, { read: true })).readable;
  } catch (error) {
    throw refuse("it must be a pipe, a file or a terminal", error);
  }
}

/** Why nothing can be written to a descriptor. One that this process has opened itself counts as not open. */
function whyNot(fd: number): string | undefined {
  const flags = flagsOf(fd);
  if (flags === undefined || (fd > 2 && (flags & O_CLOEXEC) !== 0)) return "it is not open";
  if ((flags & O_ACCMODE) === O_RDONLY) return "it is open for reading only";
  const pollfd = new Int32Array([fd, POLLOUT]);
  const ready = libc().call.poll(new Uint8Array(pollfd.buffer), 1n, 0);
  return ready > 0 && ((pollfd[1] >>> 16) & POLLERR) !== 0 ? "nobody reads from it any more" : undefined;
}

function flagsOf(fd: number): number | undefined {
  try {
    const [, flags] = /^flags:\s*([0-7]+)$/m.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`)) ?? [];
    return flags === undefined ? undefined : parseInt(flags, 8);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
