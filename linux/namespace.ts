import { FileLock } from "./file_lock.ts";
import { libc } from "./libc.ts";
import {
  type AnyOperation,
  EACCES,
  EEXIST,
  EINVAL,
  ENOENT,
  EPERM,
  errnoSentence,
  ESRCH,
  NetlinkError,
  Operation,
} from "./netlink_error.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0x80000;
/** So that a path that leads to a FIFO is an error at once. */
const O_NONBLOCK = 0x800;
const CLONE_NEWNET = 0x40000000;
const MS_BIND = 0x1000n;
const MS_REC = 0x4000n;
const MS_SHARED = 0x100000n;
const MNT_DETACH = 2;
/** Where `ip netns` keeps its names. */
export const NAMED = "/run/netns";
const PATH_MAX = 4096;
const CAP_SYS_ADMIN = "CAP_SYS_ADMIN";
const HERE = "/proc/thread-self/ns/net";
/** `_IO(0xb7, 1)` of `linux/nsfs.h` */
const NS_GET_USERNS = 0xb701n;
const NOTHING = new Uint8Array(0);

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
      `invalid namespace ${JSON.stringify(namespace)}: use a process number after pid:`,
    );
  }
  // A NUL would end what the kernel reads.
  if (["", ".", ".."].includes(namespace) || namespace.includes("\0")) {
    throw new SyntaxError(
      `invalid namespace ${JSON.stringify(namespace)}: use NAME, a path, or pid:N`,
    );
  }
  return namespace.includes("/") ? namespace : `${NAMED}/${namespace}`;
}

/** What the network namespace of a scenario's host is called, by six digits of its run. */
export function hostNamespace(run: string, host: string): string {
  return `plugctl-${run}-${host}`;
}

/** Which host of a scenario has a network namespace of this name; `undefined` where it is none of a scenario. */
export function hostOfNamespace(name: string): string | undefined {
  return /^plugctl-[0-9a-f]{6}-(.+)$/.exec(name)?.[1];
}

/**
 * Runs `work` with the process in another network namespace, and goes back, whatever happens. `work` must
 * not wait: everything else in the process would be in that namespace meanwhile.
 */
export function inNamespace<T>(namespace: string, work: () => T): T {
  const path = namespacePath(namespace);
  const { call, errno } = libc();
  const doing = (takes: string) => new Operation(`enter network namespace ${namespace}`, { enters: namespace, takes });
  using home = openFile(HERE);
  // To see which one a process of somebody else is in takes as much as to look into its memory.
  using away = openFile(path, doing(path.startsWith("/proc/") ? "CAP_SYS_PTRACE" : "permission to read that file"));
  if (call.setns(away.fd, CLONE_NEWNET) < 0) throw new NetlinkError(doing(CAP_SYS_ADMIN), { errno: errno() });
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
    throw new NetlinkError(new Operation("make a network namespace", { takes: CAP_SYS_ADMIN }), {
      errno: errno(),
    });
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

/**
 * Whether a namespace that this process is in, of the network or of mounts, belongs to its user namespace, or to one below:
 * its capabilities count for nothing in others.
 */
export function ownsNamespace(kind: "net" | "mnt"): boolean {
  const { call, errno } = libc();
  using file = openFile(`/proc/thread-self/ns/${kind}`);
  const owner = call.ioctl(file.fd, NS_GET_USERNS, NOTHING);
  if (owner < 0) return errno() !== EPERM;
  call.close(owner);
  return true;
}

/** A network namespace that is kept open, so that other processes can enter it, also once it has lost its name. */
export interface OpenNamespace extends Disposable {
  /** Where other processes find it while it is open; `undefined` where it is the one that this process is in. */
  readonly path: string | undefined;
  /** What tells it from every other that exists: `net:[4026531840]`. */
  readonly identity: string;
}

/** Takes over a file descriptor of a network namespace, and closes it when it is disposed of. */
export function keepNamespace(fd: number): OpenNamespace {
  const identity = readLink(`/proc/self/fd/${fd}`);
  return {
    path: identity === namespaceIdentity() ? undefined : `/proc/${Deno.pid}/fd/${fd}`,
    identity,
    [Symbol.dispose]: () => void libc().call.close(fd),
  };
}

/**
 * Makes a network namespace that has a name, as `ip netns add` does: a file over which it is mounted, so that `--netns NAME`
 * and `ip netns exec NAME` find it. It holds a loopback device, which is down. Takes CAP_SYS_ADMIN.
 *
 * @throws {NetlinkError} with EEXIST where the name is taken, with EPERM without CAP_SYS_ADMIN
 */
export function makeNamespace(name: string): void {
  const operation = new Operation(`make network namespace ${name}`, { takes: CAP_SYS_ADMIN });
  const path = namespacePath(name);
  shareNames(operation);
  createFile(path, operation);
  try {
    inNewNamespace(() => mount({ source: HERE, target: path, flags: MS_BIND }, operation));
  } catch (error) {
    removeNamespace(name);
    throw error;
  }
}

/** Makes the folder of the names a mount whose changes reach every mount namespace that has it, too. */
function shareNames(operation: AnyOperation): void {
  Deno.mkdirSync(NAMED, { recursive: true, mode: 0o755 });
  // Two processes that begin at once would both find no mount there. `ip netns add` takes this lock, too.
  using _lock = FileLock.take(NAMED);
  const share = { source: "", target: NAMED, flags: MS_SHARED | MS_REC };
  try {
    mount(share, operation);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.errno !== EINVAL) throw error;
    // Only a mount can be shared.
    mount({ source: NAMED, target: NAMED, flags: MS_BIND | MS_REC }, operation);
    mount(share, operation);
  }
}

