import { TC_H_ROOT } from "../codec/handle.ts";
import type { QdiscMessage } from "../codec/message.ts";
import { QueueError } from "./queue_error.ts";

/** Kinds that put a queue of their own in a deleted one's place, seen on Linux 6.1; ets does by its source. */
const REGROWING = new Set(["cbs", "drr", "ets", "hfsc", "htb", "netem", "prio", "qfq"]);

/**
 * Refuses a plug below a qdisc that cannot do without: below tbf, red, sfb, mq and others the kernel leaves
 * nothing in a deleted plug's place, and drops every packet from then on.
 *
 * @throws {QueueError} `no-way-back`
 */
export function refuseDeadEnd(
  qdiscs: readonly QdiscMessage[],
  { ifindex, parent, operation }: { ifindex: number; parent: number; operation: string },
): void {
  if (parent === TC_H_ROOT) return;
  const handle = (parent & 0xffff0000) >>> 0;
  const above = qdiscs.find((qdisc) => qdisc.ifindex === ifindex && qdisc.handle === handle);
  if (!above || REGROWING.has(above.kind)) return;
  throw new QueueError("no-way-back", operation, {
    reason: `below ${above.kind} the kernel leaves nothing in a deleted plug's place, and drops every packet after it`,
  });
}
