import { describeCommand, howEnded, lastWords } from "../command.ts";
import type { RanProcess } from "../event.ts";
import type { PlannedCommand } from "../plan.ts";
import { bounded, TooLate } from "./clock.ts";
import { formatDuration } from "../../plug/quantity.ts";
import type { ScenarioProcess } from "./process.ts";
import type { Details, Stage } from "./stage.ts";
import { StepError } from "./step_error.ts";

/** Where a command is run. */
export interface CommandScene {
  stage: Stage;
  signal: AbortSignal;
  host?: string;
  details?: Details;
}

/**
 * Runs a command to its end, and returns how it has ended.
 *
 * @throws {StepError} where it cannot be run, or still runs after its `timeoutMs`; it is killed then
 */
export async function runCommand(
  command: PlannedCommand & { timeoutMs?: number },
  { stage, signal, host, details = {} }: CommandScene,
): Promise<RanProcess> {
  const process = stage.processes.run(command, host);
  try {
    const { clock } = stage;
    await endWithin(process, { timeoutMs: command.timeoutMs, what: describeCommand(command), clock, signal });
  } finally {
    if (!process.status) process.signal("SIGKILL");
    await process.ended;
    details.ran = process.describe();
  }
  return details.ran;
}

/**
 * Waits for the end of a process.
 *
 * @throws {StepError} where it still runs after `timeoutMs`
 */
export async function endWithin(
  process: ScenarioProcess,
  { timeoutMs, what, clock, signal }: {
    timeoutMs?: number;
    what: string;
    clock: Stage["clock"];
    signal: AbortSignal;
  },
): Promise<void> {
  try {
    await bounded(process.ended, { timeoutMs, signal, clock });
  } catch (error) {
    if (!(error instanceof TooLate) || timeoutMs === undefined) throw error;
    throw new StepError(`Timed out after ${formatDuration(timeoutMs)}: ${what} still runs`, { cause: error });
  }
}

/** How a command has ended, in words: `curl http://server/ ended with exit status 7; it says: …`. */
export function commandEnded(command: PlannedCommand, ran: RanProcess, tries = ""): string {
  return `${howEnded({ ...ran, name: describeCommand(command) })}${tries}${lastWords(ran)}`;
}
