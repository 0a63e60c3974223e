import type { DetachReport } from "../plug/drain.ts";
import { numberOf } from "../plug/quantity.ts";

/** What was lost at a queue that was taken away, which is named as in `the plug on eth0`: a sentence each. */
export function losses(queue: string, { drops, discardedPackets }: DetachReport): string[] {
  const dropped = drops > 0 ? [`${queue} dropped ${numberOf(drops, "packet")}: its limit was reached`] : [];
  const discarded = discardedPackets > 0
    ? [`${queue} was deleted with ${numberOf(discardedPackets, "held packet")}`]
    : [];
  return [...dropped, ...discarded];
}
