import { removalRemarks } from "../../plug/detach_report.ts";
import { endProcesses, isTagged } from "../../guardian/processes.ts";
import { formatDuration } from "../../plug/quantity.ts";
import { bounded, TooLate } from "./clock.ts";
import { type Course, logged } from "./stage.ts";
import type { ScenarioProcess } from "./process.ts";
import { disturbed, type WhyCutShort } from "./queues.ts";
import { StepError } from "./step_error.ts";
import { countersOf } from "./steps.ts";

/** How long a process may take to end after SIGTERM, in milliseconds. */
const GRACE_MS = 2000;

/** Lets go whatever is held. */
export async function releaseAll(course: Course, step = "undo.release"): Promise<void> {
  const { queues } = course.stage;
  const held = queues.holding;
  if (held.length === 0) return;
  await attempt(course, {
    mark: { step, action: "release-indefinite", queues: held },
    text: `release ${held.join(", ")}`,
    work: async (end) => {
      end.before = countersOf(held, queues);
      end.asked = course.stage.now();
      try {
        queues.releaseAll();
        await queues.settled(held);
      } finally {
        end.after = countersOf(held, queues);
      }
    },
  });
}

/**
 * Takes away everything that the scenario has made: its processes, its gates and plugs, without loss, and its hosts. What
 * cannot be taken away keeps nothing else from it.
 */
export async function undoAll(course: Course, { tag }: { tag: string }): Promise<void> {
  const { processes, queues, packets, hosts } = course.stage;
  const { running } = processes;
  for (const process of running) process.signal("SIGTERM");
  for (const process of running) await stopProcess(process, course);
  // Daemons, and whatever else a command has left behind.
  await endProcesses(isTagged(tag)).catch((error) => course.onFailure("undo.processes", error));
  for (const name of queues.names) await detach(name, course);
  packets?.[Symbol.dispose]();
  queues[Symbol.dispose]();
  const names = hosts.made.map(({ name }) => name).join(", ");
  if (names === "") return;
  const mark = { step: "undo.hosts", action: "delete-host" as const };
  await attempt(course, { mark, text: `delete hosts ${names}`, work: () => hosts.delete() });
}

async function stopProcess(process: ScenarioProcess, course: Course): Promise<void> {
  const name = process.name ?? String(process.pid);
  await attempt(course, {
    mark: { step: `undo.stop.${name}`, action: "stop", process: name },
    text: `stop ${name}`,
    work: async (end) => {
      await bounded(process.ended, { timeoutMs: GRACE_MS, signal: course.signal }).catch((error) => {
        if (!(error instanceof TooLate)) throw error;
        process.signal("SIGKILL");
      });
      await process.ended;
      end.ran = process.describe();
    },
  });
}

async function detach(name: string, course: Course): Promise<void> {
  const { queues, hosts } = course.stage;
  await attempt(course, {
    mark: { step: `undo.detach.${name}`, action: "detach", queues: [name] },
    text: `detach ${name}`,
    work: async (end) => {
      try {
        end.before = countersOf([name], queues);
        const isOnMadeHost = hosts.made.some((host) => host.name === queues.hostOf(name));
        const remarks = removalRemarks(name, await queues.detach(name));
        // What stays on a host that goes is nothing to anybody.
        if (remarks.length > 0 && !isOnMadeHost) end.notes = remarks;
      } finally {
        queues.forget(name);
      }
    },
  });
}

/** Does what it can; the course is told of what it could not. */
async function attempt(course: Course, work: Parameters<typeof logged>[0]): Promise<void> {
  await logged(work, course).catch(() => {});
}

/** Why the steps cannot go on where the guardian has released something, or is gone. */
export function whyCutShort(name: string, why: WhyCutShort, maxHoldMs: number): StepError {
  if (typeof why === "object") return disturbed(name, why);
  const reasons = {
    deadline: `${name} was held for ${formatDuration(maxHoldMs)}, the most that max-hold allows`,
    SIGTERM: `the guardian was told by SIGTERM to release ${name}`,
    gone: "the guardian has ended, and nobody would release what is held if plugctl died",
  };
  return new StepError(`Cannot go on: ${reasons[why]}`);
}

/** Says when a queue was released by its guardian, or by others. */
export function logRelease(course: Course, name: string, asked: number): void {
  const work: Parameters<typeof logged>[0]["work"] = (end) => {
    end.asked = asked;
    end.after = countersOf([name], course.stage.queues);
  };
  const mark = { step: `guardian.release.${name}`, action: "release-indefinite", queues: [name] };
  void attempt(course, { mark, text: `${name} was released`, work });
}
