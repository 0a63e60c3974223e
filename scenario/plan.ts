/**
 * What a scenario means, once it has been read and every value of it checked: durations are milliseconds, sizes are
 * bytes, variables have their values. How YAML is read is in `source/`.
 *
 * @module
 */

import type { Chance } from "../plug/chance.ts";
import type { Direction } from "../plug/gate_device.ts";
import type { NumberTest } from "../plug/quantity.ts";

/** A value of a variable. */
export type Scalar = string | number | boolean;

/** Variables with their values, for which a scenario is run. */
export type Row = Readonly<Record<string, Scalar>>;

/** A row in words: `port=80, reply=late`; nothing where it has no variable. */
export function describeRow(row: Row): string {
  return Object.entries(row).map(([name, value]) => `${name}=${value}`).join(", ");
}

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
  /** Which gates' packets are told of: all, none, or these; absent where the file does not say. */
  capture?: boolean | readonly string[];
  /** The gates whose packets conditions are about, with the expressions by which they are counted; captured whatever `capture` says. */
  watched: ReadonlyMap<string, ReadonlySet<string>>;
  /** The variables with their values, those of `--set` included. */
  vars: Readonly<Record<string, Scalar>>;
  /** The rows of its matrix, of which it is planned for the first; one without variables where it has none. */
  rows: readonly Row[];
  hosts: readonly PlannedHost[];
  /** The gates and plugs that are there from the first step on. */
  queues: readonly PlannedQueue[];
  steps: readonly Step[];
  /** The names of steps from whose beginning on conditions count. */
  moments: readonly string[];
  /** Steps that run in the end, whatever happened. */
  cleanup: readonly Step[];
}

/** A network namespace, one that is made or one that is there; or another machine. */
export interface PlannedHost {
  name: string;
  /** Where one that is there is found: a name, a path, or `pid:N`. */
  netns?: string;
  /** What another machine is called in the fleet, whose agent does what is to be done there. */
  on?: string;
  /** Its address, where the file says it of another machine. */
  address?: string;
  devices: readonly PlannedDevice[];
  routes: readonly PlannedRoute[];
  /** Whether it passes on packets that are for others. */
  forward: boolean;
  /** What the commands of this host run with. */
  settings: Settings;
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
  /** The queue limit, in bytes. */
  limitBytes?: number;
  /** The line of the file that defines it. */
  line: number;
}

/** A gate. */
export interface PlannedGate extends PlannedQueueBase, Chance {
  kind: "gate";
  devs: readonly string[];
  direction: Direction;
  match: readonly string[];
  except: readonly string[];
  /** Which of these leave first when it is released. */
  first?: readonly string[];
  /** Whether ARP and neighbour discovery are held, too, where it has no match. */
  withArp?: boolean;
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

/**
 * A step. What else belongs to one of its kind is in the file of that kind in `steps/`, which alone knows it: to all
 * others a step is this.
 */
export interface Step {
  /** Which kind it is of. */
  action: string;
  /** What the file calls it. */
  name?: string;
  /** The host that it is done on; absent for this machine, and where it is done on none. */
  host?: string;
  /** When it is to be done, in milliseconds since its list of steps began; at once if that is over. */
  atMs?: number;
  /** How long it must have taken, in milliseconds. */
  took?: NumberTest;
  /** After how long it is ended, with the steps in it, in milliseconds. */
  allowedMs?: number;
  /** Whether the scenario stops before it, where somebody is there to look. */
  break?: boolean;
  /** Whether it is done at all: a condition that must hold then, about this host. */
  when?: boolean | { condition: Condition; host?: string };
  /** What it does, as the file says it, while values of it are not known; absent where its kind can say it. */
  words?: string;
  /** Makes it anew with the values that variables have by then which other steps set; absent where it uses none. */
  replan?: (values: ReadonlyMap<string, Scalar>) => Step;
  /** Where it stands in the file, from 1 on. */
  line: number;
}

/** What can be waited for, and expected. What else belongs to one of its kind is in its file in `conditions/`. */
export interface Condition {
  /** Which kind it is of. */
  about: string;
}

/** What commands run with. */
export interface Settings {
  env: Readonly<Record<string, string>>;
  /** The folder that they run in, from that of the file. */
  cwd?: string;
  /** The user that they run as, by name or number; absent for the one that runs the scenario. */
  user?: string;
}

/** A command, and what it runs with. */
export interface PlannedCommand extends Settings {
  /** The program and its arguments, or a line for `sh -c`. */
  command: readonly string[] | string;
  /** What it reads. */
  stdin?: string;
}

/** How a process must have ended, and what it must have written. */
export interface ProcessTest {
  /** Its exit status. Default: it must be 0, though that is no expectation of the scenario's. */
  exit?: NumberTest | "any";
  stdout?: TextTest;
  stderr?: TextTest;
  /** How long it must have taken, in milliseconds. */
  took?: NumberTest;
}

/** What a text must be: it must contain something, or fit a regular expression. */
export interface TextTest {
  /** As it is written in the file. */
  readonly source: string;
  /** Absent where the text must contain `source`. */
  readonly pattern?: RegExp;
}

/**
 * Parses `ready`, which must be contained, or `/^ready [0-9]+$/m`, a regular expression.
 *
 * @throws {SyntaxError} where the regular expression is none
 */
export function parseTextTest(source: string): TextTest {
  const [, pattern, flags] = /^\/(.+)\/([a-z]*)$/s.exec(source) ?? [];
  return pattern === undefined ? { source } : { source, pattern: new RegExp(pattern, flags) };
}

/** Whether a text fits. */
export function fitsText(text: string, { source, pattern }: TextTest): boolean {
  return pattern ? text.search(pattern) >= 0 : text.includes(source);
}
