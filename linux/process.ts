import { libc } from "./libc.ts";

const AT_FDCWD = -100;
/** By the ids and capabilities that count when a file is opened. */
const AT_EACCESS = 0x200;
const W_OK = 2;
const X_OK = 1;

/** Bits of `CapEff` in `/proc/self/status`, `linux/capability.h`. */
const BITS = { CAP_SETPCAP: 8n, CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n, CAP_SYS_ADMIN: 21n, CAP_SYS_NICE: 23n } as const;
/** `__NR_prctl`, and what takes a capability away for good. */
const PRCTL = Deno.build.arch === "aarch64" ? 167 : 157;
const PR_CAPBSET_DROP = 24;

/** A capability that plugctl asks about. */
export type Capability = keyof typeof BITS;

/** Whether this process has a capability; false where `/proc` does not say. */
export function hasCapability(name: Capability): boolean {
  return (maskOf("CapEff") >> BITS[name] & 1n) === 1n;
}

function maskOf(set: "CapEff" | "CapBnd"): bigint {
  return BigInt(`0x${new RegExp(`^${set}:\\s*([0-9a-f]+)$`, "m").exec(readStatus())?.[1] ?? "0"}`);
}

/**
 * Gives up, for what this thread becomes or starts from now on, every capability but some. Whether there was one to give
 * up, and it was.
 */
export function giveUpCapabilities(kept: readonly Capability[]): boolean {
  if (!hasCapability("CAP_SETPCAP")) return false;
  const given = kept.reduce((mask, name) => mask & ~(1n << BITS[name]), maskOf("CapBnd"));
  for (let bit = 0n; given >> bit > 0n; bit++) {
    if (given >> bit & 1n) libc().call.syscall(BigInt(PRCTL), PR_CAPBSET_DROP, Number(bit), 0);
  }
  return kept.reduce((mask, name) => mask & ~(1n << BITS[name]), maskOf("CapBnd")) !== given;
}

/** The numbers of the processors that this process may run on. */
export function ownProcessors(): number[] {
  const [, list = ""] = /^Cpus_allowed_list:\s*(.*)$/m.exec(readStatus()) ?? [];
  return list.split(",").filter((range) => range !== "").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}

/** Has a process, and what it starts from now on, run on one processor alone; one that has ended is no error. */
export function keepOnProcessor(pid: number, processor: number): void {
  const mask = new Uint8Array(Math.ceil((processor + 1) / 64) * 8);
  mask[processor >> 3] = 1 << (processor & 7);
  libc().call.sched_setaffinity(pid, BigInt(mask.length), mask);
}

/** Whether this process may make files in a folder, or where that is not there, make the folder. */
export function mayWriteIn(folder: string): boolean {
  const path = new TextEncoder().encode(`${folder || "/"}\0`);
  if (isThere(folder)) return libc().call.faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) === 0;
  return mayWriteIn(folder.slice(0, folder.lastIndexOf("/")));
}

