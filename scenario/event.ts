/**
 * The event log of a scenario: what `plugctl run --json` prints, one event a line, and what `onEvent` is given.
 *
 * Events come in the order of the scenario: setup, steps, cleanup, undoing, each step's start before its end. The
 * branches of `parallel` come one after the other, as they stand in the file, whichever was faster; `t` says when things
 * really happened. But for `sample`, `packet-in`, `packet-out` and `process-end` events, the same scenario with the same seed gives the same sequence of events, as
 * far as what it does to the machine is always the same.
 *
 * @module
 */

import type { QdiscStats } from "../codec/message.ts";
import type { Scalar } from "./plan.ts";

/** The version of what is described here. One that adds fields or kinds of events keeps it. */
export const EVENT_VERSION = 1;

/** Something that happened. */
export type ScenarioEvent =
  | ScenarioStart
  | StepStart
  | StepEnd
  | ProcessEnd
  | Sample
  | PacketIn
  | PacketOut
  | ScenarioEnd;

/** What every event has. */
export interface EventBase {
  /** Microseconds since the scenario began, by a monotonic clock; a whole number. */
  t: number;
}

/** The first event. */
export interface ScenarioStart extends EventBase {
  /** Which kind of event it is. */
  event: "scenario-start";
  /** The version of the log. */
  version: typeof EVENT_VERSION;
  /** The scenario's name. */
  name: string;
  /** What the scenario says of itself. */
  description?: string;
  /** The file that it was read from, as it was named; absent where it was none. */
  file?: string;
  /** What random choices are made from. */
  seed: number;
  /** The variables with their values. */
  vars: Record<string, Scalar>;
  /** The wall clock's time, in ISO 8601. */
  time: string;
  /** What it runs on. */
  environment: Environment;
  /** The hosts that it brings, and those that it found. */
  hosts: HostLayout[];
  /** Every gate and plug that the file names. */
  queues: QueueLayout[];
  /** How long all steps may take, in milliseconds. */
  timeoutMs: number;
  /** How long a queue may hold without a release, in milliseconds. */
  maxHoldMs: number;
}

/** What it ran on. */
export interface Environment {
  /** The version of plugctl. */
  plugctl: string;
  /** The version of Deno. */
  deno: string;
  /** As `uname -r` says. */
  kernel: string;
  /** `x86_64` or `aarch64` */
  architecture: string;
  /** As `uname -n` says. */
  hostname: string;
}

/** A host of the scenario. */
export interface HostLayout {
  /** What the scenario calls it. */
  name: string;
  /** The name of its network namespace while the scenario runs; empty for another machine. */
  netns: string;
  /** What another machine is called in the fleet, whose agent does what is done there. */
  on?: string;
  /** Its ends of cables, each with the other end, and with addresses and their prefix lengths. */
  devices: { name: string; to: { host: string; device: string }; addresses: string[] }[];
  /** Its routes besides those of its addresses. */
  routes: { to: string; via: string }[];
}

/** A gate or a plug of the scenario. */
export interface QueueLayout {
  /** What the scenario calls it. */
  name: string;
  /** Whether it holds some packets of its devices, or all that leave its one. */
  kind: "gate" | "plug";
  /** The host that it is on; absent for this machine. */
  host?: string;
  /** Its devices. */
  devs: string[];
  /** Of a gate. */
  direction?: "ingress" | "egress" | "both";
  /** Of a gate: expressions, one of which a packet fits; none means all packets. */
  match?: string[];
  /** Of a gate: expressions for what passes nevertheless. */
  except?: string[];
  /** Which of these leave first when it is released: expressions as they were written; absent where none do. */
  first?: string[];
  /** The queue limit, in bytes, where the file says it. */
  limitBytes?: number;
}

/** A part of the run: what is made before the steps, the steps, what runs in the end, and taking away what was made. */
export type Phase = "setup" | "steps" | "cleanup" | "undo";

/**
 * What a step does, by its kind's name: `buffer`, `run`, and so on; `release-indefinite` also where the file says
 * `release`. Besides, `round` and `branch` are parts of `repeat` and `parallel`; `make-host` and `delete-host` belong to
 * setup and undoing, as do `open-host` and `close-host` of hosts that are other machines.
 */
export type Action = string;

