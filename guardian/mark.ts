import { bindName, boundNames, holdersOfSocket, socketOfName } from "../linux/unix_socket.ts";
import { EPERM, NetlinkError } from "../linux/netlink_error.ts";
import { inNamespace, type OpenNamespace } from "../linux/namespace.ts";
import type { Connection } from "../netlink/connection.ts";
import { isEnding, isStopped, signal } from "./processes.ts";

/** What the names of plugctl begin with. Names are those of a network namespace, and end with the process that has them. */
const BEGINNING = "plugctl/";
/** How long a guardian may take to go, in milliseconds. */
const PATIENCE_MS = 5000;
/** How long one may take to let go of what a process had that has ended, in milliseconds. */
const BEREFT_MS = 10_000;
/**
 * How long another process is waited for that has its turn in the same namespace, or a guardian of this one, in
 * milliseconds: one that goes on, which on a busy machine takes a while, and any other.
 */
const LONGEST_TURN_MS = 60_000;
const TURN_MS = 2000;
/** How often it is looked who has it. */
const LOOK_MS = 50;
const TURN = `${BEGINNING}turn`;
const PAUSE_MS = 1;
/** In how many looks in a row a process must not be about to end: at one moment of its end nothing tells. */
const ALIVE_LOOKS = 3;

/** `held` while the process that started it has it in hand, `kept` where it waits for a deadline, whoever has ended. */
export type Purpose = "held" | "kept";

/** What a guardian has charge of, in a way that others find: `2/ffffffff` or `gate/web`. */
export interface Marked {
  readonly connection: Connection;
  /** Any of these marks. */
  readonly marks: readonly string[];
}

/** Where a plug is, as a mark. */
export function markOfPlug({ ifindex, parent }: { ifindex: number; parent: number }): string {
  return `${ifindex}/${parent.toString(16)}`;
}

/** A gate, as a mark: it may not be there yet. */
export function markOfGate(name: string): string {
  return `gate/${name}`;
}

/** A tap of a gate, by the group of psample that gets its copies, as a mark. */
export function markOfTap(group: number): string {
  return `tap/${group}`;
}

/** Lets others know, for as long as this process lives, that it stands guard for something in a network namespace. */
export function showMark(
  purpose: Purpose,
  { mark, netns, id }: { mark: string; netns?: string; id: number },
): Disposable | undefined {
  return enter(netns, () => bindName(`${BEGINNING}${purpose}/${mark}/${Deno.pid}.${id}.${Deno.ppid}`));
}

/**
 * The process numbers of the guardians that are there for one of these; none where this process may not look. One that has
 * something in hand for a process that has ended is about to let go of it, and is waited for.
 */
export function findGuardians(purpose: Purpose, marked: Marked): number[] {
  return findGuards(purpose, marked).map(({ pid }) => pid);
}

/** The number of a guardian's process, of the process that started it, and of what it has in hand, as it counts that. */
export interface Guard {
  pid: number;
  holder: number;
  id: number;
}

function findGuards(purpose: Purpose, marked: Marked): Guard[] {
  const deadline = performance.now() + BEREFT_MS;
  for (let alive = 1;; alive++) {
    const found = readMarks(purpose, marked);
    if (purpose === "held" && found.some(({ holder }) => isEnding(holder))) alive = 0;
    const isSure = purpose !== "held" || found.length === 0 || alive >= ALIVE_LOOKS;
    if (isSure || performance.now() > deadline) return found;
    wait();
  }
}

function readMarks(purpose: Purpose, { connection, marks }: Marked): Guard[] {
  const beginning = `${BEGINNING}${purpose}/`;
  const names = within(connection, () => namesOr(beginning)) ?? [];
  return names.flatMap((name) => {
    const end = name.lastIndexOf("/");
    if (!marks.includes(name.slice(beginning.length, end))) return [];
    const [pid, id, holder] = name.slice(end + 1).split(".").map(Number);
    return isTrusted(pid) ? [{ pid, holder, id }] : [];
  });
}

/**
 * Lets others know when what has a mark is released at the latest, in milliseconds since 1970, until the result is
 * disposed of; in the namespace of a connection. Nothing where this process may not enter it.
 */
export function showDeadline(connection: Connection, { mark, atMs, id }: Deadline): Disposable | undefined {
  try {
    return within(connection, () => bindName(`${BEGINNING}due/${mark}/${Deno.pid}.${id}.${Math.ceil(atMs)}`));
  } catch (error) {
    // That others cannot know it must not keep it from being kept.
    if (error instanceof NetlinkError) return undefined;
    throw error;
  }
}

/** A deadline of something in a guardian's charge. */
export interface Deadline {
  mark: string;
  /** When, in milliseconds since 1970. */
  atMs: number;
  /** By which the guardian knows it. */
  id: number;
}