/** Whether there is something at a path; `/`, where that is empty. */
export function isThere(path: string): boolean {
  try {
    Deno.statSync(path || "/");
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A user of this machine, by name or by number: the numbers and the folder that `/etc/passwd` gives. */
export interface User {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** Looks a user up; of a number that no user has, a user with nothing else. */
export function findUser(nameOrNumber: string): User | undefined {
  for (const line of linesOf("/etc/passwd")) {
    const [name, , uid, gid, , home] = line.split(":");
    if (name !== nameOrNumber && uid !== nameOrNumber) continue;
    return { name, uid: Number(uid), gid: Number(gid), home };
  }
  const number = Number(nameOrNumber);
  return Number.isInteger(number) ? { name: nameOrNumber, uid: number, gid: number, home: "/" } : undefined;
}

function linesOf(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function readStatus(): string {
  try {
    return Deno.readTextFileSync("/proc/self/status");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/**
 * Takes this process out of its terminal's session and group, whose signals it then gets no more. A process that leads
 * a group already stays where it is: the kernel refuses to move it, and what is sent to other groups does not reach it.
 */
export function leaveSession(): void {
  libc().call.setsid();
}

const SCHED_OTHER = 0;
const SCHED_FIFO = 1;
const SCHED_RR = 2;
/** `SCHED_RESET_ON_FORK`, beside a policy. */
const RESET_ON_FORK = 0x40000000;
const THIS_THREAD = 0;
/** `_SC_NPROCESSORS_ONLN` of glibc and musl */
const PROCESSORS_ONLINE = 84;
/** `__NR_membarrier`, and the command that waits until every processor has left what it did with packets. */
const MEMBARRIER = Deno.build.arch === "aarch64" ? 283 : 324;
const MEMBARRIER_CMD_GLOBAL = 1;

/** `struct sched_param { int sched_priority; }`, of real time and of any other. */
const LOWEST_OF_REAL_TIME = new Uint8Array(new Int32Array([1]).buffer);
const NONE = new Uint8Array(new Int32Array([0]).buffer);

/**
 * Runs `work` before every ordinary process of this processor. While the kernel puts a qdisc in or takes one out, the
 * device discards what it is given to send, and the kernel lets other processes run in between (seen on 6.1): with one
 * processor none can send anything meanwhile. Without CAP_SYS_NICE `work` runs as it is.
 */
export function undisturbed<T>(work: () => T): T {
  const { call } = libc();
  const isOrdinary = call.sched_getscheduler(THIS_THREAD) === SCHED_OTHER;
  if (!isOrdinary || call.sched_setscheduler(THIS_THREAD, SCHED_FIFO, LOWEST_OF_REAL_TIME) < 0) return work();
  try {
    return work();
  } finally {
    call.sched_setscheduler(THIS_THREAD, SCHED_OTHER, NONE);
  }
}

/**
 * As `undisturbed`, and tells how many milliseconds it took during which others could send: none where there is one
 * processor, and this thread had it all the time. It gives it away where the kernel waits for a softirq (seen on 6.1: a
 * tick), and where it has used up the time that the kernel leaves to real time.
 */
export function timedUndisturbed<T>(work: () => T): { result: T; gapMs: number } {
  const from = performance.now();
  // Becoming an ordinary thread again can be a reason to give it away, too.
  const { result, timesGiven } = undisturbed(() => {
    const before = timesGivenAway();
    return { result: work(), timesGiven: timesGivenAway() - before };
  });
  const gapMs = hasSeveralProcessors() || timesGiven > 0n ? performance.now() - from : 0;
  return { result, gapMs };
}

/** `RUSAGE_THREAD`, the size of `struct rusage`, and where `ru_nvcsw` and `ru_nivcsw` stand in it. */
const RUSAGE_THREAD = 1;
const RUSAGE_BYTES = 144;
const SWITCHES_AT = [128, 136] as const;

/** How often this thread has had no processor: it waited for something, or another thread was to run. */
function timesGivenAway(): bigint {
  const usage = new DataView(new ArrayBuffer(RUSAGE_BYTES));
  libc().call.getrusage(RUSAGE_THREAD, new Uint8Array(usage.buffer));
  return SWITCHES_AT.reduce((sum, offset) => sum + usage.getBigUint64(offset, true), 0n);
}

/** Whether others can send while one works `undisturbed`: on other processors, or since this process has no CAP_SYS_NICE. */
export function canOthersSend(): boolean {
  return hasSeveralProcessors() || !undisturbed(isRealTime);
}

function isRealTime(): boolean {
  const { call } = libc();
  return [SCHED_FIFO, SCHED_RR].includes(call.sched_getscheduler(THIS_THREAD) & ~RESET_ON_FORK);
}

/** Keeps the process waiting. */
export function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

const CLOCK_REALTIME = 0;

/** The wall clock, in milliseconds since 1970, to some microseconds: `Date.now()` shows whole ones. */
export function wallClockMs(): number {
  const time = new BigInt64Array(2);
  libc().call.clock_gettime(CLOCK_REALTIME, new Uint8Array(time.buffer));
  return Number(time[0]) * 1000 + Number(time[1]) / 1e6;
}

/** Whether other processors can send while one works, whatever its priority. */
export function hasSeveralProcessors(): boolean {
  return libc().call.sysconf(PROCESSORS_ONLINE) !== 1n;
}

/**
 * Waits until no processor is at work any more on a packet that it began before: none of them still sees a filter that
 * was deleted. A kernel that cannot (one with `nohz_full`) answers at once.
 */
export function allPacketsMoveOn(): void {
  libc().call.syscall(BigInt(MEMBARRIER), MEMBARRIER_CMD_GLOBAL, 0, 0);
}

/** `KERN_WARNING` of `linux/kern_levels.h`, as it is written to `/dev/kmsg`. */
const WARNING = "<4>";

/** Writes a line to the kernel's log, which `dmesg` shows, where this process may: for one that has no other output. */
export function logToKernel(line: string): void {
  try {
    Deno.writeTextFileSync("/dev/kmsg", `${WARNING}plugctl: ${line}\n`, { append: true, create: false });
  } catch (error) {
    const { NotCapable, NotFound, PermissionDenied } = Deno.errors;
    if (![NotCapable, NotFound, PermissionDenied].some((kind) => error instanceof kind)) throw error;
  }
}
