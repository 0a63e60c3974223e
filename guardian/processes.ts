import { namespacePath, removeNamespace } from "../linux/namespace.ts";
import { type Duty, TAG_VARIABLE } from "./charge.ts";

/** Which processes are meant, by what `/proc` says of them. */
export type IsMeant = (folder: string) => boolean;

/** How long a process may take to end after SIGTERM, in milliseconds. */
const GRACE_MS = 300;
const PAUSE_MS = 10;
/** How often nothing may be found before that is believed: a process that is just being started is not seen at first. */
const EMPTY_LOOKS = 3;

/**
 * Processes that have the variable `PLUGCTL_TAG` with this value in the environment that they were started with, as
 * those have that they start, daemons too: they get SIGTERM, and SIGKILL where they are still there 300 ms later.
 */
export interface ProcessesCharge {
  /** Which of the kinds it is. */
  kind: "processes";
  /** The variable's value, which nobody else has: `crypto.randomUUID()`. */
  tag: string;
  /** Whether those are left alone that are in a session of their own, as daemons are. */
  sparesDaemons?: boolean;
}

/** A network namespace of `ip netns`: what runs in it is ended, like `processes`, then its name is removed. */
export interface NamespaceCharge {
  /** Which of the kinds it is. */
  kind: "namespace";
  /** Its name, a file in `/run/netns`. */
  name: string;
}

/** What is to be done for processes. A daemon's session is another than that of the process that entrusts them. */
export function processesDuty({ tag, sparesDaemons }: ProcessesCharge): Duty {
  const isMeant = isTagged(tag, { except: sparesDaemons ? isOutsideSessionOf(Deno.ppid) : undefined });
  return { putRight: () => endProcesses(isMeant) };
}

/** What is to be done for a network namespace, which may not be there yet, or not any more. */
export function namespaceDuty({ name }: NamespaceCharge): Duty {
  return { putRight: () => endThoseIn(namespacePath(name)), remove: () => removeNamespace(name) };
}

async function endThoseIn(path: string): Promise<void> {
  try {
    await endProcesses(isInNamespace(path));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Those that were started with a variable `PLUGCTL_TAG` of this value, or that one of them has started. */
export function isTagged(tag: string, { except }: { except?: IsMeant } = {}): IsMeant {
  const isSuch = hasVariable(TAG_VARIABLE, (value) => value === tag);
  return (folder) => isSuch(folder) && !except?.(folder);
}

/** Those that were started with a variable whose value is as it should be. */
function hasVariable(name: string, isRight: (value: string) => boolean): IsMeant {
  const beginning = `\0${name}=`;
  return (folder) => {
    const environment = `\0${Deno.readTextFileSync(`${folder}/environ`)}`;
    const at = environment.indexOf(beginning);
    return at >= 0 && isRight(environment.slice(at + beginning.length, environment.indexOf("\0", at + 1)));
  };
}

/**
 * The value of a variable that the nearest of the processes that this one descends from was started with; `undefined` where
 * none was, or this process may not look.
 */
export function variableOfAncestors(name: string): string | undefined {
  // Nobody is to be asked for a permission.
  if (Deno.permissions.querySync({ name: "read", path: "/proc" }).state !== "granted") return undefined;
  let found: string | undefined;
  const isSuch = hasVariable(name, (value) => {
    found = value;
    return true;
  });
  try {
    for (let pid = Deno.ppid; pid > 1; pid = parentOf(pid)) if (findProcesses(isSuch, [pid]).length > 0) return found;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
}

/** The process that has started one; 0 where that is not known. */
function parentOf(pid: number): number {
  try {
    return Number(statOf(`/proc/${pid}`)[1]);
  } catch {
    // It has ended, or /proc may not be read.
    return 0;
  }
}

/** Those that are in another session than process `pid` is now, as daemons are. */
export function isOutsideSessionOf(pid: number): IsMeant {
  const session = sessionOf(`/proc/${pid}`);
  return (folder) => sessionOf(folder) !== session;
}

/** Those that are in the network namespace that is at a path now. */
export function isInNamespace(path: string): IsMeant {
  const { ino, dev } = Deno.statSync(path);
  return (folder) => {
    const own = Deno.statSync(`${folder}/ns/net`);
    return own.ino === ino && own.dev === dev;
  };
}

/** Ends processes: by SIGTERM, and those that do not end by SIGKILL. Returns when none is left. */
export async function endProcesses(isMeant: IsMeant): Promise<void> {
  const told = new Set<number>();
  const killedFrom = performance.now() + GRACE_MS;
  for (let empty = 0; empty < EMPTY_LOOKS;) {
    const pids = findProcesses(isMeant);
    const mayLinger = performance.now() < killedFrom;
    for (const pid of pids) {
      if (!mayLinger) signal(pid, "SIGKILL");
      else if (!told.has(pid)) signal(pid, "SIGTERM");
      told.add(pid);
    }
    empty = pids.length === 0 ? empty + 1 : 0;
    await pause();
  }
}

/** Waits a moment before the next look. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

/** The numbers of the processes that are meant and have not ended yet, of all or of these. */
export function findProcesses(isMeant: IsMeant, among = allProcesses()): number[] {
  return among.filter((pid) => pid !== Deno.pid && isThere(() => isMeant(`/proc/${pid}`)));
}

function allProcesses(): number[] {
  return Array.from(Deno.readDirSync("/proc"), ({ name }) => Number(name)).filter((pid) => pid > 0);
}

/** What a look says of a process; false where it has ended meanwhile or is somebody else's. */
function isThere(look: () => boolean): boolean {
  try {
    return look();
  } catch (error) {
    if (isEnded(error) || error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/** Sends a signal to a process, unless it has ended. */
export function signal(pid: number, name: "SIGTERM" | "SIGKILL" | "SIGUSR1"): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!isEnded(error)) throw error;
  }
}

/** Whether a process has ended; a file of one that ends while it is read is met with ESRCH. */
function isEnded(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Error && error.message.includes("os error 3");
}

/**
 * Whether the process of a number has ended, also where nobody has asked for its status yet, or is about to: it was sent
 * SIGKILL, which takes a busy machine a moment to carry out.
 */
export function isEnding(pid: number): boolean {
  try {
    const stat = statOf(`/proc/${pid}`);
    const isExiting = (Number(stat[FLAGS_AT]) & PF_EXITING) !== 0;
    const isKilled = (Number(stat[PENDING_AT]) & SIGKILL_PENDING) !== 0;
    return stat[0] === "Z" || isExiting || isKilled;
  } catch (error) {
    if (isEnded(error)) return true;
    throw error;
  }
}

/** Whether the process of a number was stopped, by SIGSTOP or the like. */
export function isStopped(pid: number): boolean {
  try {
    return statOf(`/proc/${pid}`)[0] === "T";
  } catch (error) {
    if (isEnded(error)) return false;
    throw error;
  }
}

function sessionOf(folder: string): number {
  return Number(statOf(folder)[3]);
}

/** Of the fields behind the name, the flags (`linux/sched.h`) and the signals that are pending, 9 being SIGKILL. */
const FLAGS_AT = 6;
const PF_EXITING = 0x4;
const PENDING_AT = 28;
const SIGKILL_PENDING = 1 << 8;

/** The fields behind the name, which may hold anything: state, parent, group, session, and so on. */
function statOf(folder: string): string[] {
  const stat = Deno.readTextFileSync(`${folder}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
