import type { Phase, StepEnd, StepMark, StepStart } from "../event.ts";
import type { EventLog } from "./event_log.ts";
import { errnoOf, outcomeOf, sentenceOf } from "./step_error.ts";
import type { Details, Stage } from "./stage.ts";

/** What is done, and where that is logged. */
export interface Course {
  stage: Stage;
  phase: Phase;
  log: EventLog;
  signal: AbortSignal;
  /** Called with each step that was not done, an inner one before the one that it is part of. */
  onFailure: (step: string, error: unknown) => void;
}

/** What an event says of its step, but for what the course says. */
export type Mark = Pick<StepMark, "step" | "action" | "host" | "process"> & { queues?: readonly string[] };

/** What is told at the end of a step besides how it has ended. */
export type End = Details & Pick<StepEnd, "before" | "beforeAt" | "after">;

/** A step as it begins, and what is to be done. */
export interface Logged extends Omit<StepStart, "event" | keyof StepMark> {
  mark: Mark;
  work: (end: End) => void | Promise<void>;
}

/** Does a step, and says that it begins and how it has ended. */
export async function logged({ mark, work, ...start }: Logged, course: Course): Promise<void> {
  const { stage, phase, log, signal, onFailure } = course;
  const from = stage.now();
  const own = { phase, ...mark, queues: [...mark.queues ?? []] };
  const end: End = { before: {}, after: {} };
  const emitEnd = (how: Pick<StepEnd, "outcome" | "errno" | "errnoName" | "sentence">) => {
    const t = stage.now();
    log.emit({ event: "step-end", t, ...own, ...how, duration: t - from, ...end });
  };
  log.emit({ event: "step-start", t: from, ...own, ...start });
  try {
    await work(end);
  } catch (error) {
    emitEnd({ outcome: outcomeOf(error, signal), ...errnoOf(error), sentence: sentenceOf(error) });
    onFailure(mark.step, error);
    throw error;
  }
  emitEnd({ outcome: "done", errno: 0, errnoName: "", sentence: "" });
}
