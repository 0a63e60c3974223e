import { QueueError } from "../queue_error.ts";

const GONE = ["foreign-qdisc", "no-device", "no-gate", "no-parent", "not-attached", "vanished"];

/** Does something to a queue, and passes over that it is gone: the plug, the gate, the device, or what it hung from. */
export function ifThere(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** As `ifThere`, for what takes its time. */
export async function ifStillThere(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof QueueError && GONE.includes(error.code);
}
