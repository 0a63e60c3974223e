import { isGone, QueueError } from "../plug/queue_error.ts";

/** Does something to a queue, and passes over that it is gone: the plug, the gate, the device, or what it hung from. */
export function ifThere(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!isPassedOver(error)) throw error;
  }
}

/** As `ifThere`, for what takes its time. */
export async function ifStillThere(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isPassedOver(error)) throw error;
  }
}

/** Whether it is gone; that another qdisc is in its place says the same. */
function isPassedOver(error: unknown): boolean {
  return isGone(error) || error instanceof QueueError && error.code === "foreign-qdisc";
}
