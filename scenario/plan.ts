/**
 * What a scenario means, once it has been read and every value of it checked: durations are milliseconds, sizes are
 * bytes, variables have their values. What is written in YAML and how is in `schema/`.
 *
 * @module
 */

import type { Direction } from "../gate/gate_note.ts";
import type { NumberTest } from "./number_check.ts";
import type { TextTest } from "./text_check.ts";

/** A value of a variable. */
export type Scalar = string | number | boolean;

/** A scenario, checked. */
export interface ScenarioPlan {
  name: string;
  description?: string;
  /** How long its steps may take altogether, in milliseconds. */
  timeoutMs: number;
  /** How long a queue may hold without a release, in milliseconds. */
  maxHoldMs: number;
  /** What random choices are made from, where the file says it. */
  seed?: number;
  /** The variables with their values, those of `--set` included. */
  vars: Readonly<Record<string, Scalar>>;
  hosts: readonly PlannedHost[];
  /** The gates and plugs that are there from the first step on. */
  queues: readonly PlannedQueue[];
  steps: readonly PlannedStep[];
  /** Steps that run in the end, whatever happened. */
  cleanup: readonly PlannedStep[];
}

/** A network namespace: one that is made, or one that is there. */
export interface PlannedHost {
  name: string;
  /** Where one that is there is found: a name, a path, or `pid:N`. */
  netns?: string;
  devices: readonly PlannedDevice[];
  routes: readonly PlannedRoute[];
  /** Whether it passes on packets that are for others. */
  forward: boolean;
}

/** An end of a cable. */
export interface PlannedDevice {
  name: string;
  /** The host at the other end, and its device there. */
  to: { host: string; device: string };
  /** With their prefix lengths: `10.0.0.1/24`. */
  addresses: readonly string[];
  mtu?: number;
}

/** A route of a host. */
export interface PlannedRoute {
  /** `default`, or an address with its prefix length. */
  to: string;
  /** The address of the host that passes on. */
  via: string;
}

/** A gate or a plug. */
export type PlannedQueue = PlannedGate | PlannedPlug;

/** What gates and plugs have alike. */
export interface PlannedQueueBase {
  name: string;
  /** The host that it is on; absent for this machine. */
  host?: string;
  /** How much it holds before it drops, in bytes. */
  limitBytes?: number;
  /** The line of the file that defines it. */
  line: number;
}

/** A gate. */
export interface PlannedGate extends PlannedQueueBase {
  kind: "gate";
  devs: readonly string[];
  direction: Direction;
  match: readonly string[];
  priority?: number;
  /** Whether its packets may bypass filters that others have put behind it. */
  force?: boolean;
}

/** A plug. */
export interface PlannedPlug extends PlannedQueueBase {
  kind: "plug";
  dev: string;
  parent?: number;
  handle?: number;
}

/** What every step has. */
export interface PlannedStepBase {
  /** What the file calls it. */
  name?: string;
  /** The host that it is done on; absent for this machine, and where it is done on none. */
  host?: string;
  /** When it is to be done, in milliseconds since its list of steps began; at once if that is over. */
  atMs?: number;
  /** Where it stands in the file, from 1 on. */
  line: number;
}

/** A step. */
export type PlannedStep =
  | AttachStep
  | DetachStep
  | ChangeStep
  | LimitStep
  | RunStep
  | StartStep
  | StopStep
  | JoinStep
  | SleepStep
  | WaitStep
  | ExpectStep
  | LogStep
  | RepeatStep
  | ParallelStep;

/** Makes a gate or a plug. */
export interface AttachStep extends PlannedStepBase {
  action: "attach";
  queue: PlannedQueue;
}

/** Takes gates and plugs away, without loss. */
export interface DetachStep extends PlannedStepBase {
  action: "detach";
  queues: readonly string[];
}

/** Holds or releases, all in one send. */
export interface ChangeStep extends PlannedStepBase {
  action: "buffer" | "release-one" | "release-indefinite";
  queues: readonly string[];
}

/** Sets how much queues hold. */
export interface LimitStep extends PlannedStepBase {
  action: "limit";
  queues: readonly string[];
  limitBytes: number;
}

/** A command, and what it runs with. */
export interface PlannedCommand {
  /** The program and its arguments, or a line for `sh -c`. */
  command: readonly string[] | string;
  env: Readonly<Record<string, string>>;
  /** The folder that it runs in, from that of the file. */
  cwd?: string;
  /** What it reads. */
  stdin?: string;
}

/** How a process must have ended, and what it must have written. */
export interface ProcessTest {
  /** Its exit status. Default: it must be 0, though that is no expectation of the scenario's. */
  exit?: NumberTest | "any";
  stdout?: TextTest;
  stderr?: TextTest;
}

/** Runs a command to its end. */
export interface RunStep extends PlannedStepBase, PlannedCommand, ProcessTest {
  action: "run";
  timeoutMs?: number;
}

/** Starts a process that runs beside the steps. */
export interface StartStep extends PlannedStepBase, PlannedCommand {
  action: "start";
  process: string;
}

/** Ends a process. */
export interface StopStep extends PlannedStepBase {
  action: "stop";
  process: string;
  signal: Deno.Signal;
  /** After which it is killed. */
  timeoutMs: number;
}

/** Waits for the end of a process. */
export interface JoinStep extends PlannedStepBase, ProcessTest {
  action: "join";
  process: string;
  timeoutMs?: number;
}

/** Waits for a time. */
export interface SleepStep extends PlannedStepBase {
  action: "sleep";
  /** In milliseconds; where they differ, a time between them is chosen by the seed. */
  leastMs: number;
  mostMs: number;
}

/** Waits for a condition. */
export interface WaitStep extends PlannedStepBase {
  action: "wait";
  condition: Condition;
  timeoutMs: number;
}

/** Fails where a condition does not hold now, or a command does not end as it should. */
export interface ExpectStep extends PlannedStepBase {
  action: "expect";
  condition: Condition | CommandCondition;
}

/** What can be waited for. */
export type Condition = QueueCondition | ProcessCondition | PortCondition;

/** What is counted at a queue. */
export type Counter = "backlog" | "backlog-bytes" | "sent" | "sent-bytes" | "drops" | "hits";

/** Counters of a gate or a plug, all of which must fit. */
export interface QueueCondition {
  about: "queue";
  queue: string;
  counters: Readonly<Partial<Record<Counter, NumberTest>>>;
}

/** A process that has ended, or that has written a line. */
export interface ProcessCondition extends ProcessTest {
  about: "process";
  process: string;
  /** In a line that was not found by an earlier step. */
  line?: TextTest;
}

/** A TCP port. */
export interface PortCondition {
  about: "port";
  port: number;
  /** Connects there. Without it, the host is asked whether a process listens, and no packet is sent. */
  address?: string;
  answers: boolean;
}

/** A command that is run to its end. */
export interface CommandCondition extends PlannedCommand, ProcessTest {
  about: "command";
  timeoutMs?: number;
}

/** Says something. */
export interface LogStep extends PlannedStepBase {
  action: "log";
  text: string;
}

/** Does steps several times. */
export interface RepeatStep extends PlannedStepBase {
  action: "repeat";
  /** The variable that each round has a value of. */
  variable?: string;
  rounds: readonly Round[];
}

/** One time. */
export interface Round {
  value: Scalar;
  /** The same list for each round where the variable is not used. */
  steps: readonly PlannedStep[];
}

/** Does several lists of steps at the same time, and is done when all are. */
export interface ParallelStep extends PlannedStepBase {
  action: "parallel";
  branches: readonly { name: string; steps: readonly PlannedStep[] }[];
}
