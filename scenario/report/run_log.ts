import type { QdiscStats } from "../../codec/message.ts";
import type {
  OpenedHost,
  PacketIn,
  PacketOut,
  ProcessEnd,
  ScenarioEnd,
  ScenarioEvent,
  ScenarioStart,
  StepEnd,
  StepStart,
} from "../event.ts";
import type { OutputLine } from "../run/processes.ts";

/** A scenario's events, put together. */
export interface RunLog {
  start: ScenarioStart;
  /** Absent where the log breaks off. */
  end?: ScenarioEnd;
  /** The steps that are part of no other, of all phases, as they were begun. */
  steps: readonly StepRecord[];
  /** Every look at a queue, by the queue's name, in the order of time. */
  looks: ReadonlyMap<string, readonly Look[]>;
  /** How each process that was started has ended, by the step that started it. */
  processes: ReadonlyMap<string, ProcessEnd>;
  /** Packets that came into gates and left them, as they were seen. */
  packets: readonly (PacketIn | PacketOut)[];
  /** What is known of hosts that are other machines, by their names. */
  machines: ReadonlyMap<string, OpenedHost>;
  /** The lines of the scenario's file, where they are known. */
  source?: readonly string[];
  /** What processes have written, as they wrote it, where that is known. */
  output?: readonly OutputLine[];
}

/** A step, from its start to its end. */
export interface StepRecord {
  start: StepStart;
  /** Absent where the log breaks off. */
  end?: StepEnd;
  /** The steps that it is made of: those of a `repeat` are its rounds. */
  steps: readonly StepRecord[];
}

/** A queue's counters at one moment. */
export interface Look {
  /** Microseconds since the scenario began. */
  t: number;
  stats: QdiscStats;
}

/**
 * Reads a log.
 *
 * @throws {SyntaxError} where it does not begin with the scenario's start, or a step ends that was not begun
 */
export function readRunLog(events: Iterable<ScenarioEvent>): RunLog {
  const [start, ...rest] = events;
  if (start?.event !== "scenario-start") throw new SyntaxError("Cannot read the log: it does not begin with its start");
  const steps = readSteps(rest);
  const ends = rest.filter((event) => event.event === "process-end");
  return {
    start,
    end: rest.find((event) => event.event === "scenario-end"),
    steps,
    looks: readLooks(rest, steps),
    processes: new Map(ends.map((event) => [event.step, event])),
    machines: new Map(
      rest.flatMap((event) =>
        event.event === "step-end" && event.opened && event.host !== undefined
          ? [[event.host, event.opened] as const]
          : []
      ),
    ),
    packets: rest.filter((event) => event.event === "packet-in" || event.event === "packet-out"),
  };
}

/** A step and all that it is made of, in the order in which they were begun. */
export function* everyStep(steps: readonly StepRecord[]): Generator<StepRecord> {
  for (const step of steps) {
    yield step;
    yield* everyStep(step.steps);
  }
}

/** When a step took effect: when the kernel was asked, or where it was not, when the step began. */
export function momentOf({ start, end }: StepRecord): number {
  return end?.asked ?? start.t;
}

/** By how much times of what is on these hosts may be wrong, in microseconds; nothing where all are this machine's. */
export function clockError({ machines }: RunLog, hosts: readonly (string | undefined)[]): number | undefined {
  const errors = hosts.flatMap((host) => machines.get(host ?? "")?.clock.error ?? []);
  return errors.length === 0 ? undefined : Math.max(...errors);
}

/** The host that each gate and plug is on. */
export function hostsOfQueues({ start }: RunLog): ReadonlyMap<string, string | undefined> {
  return new Map(start.queues.map(({ name, host }) => [name, host]));
}

type GrowingStep = StepRecord & { steps: StepRecord[] };

/** By what they are called, since the steps of branches may come in between each other. */
function readSteps(events: readonly ScenarioEvent[]): StepRecord[] {
  const steps: StepRecord[] = [];
  const known = new Map<string, GrowingStep>();
  for (const event of events) {
    if (event.event === "step-start") {
      const step = { start: event, steps: [] };
      (known.get(parentOf(event.step))?.steps ?? steps).push(step);
      known.set(event.step, step);
    } else if (event.event === "step-end") {
      const step = known.get(event.step);
      if (!step) throw new SyntaxError(`Cannot read the log: step ${event.step} ends that was not begun`);
      step.end = event;
    }
  }
  return steps;
}

/** The step that one is part of: `3[7]` for `3[7].2`, `3` for `3[7]`; of a first one, no step's name. */
function parentOf(step: string): string {
  return step.slice(0, Math.max(step.lastIndexOf("."), step.lastIndexOf("["), 0));
}

function readLooks(events: readonly ScenarioEvent[], steps: readonly StepRecord[]): Map<string, Look[]> {
  const looks = new Map<string, Look[]>();
  const add = (t: number, queues: Readonly<Record<string, QdiscStats>>) => {
    for (const [name, stats] of Object.entries(queues)) {
      const known = looks.get(name);
      if (known) known.push({ t, stats });
      else looks.set(name, [{ t, stats }]);
    }
  };
  for (const event of events) if (event.event === "sample") add(event.t, event.queues);
  for (const step of everyStep(steps)) {
    if (!step.end) continue;
    add(step.end.beforeAt ?? momentOf(step), step.end.before);
    add(step.end.t, step.end.after);
  }
  for (const each of looks.values()) each.sort((one, other) => one.t - other.t);
  return looks;
}