/** What says which step an event is about. */
export interface StepMark extends EventBase {
  /** Which part of the run it belongs to. */
  phase: Phase;
  /**
   * Which step, the same in its start and its end and in no other: `3` is the third, `3.2` the second below it,
   * `3[7].2` that of its seventh round, `4.client.1` the first of a branch. In other phases the phase stands before it:
   * `setup.attach.web`, `cleanup.1`, `undo.stop.load`.
   */
  step: string;
  /** What is done. */
  action: Action;
  /** The host that it is about; absent for this machine. */
  host?: string;
  /** The gates and plugs that it is about, by name; empty for none. */
  queues: string[];
  /** The process that it is about, by name. */
  process?: string;
}

/** A step begins. */
export interface StepStart extends StepMark {
  /** Which kind of event it is. */
  event: "step-start";
  /** The line of the file, from 1 on; absent where it stands in none. */
  line?: number;
  /** What the file calls the step. */
  name?: string;
  /** What it does, in words: `wait until web has backlog >= 1`. */
  text: string;
  /** Whether other steps stand in it, whose events come between its start and its end. */
  outer?: boolean;
  /** When it was to begin, in microseconds since the scenario began, where the file says so (`at`). */
  due?: number;
  /** Of a round of `repeat`. */
  round?: { number: number; of: number; variable?: string; value: Scalar };
}

/**
 * How a step ended: as it should, with a failure, with an expectation that was not met, or because something else ended
 * the scenario.
 */
export type Outcome = "done" | "failed" | "unmet" | "aborted";

/** A step has ended. */
export interface StepEnd extends StepMark {
  /** Which kind of event it is. */
  event: "step-end";
  /** How it has ended. */
  outcome: Outcome;
  /** How long it took, in microseconds. */
  duration: number;
  /** What the kernel answered: 0, or a positive errno. Also 0 where the kernel was not what refused. */
  errno: number;
  /** The errno's name, `ENOENT`; empty for 0. */
  errnoName: string;
  /** Why it was not done, in a sentence; empty where it was. */
  sentence: string;
  /** What is worth knowing, a sentence each. */
  notes?: string[];
  /** When the kernel was asked, in microseconds since the scenario began, of steps that change queues. */
  asked?: number;
  /**
   * Counters before it, by the queue's name: of the queues that it is about, or else of those that hold, as far as they
   * are there.
   */
  before: Record<string, QdiscStats>;
  /** When those were read, in microseconds since the scenario began; at the step's beginning if not given. */
  beforeAt?: number;
  /**
   * The same after it, read at `t`. After a release the kernel empties a queue a moment later: this is what was there once
   * it had, at most 100 ms later.
   */
  after: Record<string, QdiscStats>;
  /**
   * Of a release, where packets are captured: which of those that waited have left, by the queue's name, as ranges of
   * their numbers: `[[1, 3], [5, 5]]`.
   */
  left?: Record<string, NumberRange[]>;
  /** A process that it started or that has ended in it. */
  ran?: RanProcess;
  /** Whether it was not to be done, as its `when` says. */
  skipped?: boolean;
  /** Of `sleep`: how long it was to be, in microseconds. */
  chosen?: number;
  /** Of `open-host`, and of `close-host`, when its clock may be known less well: what its agent says. */
  opened?: OpenedHost;
}

/** Another machine, as its agent tells of it when a scenario begins there. */
export interface OpenedHost {
  /**
   * How well the times of its events are known: by how many microseconds they may be wrong at most, and what says so.
   */
  clock: { error: number; by: "chrony" | "round trips" };
  /** Its addresses, but for those of its loopback device. */
  addresses: string[];
  /** What it runs. */
  environment: Environment;
}

/** The first and the last of numbers that follow each other. */
export type NumberRange = readonly [first: number, last: number];

/** Numbers of packets as people write them, the first few ranges: `packets 1–3, 5`. */
export function formatRanges(ranges: readonly NumberRange[]): string {
  const shown = ranges.slice(0, RANGES_SHOWN).map(([first, last]) => first === last ? `${first}` : `${first}–${last}`);
  const isOne = ranges.length === 1 && ranges[0][0] === ranges[0][1];
  return `packet${isOne ? "" : "s"} ${[...shown, ...ranges.length > RANGES_SHOWN ? ["…"] : []].join(", ")}`;
}
const RANGES_SHOWN = 5;

