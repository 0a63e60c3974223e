import { numberOf } from "./quantity.ts";
import { HERE, type Where } from "./queue_error.ts";

/** What a detached plug has seen. */
export interface DetachReport {
  /** Devices on which a `clsact` stays that gates made, as taking it away would lose packets; absent where none does. */
  keptClsact?: string[];
  /**
   * For how long at the most devices sent nothing while the kernel took the plug away, or a gate's `clsact`, and discarded
   * what they were given, in milliseconds; absent where they could.
   */
  gapMs?: number;
  /** Packets that were discarded on purpose, with `drop`. */
  discardedPackets: number;
  /** Packets that the plug has dropped since it was created because its limit was reached. */
  drops: number;
  /** Packets that a gate let go and that are lost, at the most: the device by which they go on is not there any more. */
  lostPackets: number;
}

/** What was lost at a queue that was taken away, named as in `the plug on eth0`, and what is left: a sentence each. */
export function losses(
  queue: string,
  { drops, discardedPackets, lostPackets, ...removal }: DetachReport,
  where: Where = HERE,
): string[] {
  const dropped = drops > 0 ? [`${queue} dropped ${numberOf(drops, "packet")}: its limit was reached`] : [];
  const discarded = discardedPackets > 0
    ? [`${queue} was deleted with ${numberOf(discardedPackets, "held packet")}`]
    : [];
  const lost = lostPackets > 0
    ? [
      `${queue} released ${numberOf(lostPackets, "packet")} that ${
        lostPackets === 1 ? "is" : "are"
      } lost, or some of ` +
      "them: a device that it was on is gone",
    ]
    : [];
  return [...dropped, ...discarded, ...lost, ...removalRemarks(queue, removal, where)];
}

/** What it has meant for others that a queue was taken away, named as in `the gate web`: a sentence each. */
export function removalRemarks(
  queue: string,
  { keptClsact = [], gapMs = 0 }: Pick<DetachReport, "keptClsact" | "gapMs">,
  { there }: Where = HERE,
): string[] {
  const gap = gapMs > 0
    ? [
      `the devices of ${queue} sent nothing for up to ${gapMs.toFixed(1)} ms while it was taken away: the kernel ` +
      "discarded what they were given to send",
    ]
    : [];
  const kept = keptClsact.map((dev) =>
    `clsact stays on ${dev}, empty: the kernel would lose packets while it takes it away; when ${dev} is idle, delete it ` +
    `with: ${there(`tc qdisc del dev ${dev} clsact`)}`
  );
  return [...gap, ...kept];
}

/** That the kernel has discarded what a device was given to send while a plug was put in, where it has. */
export function gapRemarks({ dev, gapMs }: { dev: string; gapMs: number }, { there }: Where = HERE): string[] {
  if (gapMs === 0) return [];
  return [
    `${dev} sent nothing for up to ${gapMs.toFixed(1)} ms meanwhile: the kernel discarded what it was given to send; ` +
    `beside a clsact nothing is lost: ${there(`tc qdisc add dev ${dev} clsact`)}`,
  ];
}
