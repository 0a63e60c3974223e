import { numberOf } from "../plug/quantity.ts";
import { formatNumberTest, type NumberTest } from "./number_check.ts";
import type { CommandCondition, Condition, PlannedCommand, PlannedQueue, PlannedStep, ProcessTest } from "./plan.ts";

/** What a step does, in words. */
export function describeStep(step: PlannedStep): string {
  switch (step.action) {
    case "attach":
      return `attach ${describeQueue(step.queue)}`;
    case "detach":
    case "buffer":
    case "release-one":
    case "release-indefinite":
      return `${step.action} ${step.queues.join(", ")}`;
    case "limit":
      return `limit ${step.queues.join(", ")} to ${step.limitBytes} bytes`;
    case "run":
      return `run ${describeCommand(step)}`;
    case "start":
      return `start ${step.process}: ${describeCommand(step)}`;
    case "stop":
      return `stop ${step.process} by ${step.signal}`;
    case "join":
      return `wait until ${step.process} has ended${describeEnd(step)}`;
    case "sleep":
      return `sleep ${describeRange(step)}`;
    case "wait":
      return `wait until ${describeCondition(step.condition)}`;
    case "expect":
      return `expect that ${describeCondition(step.condition)}`;
    case "log":
      return step.text;
    case "repeat":
      return `repeat ${numberOf(step.rounds.length, "time")}`;
    case "parallel":
      return `at the same time: ${step.branches.map(({ name }) => name).join(", ")}`;
  }
}

/** A gate or a plug, in words. */
export function describeQueue(queue: PlannedQueue): string {
  const limit = queue.limitBytes === undefined ? "" : `, limit ${queue.limitBytes} bytes`;
  const host = queue.host === undefined ? "" : ` of ${queue.host}`;
  if (queue.kind === "plug") return `plug ${queue.name} to ${queue.dev}${host}${limit}`;
  const match = queue.match.length > 0 ? queue.match.join(" or ") : "all packets";
  return `gate ${queue.name} to ${queue.devs.join(", ")}${host}: ${queue.direction}, ${match}${limit}`;
}

/** A command in one line, as one would type it. */
export function describeCommand({ command }: PlannedCommand): string {
  const line = typeof command === "string" ? command.trim() : command.map(quoted).join(" ");
  return line.replaceAll(/\s*\n\s*/g, "; ");
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A condition, in words. */
export function describeCondition(condition: Condition | CommandCondition): string {
  switch (condition.about) {
    case "queue": {
      const tests = Object.entries(condition.counters) as [string, NumberTest][];
      return tests.map(([counter, test]) => `${counter} of ${condition.queue} ${formatNumberTest(test)}`).join(" and ");
    }
    case "process": {
      const { line } = condition;
      const written = line ? [`${condition.process} has written ${line.source}`] : [];
      const end = describeEnd(condition);
      return [...written, ...end ? [`${condition.process} has ended${end}`] : []].join(" and ");
    }
    case "port": {
      const { port, address, answers } = condition;
      const where = address === undefined ? `port ${port}` : `port ${port} of ${address}`;
      return `${where} ${answers ? "answers" : "does not answer"}`;
    }
    case "command":
      return `${describeCommand(condition)} ends${describeEnd(condition) || " with exit status 0"}`;
  }
}

function describeEnd({ exit, stdout, stderr }: ProcessTest): string {
  const status = exit === undefined || exit === "any" ? [] : [`exit status ${formatNumberTest(exit)}`];
  const texts = [stdout && `${stdout.source} in stdout`, stderr && `${stderr.source} in stderr`].filter(Boolean);
  const parts = [...status, ...texts];
  if (parts.length > 0) return ` with ${parts.join(" and ")}`;
  return exit === "any" ? " with any exit status" : "";
}

function describeRange({ leastMs, mostMs }: { leastMs: number; mostMs: number }): string {
  if (leastMs === mostMs) return formatDuration(leastMs);
  return `${formatDuration(leastMs)} to ${formatDuration(mostMs)}`;
}

/** A duration with its unit: `500us`, `20ms`, `1.5s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds >= 1000) return `${milliseconds / 1000}s`;
  return milliseconds >= 1 || milliseconds === 0 ? `${milliseconds}ms` : `${milliseconds * 1000}us`;
}