/** A process. */
export interface RanProcess {
  /** What `start` calls it; absent for a command that was run to its end. */
  name?: string;
  /** Its number. */
  pid: number;
  /** The program and its arguments. */
  command: string[];
  /** When it was started, in microseconds since the scenario began. */
  from: number;
  /** When it ended, where it has. */
  to?: number;
  /** Its exit status, where it has ended; absent where a signal has ended it. */
  exit?: number;
  /** The signal that ended it. */
  signal?: string;
  /** What it has written to standard output, the last 64 KiB, where it has ended. */
  stdout?: string;
  /** What it has written to standard error, the last 64 KiB, where it has ended. */
  stderr?: string;
  /** Whether it has written more than that. */
  cut?: boolean;
  /** The last 20 lines that it has written to either, in the order in which they were read, where it has ended. */
  last?: string[];
}

/** A process that `start` has started has ended. Comes at any place of the log, when it happens. */
export interface ProcessEnd extends EventBase {
  /** Which kind of event it is. */
  event: "process-end";
  /** Its name. */
  process: string;
  /** The host that it ran on; absent for this machine. */
  host?: string;
  /** The step that started it. */
  step: string;
  /** Whether it could end so: it was told to, or the scenario says so, or the steps were over. */
  isExpected: boolean;
  /** How it has ended, and what it has written. */
  ran: RanProcess;
}

/** Counters in between, where they have changed. Comes at any place of the log, where sampling was asked for. */
export interface Sample extends EventBase {
  /** Which kind of event it is. */
  event: "sample";
  /** Counters by the queue's name, of those that have changed since the last sample. */
  queues: Record<string, QdiscStats>;
}

/** What is told of a packet. */
export interface PacketSeen extends EventBase {
  /** The gate. */
  queue: string;
  /** When that was by the kernel's clock, in nanoseconds since 1970, in decimal. */
  unixNs: string;
  /** How long the packet is, in bytes, with its link header. */
  length: number;
  /** How it begins, where that is with the header of IP at once, as on a tunnel; else it is an Ethernet header. */
  link?: "ip";
  /** Where it comes from: an address with its port, or alone; absent where none was read. */
  from?: string;
  /** Where it goes. */
  to?: string;
  /** Its VLANs, from the outermost on. */
  vlans?: number[];
  /** What it is: `SYN`, `DATA 517 HTTP GET /`. */
  what: string;
}

/** A packet has come into a gate. Comes at any place of the log, where packets are captured. */
export interface PacketIn extends PacketSeen {
  /** Which kind of event it is. */
  event: "packet-in";
  /** Its number among those of the gate, from 1 on. */
  number: number;
  /** Its first 256 bytes, in hexadecimal. */
  bytes: string;
}

/** A packet has left a gate. */
export interface PacketOut extends PacketSeen {
  /** Which kind of event it is. */
  event: "packet-out";
  /** Its number as it came in; absent where that was not seen. */
  number?: number;
  /** How long it was in the gate, in microseconds, where it was seen to come in. */
  waited?: number;
  /** Its first 256 bytes, in hexadecimal, where it was not seen to come in. */
  bytes?: string;
}

/** Packets of a gate that the log does not tell of. */
export interface UnseenPackets {
  /** Packets that came in, of which there is no copy. */
  arrivals: number;
  /** Packets that left, of which there is no copy. */
  departures: number;
  /** Packets that were seen behind the first 20,000 of the run. */
  untold: number;
}

/** The last event. */
export interface ScenarioEnd extends EventBase {
  /** Which kind of event it is. */
  event: "scenario-end";
  /** `unmet` where an expectation was not met, `aborted` where a signal ended it. */
  outcome: Outcome;
  /** Why, in a sentence; empty where it was done. */
  sentence: string;
  /** The step that was not done; absent where none was. */
  step?: string;
  /** Whether everything was undone. */
  undone: boolean;
  /** What each queue has seen from when it was attached until it was detached, added up. */
  queues: Record<string, QueueTotal>;
  /** How many steps were done, each round's counted, without `repeat` and `parallel` themselves. */
  steps: number;
  /** Where packets are captured: what the log does not tell of, by the gate's name; empty where it tells of all. */
  unseen?: Record<string, UnseenPackets>;
}

/** What a queue has seen. */
export interface QueueTotal {
  /** Packets that it has let through. */
  packets: number;
  /** Bytes that it has let through. */
  bytes: number;
  /** Packets that it has dropped because its limit was reached. */
  drops: number;
  /** How often it was told to hold while it passed packets. */
  holds: number;
  /** The longest time between that and its release, in microseconds. */
  longestHold: number;
  /** The most packets that were seen in it at once. */
  mostHeld: number;
}
