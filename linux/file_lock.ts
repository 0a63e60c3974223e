import { EAGAIN, EINTR, NetlinkError } from "./netlink_error.ts";
import { libc } from "./libc.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * A lock on a file or folder, flock(2), that one process has at a time. It is let go by the kernel when the process ends,
 * however that is. Deno's own cannot be tried, and lasts beyond the file's end, before 2.5.
 */
export class FileLock implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Takes the lock of a file or folder that is there, and waits for it as long as another has it.
   *
   * @throws {NetlinkError} where it cannot be opened or locked
   */
  static take(path: string): FileLock {
    return FileLock.#take(path, LOCK_EX)!;
  }

  /**
   * Takes the lock of a file or folder that is there, or returns nothing where another has it.
   *
   * @throws {NetlinkError} where it cannot be opened or locked
   */
  static tryTake(path: string): FileLock | undefined {
    return FileLock.#take(path, LOCK_EX | LOCK_NB);
  }

  static #take(path: string, operation: number): FileLock | undefined {
    const { call, errno } = libc();
    const fd = call.open(new TextEncoder().encode(`${path}\0`), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw new NetlinkError(`open ${path}`, { errno: errno() });
    while (call.flock(fd, operation) < 0) {
      const number = errno();
      if (number === EINTR) continue;
      call.close(fd);
      if (number === EAGAIN) return undefined;
      throw new NetlinkError(`lock ${path}`, { errno: number });
    }
    return new FileLock(fd);
  }

  /** Lets it go. May be called once. */
  [Symbol.dispose](): void {
    libc().call.close(this.#fd);
  }
}