function createFile(path: string, operation: AnyOperation): void {
  try {
    Deno.openSync(path, { write: true, createNew: true, mode: 0o444 }).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new NetlinkError(operation, { errno: EEXIST, sentence: `there is a ${path} already` });
  }
}

function mount(
  { source, target, flags }: { source: string; target: string; flags: bigint },
  operation: AnyOperation,
): void {
  const { call, errno } = libc();
  const [from, onto, type] = [source, target, "none"].map((text) => new TextEncoder().encode(`${text}\0`));
  if (call.mount(from, onto, type, flags, null) < 0) {
    const failed = errno();
    throw new NetlinkError(operation, { errno: failed, sentence: `cannot mount ${target}: ${errnoSentence(failed)}` });
  }
}

/**
 * Takes away the name that `ip netns` gave a network namespace. What still uses the namespace goes on; without that it
 * vanishes, with its devices. A name that is not there is passed over.
 */
export function removeNamespace(name: string): void {
  const path = namespacePath(name);
  const { call, errno } = libc();
  // A name is a file over which the namespace is mounted; where it is not, there is nothing to unmount.
  if (call.umount2(new TextEncoder().encode(`${path}\0`), MNT_DETACH) < 0) {
    const failed = errno();
    if (failed === ENOENT) return;
    if (failed !== EINVAL) throw new NetlinkError(`remove network namespace ${name}`, { errno: failed });
  }
  Deno.removeSync(path);
}

/**
 * What tells a network namespace from every other that exists, `net:[4026531840]`; without `namespace` this process's own.
 * One that has a name must be entered for that.
 *
 * @throws {NetlinkError} with EINVAL where it is no namespace, with ENOENT where there is nothing of that name
 */
export function namespaceIdentity(namespace?: string): string {
  if (namespace === undefined) return readLink(HERE);
  const path = namespacePath(namespace);
  if (path.startsWith("/proc/")) return readLink(path);
  return inNamespace(namespace, () => readLink(HERE));
}

/** Where a symbolic link leads. By the C library: Deno asks for every permission to look into `/proc`. */
function readLink(path: string): string {
  const { call, errno } = libc();
  const target = new Uint8Array(PATH_MAX);
  const length = call.readlink(new TextEncoder().encode(`${path}\0`), target, BigInt(target.length));
  if (length < 0) throw new NetlinkError(`read ${path}`, { errno: errno() });
  return new TextDecoder().decode(target.subarray(0, length));
}

/** An open file, which is closed when it is disposed of. */
export interface OpenFile extends Disposable {
  /** Its file descriptor. */
  readonly fd: number;
}

/** Opens a network namespace, for a request that names it by a file descriptor. */
export function openNamespace(namespace: string): OpenFile {
  return openFile(namespacePath(namespace), `open network namespace ${namespace}`);
}

function openFile(path: string, operation: AnyOperation = `open ${path}`): OpenFile {
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

const REASONS: Readonly<Record<number, "hidden" | "stray" | "gone">> = {
  [EACCES]: "hidden",
  [EPERM]: "hidden",
  [EINVAL]: "stray",
  [ENOENT]: "gone",
  [ESRCH]: "gone",
};

/** The network namespaces of a machine. */
export interface AllNamespaces {
  /** By their names of `ip netns`, or else as `pid:N`, a process that is in it: the first of them, or this one. */
  names: string[];
  /** Names whose file is no namespace. */
  strays: string[];
  /** How many names and processes this process may not look at. */
  hidden: number;
}

/**
 * Finds the network namespaces that have a name of `ip netns` or a process in them. One that only a file descriptor or a
 * mount elsewhere keeps is not found. Takes permission to look into `/proc`.
 */
export function allNamespaces(): AllNamespaces {
  const found = new Map<string, string>();
  const all: AllNamespaces = { names: [], strays: [], hidden: 0 };
  for (const name of [...namedNamespaces(), `pid:${Deno.pid}`, ...processes()]) {
    const identity = identify(name);
    if (identity === "hidden") all.hidden++;
    else if (identity === "stray") all.strays.push(name);
    else if (identity !== "gone") found.set(identity, found.get(identity) ?? name);
  }
  for (const name of found.values()) {
    const why = name === `pid:${Deno.pid}` ? undefined : whyNotEntered(name);
    if (why === undefined) all.names.push(name);
    else if (why === "hidden") all.hidden++;
  }
  return all;
}

/** Why a namespace cannot be entered; that of a process can be seen by who may not. */
function whyNotEntered(name: string): typeof REASONS[number] | undefined {
  try {
    return inNamespace(name, () => undefined);
  } catch (error) {
    if (error instanceof NetlinkError && error.errno in REASONS) return REASONS[error.errno];
    throw error;
  }
}

function namedNamespaces(): string[] {
  try {
    return Array.from(Deno.readDirSync(NAMED), ({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function processes(): string[] {
  const pids = Array.from(Deno.readDirSync("/proc"), ({ name }) => Number(name)).filter((pid) => pid > 0);
  return pids.sort((one, other) => one - other).map((pid) => `pid:${pid}`);
}

/** What tells a namespace from others, or why there is none to be seen. */
function identify(name: string): string {
  try {
    return namespaceIdentity(name);
  } catch (error) {
    if (error instanceof NetlinkError && error.errno in REASONS) return REASONS[error.errno];
    throw error;
  }
}
