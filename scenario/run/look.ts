import type { QdiscStats } from "../../codec/message.ts";
import { fitsNumber, formatNumberTest, type NumberTest } from "../number_check.ts";
import type { Condition, Counter, PortCondition, ProcessCondition, ProcessTest, QueueCondition } from "../plan.ts";
import { fitsText } from "../text_check.ts";
import { canConnect, isListening } from "./port.ts";
import type { ScenarioProcess } from "./process.ts";
import type { Stage } from "./stage.ts";
import { StepError } from "./step_error.ts";

/** What a look at a condition has found. */
export interface Look {
  holds: boolean;
  /** What is, in words. */
  found: string;
  /** Whether it cannot hold any more, however long one waits. */
  never?: boolean;
}

/** Looks whether a condition holds at this moment. */
export async function look(
  { condition, host }: { condition: Condition; host?: string },
  stage: Stage,
): Promise<Look> {
  switch (condition.about) {
    case "queue":
      return lookAtQueue(condition, stage);
    case "process":
      return lookAtProcess(condition, stage);
    case "port":
      return await lookAtPort({ ...condition, host }, stage);
  }
}

function lookAtQueue({ queue, counters }: QueueCondition, { queues }: Stage): Look {
  const stats = queues.stats(queue);
  const tests = Object.entries(counters) as [Counter, NumberTest][];
  const values = tests.map(([counter]) => counter === "hits" ? queues.hits(queue) : stats[FIELDS[counter]]);
  return {
    holds: tests.every(([, test], index) => fitsNumber(values[index], test)),
    found: tests.map(([counter], index) => `${counter} of ${queue} is ${values[index]}`).join(", "),
  };
}

const FIELDS: Readonly<Record<Exclude<Counter, "hits">, keyof QdiscStats>> = {
  "backlog": "backlogPackets",
  "backlog-bytes": "backlogBytes",
  "sent": "packets",
  "sent-bytes": "bytes",
  "drops": "drops",
};

function lookAtProcess({ process: name, line, ...test }: ProcessCondition, { processes }: Stage): Look {
  const process = findProcess(processes, name);
  const hasEnded = process.status !== undefined;
  if (line && !process.output.takeLine(line)) {
    return { holds: false, found: `${name} has not written ${line.source}`, never: hasEnded };
  }
  if (line) return { holds: true, found: `${name} has written ${line.source}` };
  if (!hasEnded) return { holds: false, found: `${name} still runs` };
  const wrong = wrongEnd(process, test);
  return { holds: wrong === undefined, found: wrong ?? `${name} has ended so`, never: wrong !== undefined };
}

/** The process of a name. */
export function findProcess(processes: ReadonlyMap<string, ScenarioProcess>, name: string): ScenarioProcess {
  const process = processes.get(name);
  if (process) return process;
  throw new StepError(`Cannot find process ${name}: it has not been started`);
}

/** What is wrong about the end of a process, in words; `undefined` where it is as it should be. */
export function wrongEnd(process: ScenarioProcess, { exit, stdout, stderr }: ProcessTest): string | undefined {
  const ran = process.describe();
  const name = process.name ?? "it";
  const isRight = exit === "any" ||
    ran.exit !== undefined && fitsNumber(ran.exit, exit ?? { operator: "=", number: 0 });
  if (!isRight) {
    const how = ran.signal ? `was ended by ${ran.signal}` : `has ended with exit status ${ran.exit}`;
    return exit === undefined ? `${name} ${how}` : `${name} ${how}, expected ${formatNumberTest(exit)}`;
  }
  if (stdout && !fitsText(ran.stdout ?? "", stdout)) return `${name} has not written ${stdout.source} to stdout`;
  if (stderr && !fitsText(ran.stderr ?? "", stderr)) return `${name} has not written ${stderr.source} to stderr`;
}

async function lookAtPort(
  { host, port, address, answers }: PortCondition & { host?: string },
  { hosts }: Stage,
): Promise<Look> {
  const netns = hosts.netnsOf(host);
  const does = address === undefined ? isListening(port, netns) : await canConnect({ hostname: address, port }, netns);
  return { holds: does === answers, found: `port ${port} ${does ? "answers" : "does not answer"}` };
}
