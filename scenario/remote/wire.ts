/**
 * What is said between who runs a scenario and the agents of its hosts that are other machines.
 *
 * Steps are sent as they have been planned, with the values that their variables have by then: an agent reads no file. It
 * answers at once; what comes of a task, and all that happens meanwhile, is fetched from it in numbered entries, which it
 * keeps until they are acknowledged, so that none is lost or doubled with the connection.
 *
 * @module
 */

import type { OpenedHost, Outcome, PacketIn, PacketOut, QueueTotal, ScenarioEvent, UnseenPackets } from "../event.ts";
import type { Condition, PlannedQueue, ProcessTest, Scalar, Step } from "../plan.ts";
import type { OutputLine } from "../run/processes.ts";
import type { End, Look } from "../run/stage.ts";

/** What an agent is asked for. */
export type RunOperation = "run-open" | "run-do" | "run-stop" | "run-follow";

/** Which run, and what the scenario calls the host. */
export interface RunName {
  run: string;
  host: string;
}

/** `run-open`: what of a scenario is done on a host. */
export interface Opening extends RunName {
  /** The version of plugctl: both must have the same. */
  version: string;
  /** When the run began, by that machine's clock, in milliseconds since 1970. */
  begunMs: number;
  /** After how long without a word all of it is undone, in milliseconds. */
  leaseMs: number;
  maxHoldMs: number;
  /** The gates and plugs that may be attached there. */
  queues: readonly PlannedQueue[];
  /** How each process may end by itself. */
  endings: ReadonlyMap<string, readonly ProcessTest[]>;
  /** The processes to whose input steps write. */
  written: ReadonlySet<string>;
  /** The names of steps from whose beginning on conditions count. */
  moments: readonly string[];
  /** The expressions by which the packets of gates are counted. */
  watched: ReadonlyMap<string, ReadonlySet<string>>;
  /** The gates whose packets are told of; absent for all. */
  captured?: readonly string[];
  sampleMs?: number;
  /** Whether what processes write is told as they write it. */
  isHeard: boolean;
  /** Whether packets behind the first 20,000 are told of, too. */
  wantsMore: boolean;
}

/** What is answered to that. */
export type Opened = Omit<OpenedHost, "clock">;

/** `run-do`: what is to be done. */
export type Task =
  | { kind: "step"; path: string; step: Step; dueMs?: number; nextDueMs?: number }
  | { kind: "look"; condition: Condition }
  | { kind: "mark"; step: string }
  | { kind: "release" }
  | { kind: "close" };

/** What has come of a task. */
export interface TaskEnd {
  task: number;
  outcome: Outcome;
  errno: number;
  errnoName: string;
  sentence: string;
  /** Of a step. */
  end?: End;
  /** The variables that it has given values. */
  values?: Record<string, Scalar>;
  /** Of a look at a condition. */
  look?: Look;
  /** What could not be undone; what is gone is none of it. */
  failures?: { step: string; sentence: string; isGone: boolean }[];
  /** Of `close`. */
  totals?: Record<string, QueueTotal>;
  unseen?: Record<string, UnseenPackets>;
}

/** Something that has happened on a host. */
export type News =
  | { ended: TaskEnd }
  | { event: ScenarioEvent }
  | { more: PacketIn | PacketOut }
  | { output: OutputLine }
  /** A process that may not end has ended. */
  | { died: { step: string; sentence: string; unmet: boolean } }
  /** The scenario cannot go on. */
  | { over: string };

/** What is answered to `run-follow`: what has happened behind the entry of a number. */
export interface Followed {
  news: { number: number; what: News }[];
}

/** What an agent answers. */
export type RunAnswer = { result: unknown } | { error: { code: string; message: string } };

/** A way to the agent of a host. */
export interface RemoteLink {
  /** Asks. That no answer has come in time has the code `no-answer`, and that nobody is there `no-agent`. */
  ask(operation: RunOperation, input: object, timeoutMs: number): Promise<RunAnswer>;
  /** By how much its clock is ahead of this machine's, and how much that may be wrong, in milliseconds; rejects where it does not answer. */
  clock(): Promise<{ aheadMs: number; errorMs: number; by: OpenedHost["clock"]["by"] }>;
}

const SPECIAL = "$special";

/** A value as one of JSON, in which regular expressions, maps and sets have a form of their own. */
export function toWire(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, each: unknown) => {
    if (each instanceof RegExp) return { [SPECIAL]: ["pattern", each.source, each.flags] };
    if (each instanceof Map) return { [SPECIAL]: ["map", ...each] };
    if (each instanceof Set) return { [SPECIAL]: ["set", ...each] };
    return each;
  }));
}

/** That value again. */
export function fromWire(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, each: unknown) => {
    const special = typeof each === "object" && each !== null ? (each as Record<string, unknown>)[SPECIAL] : undefined;
    if (!Array.isArray(special)) return each;
    const [kind, ...parts] = special;
    if (kind === "pattern") return new RegExp(String(parts[0]), String(parts[1]));
    return kind === "map" ? new Map(parts) : new Set(parts);
  });
}
