import type { Sink } from "./event_log.ts";
import type { Clock } from "./clock.ts";
import type { Hosts } from "./hosts.ts";
import type { ScenarioProcess } from "./process.ts";
import type { Queues } from "./queues.ts";

/** What the steps of a scenario work with. */
export interface Stage {
  clock: Clock;
  /** Microseconds since the scenario began. */
  now: () => number;
  /** A time of the clock in microseconds since the scenario began. */
  micros: (time: number) => number;
  seed: number;
  /** The folder of the scenario's file, in which commands run. */
  folder: string;
  /** What each command has in its environment besides what the scenario says. */
  env: Readonly<Record<string, string>>;
  hosts: Hosts;
  queues: Queues;
  /** Those that `start` has started, by name. */
  processes: Map<string, ScenarioProcess>;
  /** Takes events that belong to no step. */
  emit: Sink;
}
