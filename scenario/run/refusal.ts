import { Gate } from "../../gate/gate.ts";
import type { Connection } from "../../netlink/connection.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { StepError } from "./step_error.ts";

/** Says of a gate that would bypass filters of others, and of a plug where another qdisc is, what to write instead. */
export function withAdvice<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const advice = error instanceof QueueError ? adviceOn(error) : undefined;
    if (advice === undefined) throw error;
    throw new StepError(`${(error as QueueError).message}; ${advice}`, { cause: error });
  }
}

function adviceOn({ code, dev, gate }: QueueError): string | undefined {
  if (code === "would-lock-out") return "give a higher limit, or none";
  if (code === "would-bypass") return "give the gate a higher priority, or force: true";
  if (code !== "foreign-qdisc" || gate !== undefined) return undefined;
  return `keep it, and hold packets with a gate in place of the plug: { dev: ${dev}, direction: out }`;
}

/** A gate that is there belongs to somebody else, who may count on it. */
export function refuseExisting(connection: Connection, { name, netns }: { name: string; netns?: string }): void {
  try {
    Gate.named(connection, [name]);
  } catch (error) {
    if (error instanceof QueueError && error.code === "no-gate") return;
    throw error;
  }
  throw new StepError(
    `Cannot attach gate ${name}: there is a gate of this name already; give another, or: plugctl gate delete ${name}` +
      (netns === undefined ? "" : ` --netns ${netns}`),
  );
}
