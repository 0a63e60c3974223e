import type { ScenarioEvent } from "../event.ts";

/** Takes events. */
export type Sink = (event: ScenarioEvent) => void;

/** Where branches that run at the same time write their events, and how they come out. */
export interface EventLog {
  emit: Sink;
  /** A log for each of several branches, which is closed when its branch has ended. */
  branches(count: number): BranchLog[];
}

/** The log of a branch. */
export interface BranchLog extends EventLog {
  close(): void;
}

/** Passes events on as they come. */
export function logByTime(sink: Sink): EventLog {
  const log: BranchLog = { emit: sink, branches: (count) => Array.from({ length: count }, () => log), close: () => {} };
  return log;
}

/** Passes events on in the order of the file: those of a branch when the branches before it have ended. */
export function logByFile(sink: Sink): EventLog {
  return { emit: sink, branches: (count) => branchesInOrder(sink, count) };
}

function branchesInOrder(sink: Sink, count: number): BranchLog[] {
  const held: ScenarioEvent[][] = Array.from({ length: count }, () => []);
  const closed = new Set<number>();
  let turn = 0;
  const advance = () => {
    while (closed.has(turn)) {
      turn++;
      for (const event of held[turn]?.splice(0) ?? []) sink(event);
    }
  };
  return held.map((events, index) => {
    const emit: Sink = (event) => index === turn ? sink(event) : void events.push(event);
    const close = () => {
      closed.add(index);
      advance();
    };
    return { ...logByFile(emit), close };
  });
}
