import { libc } from "./libc.ts";
import { NetlinkError } from "./netlink_error.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0x80000;
/** So that a path that leads to a FIFO is an error at once. */
const O_NONBLOCK = 0x800;
export const CLONE_NEWNET = 0x40000000;
const HERE = "/proc/thread-self/ns/net";

/**
 * The path of a network namespace: a name of `ip netns`, a path, or `pid:N`, the one that process N is in.
 *
 * @throws {SyntaxError} where the text is none of these
 */
export function namespacePath(namespace: string): string {
  const pid = /^pid:([1-9][0-9]*)$/.exec(namespace);
  if (pid) return `/proc/${pid[1]}/ns/net`;
  if (namespace.startsWith("pid:")) {
    throw new SyntaxError(
      `${JSON.stringify(namespace)} is no namespace: after pid: a process number is needed`,
    );
  }
  // A NUL would end what the kernel reads.
  if (["", ".", ".."].includes(namespace) || namespace.includes("\0")) {
    throw new SyntaxError(
      `${JSON.stringify(namespace)} is no namespace: one is NAME, a path, or pid:N`,
    );
  }
  return namespace.includes("/") ? namespace : `/run/netns/${namespace}`;
}

/**
 * Runs `work` with the process in another network namespace, and goes back, whatever happens. `work` must
 * not wait: everything else in the process would be in that namespace meanwhile.
 */
export function inNamespace<T>(namespace: string, work: () => T): T {
  const path = namespacePath(namespace);
  const { call, errno } = libc();
  using home = openFile(HERE);
  using away = openFile(path, `enter network namespace ${namespace}`);
  if (call.setns(away.fd, CLONE_NEWNET) < 0) {
    throw new NetlinkError(`enter network namespace ${namespace}`, {
      errno: errno(),
    });
  }
  try {
    return work();
  } finally {
    goBack(home.fd);
  }
}

/** Runs `work` in a new network namespace that holds a loopback device and vanishes afterwards. */
export function inNewNamespace<T>(work: () => T): T {
  const { call, errno } = libc();
  using home = openFile(HERE);
  if (call.unshare(CLONE_NEWNET) < 0) {
    throw new NetlinkError("make a network namespace", { errno: errno() });
  }
  try {
    return work();
  } finally {
    goBack(home.fd);
  }
}

function goBack(fd: number): void {
  const { call, errno } = libc();
  if (call.setns(fd, CLONE_NEWNET) < 0) {
    throw new NetlinkError(
      "go back to the network namespace that plugctl was started in",
      { errno: errno() },
    );
  }
}

interface OpenFile extends Disposable {
  readonly fd: number;
}

function openFile(path: string, operation = `open ${path}`): OpenFile {
  const { call, errno } = libc();
  const fd = call.open(
    new TextEncoder().encode(`${path}\0`),
    O_RDONLY | O_CLOEXEC | O_NONBLOCK,
  );
  if (fd < 0) {
    throw new NetlinkError(operation, {
      errno: errno(),
      sentence: `cannot open ${path}`,
    });
  }
  return { fd, [Symbol.dispose]: () => void call.close(fd) };
}
