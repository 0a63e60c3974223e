import type { Mistake } from "../mistake.ts";
import type { Place } from "../source/tree.ts";
import type { Scope } from "../source/variables.ts";

/** Something that a scenario names, and where. */
export interface Reference extends Place {
  kind: "queue" | "gate" | "plug" | "process" | "host";
  name: string;
}

/** What steps have where they say nothing else. */
export interface Defaults {
  host?: string;
  timeoutMs?: number;
  env: Readonly<Record<string, string>>;
  cwd?: string;
}

/** What is gathered while a file is made into a plan. */
export interface Context {
  readonly scope: Scope;
  readonly defaults: Defaults;
  /** Whether the scenario brings hosts, one of which gates and plugs then need. */
  readonly hasHosts: boolean;
  readonly mistakes: Mistake[];
  /** Names that must be defined somewhere. */
  readonly references: Reference[];
  /** Names of gates and plugs with what they are, and of processes. */
  readonly queues: Map<string, "gate" | "plug">;
  readonly processes: Set<string>;
  /** How many steps there are, those of every round counted. */
  readonly count: { steps: number };
}
