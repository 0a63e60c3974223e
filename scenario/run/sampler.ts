import type { QdiscStats } from "../../codec/message.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";
import { QueueError } from "../../plug/queue_error.ts";
import type { Stage } from "./stage.ts";

/** Reads the counters of all queues every so often, and tells of those that have changed. */
export function sample({ queues, now, emit }: Stage, everyMs: number): Disposable {
  const last = new Map<string, string>();
  const look = () => {
    const changed: Record<string, QdiscStats> = {};
    for (const name of queues.names) {
      const stats = readIfThere(() => queues.stats(name));
      const text = JSON.stringify(stats);
      if (stats && last.get(name) !== text) changed[name] = stats;
      last.set(name, text);
    }
    if (Object.keys(changed).length > 0) emit({ event: "sample", t: now(), queues: changed });
  };
  const timer = setInterval(look, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** That a queue is gone, or the kernel does not answer, is told of where something is to be done to it. */
function readIfThere(read: () => QdiscStats): QdiscStats | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof QueueError || error instanceof NetlinkError) return undefined;
    throw error;
  }
}