/** When what guardians have in charge in the namespace of a connection is released at the latest, by its mark. */
export function readDeadlines(connection: Connection): Map<string, number> {
  const beginning = `${BEGINNING}due/`;
  const deadlines = new Map<string, number>();
  for (const name of within(connection, () => namesOr(beginning)) ?? []) {
    const end = name.lastIndexOf("/");
    const [pid, , atMs] = name.slice(end + 1).split(".").map(Number);
    if (!isTrusted(pid) || !(atMs > 0)) continue;
    const mark = name.slice(beginning.length, end);
    deadlines.set(mark, Math.min(atMs, deadlines.get(mark) ?? Infinity));
  }
  return deadlines;
}

function namesOr(beginning: string): string[] {
  try {
    return boundNames(beginning);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}

/** The process numbers of the guardians that keep deadlines in the namespace of a connection. */
export function keepersIn(connection: Connection): number[] {
  const beginning = `${BEGINNING}kept/`;
  const names = within(connection, () => namesOr(beginning)) ?? [];
  return names.map((name) => parseInt(name.slice(name.lastIndexOf("/") + 1)));
}

/**
 * The guardian that has one of these in hand, where there is one, but not one of `except`. One of this process may not have
 * heard yet that this process is done with it, and is given the time, as long as it comes on from one hold to the next.
 */
export function otherGuardian(marked: Marked, except: readonly (number | undefined)[] = []): Guard | undefined {
  let last: Guard | undefined;
  const fromMs = performance.now();
  for (let sinceMs = fromMs;; wait()) {
    const guards = findGuards("held", marked).filter(({ pid }) => pid !== Deno.pid && !except.includes(pid));
    const found = guards.find(({ holder }) => holder !== Deno.pid) ?? guards[0];
    if (found?.holder !== Deno.pid) return found;
    const nowMs = performance.now();
    if (found.pid !== last?.pid || found.id !== last.id) [last, sinceMs] = [found, nowMs];
    if (nowMs - sinceMs > PATIENCE_MS || nowMs - fromMs > LONGEST_TURN_MS) return found;
  }
}

/** Relieves the guardians that keep the deadline of one of these but `except`, and returns when they have gone. */
export function relieveKeepers(marked: Marked, except: number): void {
  const keepers = findGuardians("kept", marked).filter((pid) => pid !== except);
  for (const pid of keepers) signal(pid, "SIGUSR1");
  const deadline = performance.now() + PATIENCE_MS;
  const isThere = () => findGuardians("kept", marked).some((pid) => keepers.includes(pid));
  while (keepers.length > 0 && isThere() && performance.now() < deadline) wait();
}

/**
 * Does something that takes several steps and must not meet another plugctl in the middle, in the namespace of a
 * connection: of several processes that begin at once each has its turn. One that is stopped in its turn, or a stranger
 * that has taken the name, delays others for two seconds and no more; one that goes on, for a minute.
 */
export function inTurn<T>(connection: Connection, work: () => T): T {
  using _turn = within(connection, takeTurn);
  return work();
}

function takeTurn(): Disposable | undefined {
  const from = performance.now();
  let holder: { socket?: string; sinceMs: number } | undefined;
  for (let lookedMs = -Infinity;; wait()) {
    const turn = bindName(TURN);
    const nowMs = performance.now();
    if (turn || nowMs - from > LONGEST_TURN_MS) return turn;
    if (nowMs - lookedMs < LOOK_MS) continue;
    lookedMs = nowMs;
    const socket = socketOfName(TURN);
    // Of several that have their turns one after the other none is given up
    if (!holder || holder.socket !== socket) holder = { socket, sinceMs: nowMs };
    if (nowMs - holder.sinceMs > TURN_MS && isStuck(socket)) return undefined;
  }
}

/** Whether whoever has its turn by a socket still has it, and is no other process that one can trust, or one that is stopped. */
function isStuck(socket: string | undefined): boolean {
  if (socket === undefined) return false;
  const goesOn = holdersOfSocket(socket).some((pid) => pid !== Deno.pid && isTrusted(pid) && !isStopped(pid));
  // It may have ended meanwhile
  return !goesOn && socketOfName(TURN) === socket;
}

/** Does something in the namespace of a connection; nothing where this process may not enter it. */
function within<T>(connection: Connection, work: () => T): T | undefined {
  using namespace = open(connection);
  return namespace && enter(namespace.path, work);
}

function open(connection: Connection): OpenNamespace | undefined {
  try {
    return connection.openNamespace();
  } catch (error) {
    // Who may not do that may not change anything there either, and is told so by the kernel.
    if (error instanceof NetlinkError && error.errno === EPERM) return undefined;
    throw error;
  }
}

function enter<T>(netns: string | undefined, work: () => T): T {
  return netns === undefined ? work() : inNamespace(netns, work);
}

/** Anybody can take a name: what counts is a process of root's or of the same user. */
function isTrusted(pid: number): boolean {
  try {
    const { uid } = Deno.statSync(`/proc/${pid}`);
    return uid === 0 || uid === Deno.uid();
  } catch {
    return false;
  }
}

function wait(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}
