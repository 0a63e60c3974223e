import type { StepEnd } from "../event.ts";
import type { Scalar } from "../plan.ts";
import type { Clock } from "./clock.ts";
import type { Sink } from "./event_log.ts";
import type { Hosts } from "./hosts.ts";
import type { Processes } from "./processes.ts";
import type { Queues } from "./queues.ts";

/** What the steps of a scenario work with. */
export interface Stage {
  clock: Clock;
  /** Microseconds since the scenario began. */
  now: () => number;
  /** A time of the clock in microseconds since the scenario began. */
  micros: (time: number) => number;
  seed: number;
  /** The variables that steps have set. */
  values: Map<string, Scalar>;
  /** The folder of the scenario's file, in which commands run. */
  folder: string;
  hosts: Hosts;
  queues: Queues;
  processes: Processes;
  /** Takes events that belong to no step. */
  emit: Sink;
}

/** What is told of a step besides how it ended. */
export type Details = Pick<StepEnd, "notes" | "asked" | "ran" | "chosen" | "skipped">;
