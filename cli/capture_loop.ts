import { GateCapture, type PacketEvent } from "../capture/gate_capture.ts";
import { Guardian } from "../guardian/guardian.ts";
import type { Connection } from "../netlink/connection.ts";
import { type Context, valueOf } from "./context.ts";
import { Interrupted, interruptible } from "./interruptible.ts";
import { UsageError } from "./usage_error.ts";
import { parseDuration } from "./values.ts";

/** What is captured, and who takes it. */
export interface CaptureTask {
  connection: Connection;
  gates: readonly string[];
  take: (event: PacketEvent) => void;
  /** Is called when all that had come was taken. */
  looked?: () => void;
}

/** How long one look waits; a signal is met between two. */
const LOOK_MS = 100;
const SNAP_MAX = 65_535;

/**
 * Captures gates for the time of --for, or until a signal, and tells what was lost. A guardian takes the taps out
 * should this process be killed.
 *
 * @throws {UsageError} where a value is wrong
 */
export async function captureFor(context: Context, { connection, gates, take, looked }: CaptureTask): Promise<void> {
  const time = valueOf(context, "for");
  const endMs = time === undefined ? Infinity : performance.now() + parseDuration(time);
  const snapLength = snapLengthOf(context);
  await interruptible(async (signal) => {
    using guardian = Guardian.start();
    using capture = new GateCapture(connection, { gates, snapLength, netns: valueOf(context, "netns"), guardian });
    if (capture.blind) context.note(`packets are shown as they leave only: ${capture.blind.reason}`);
    context.note(`capturing ${gates.map((gate) => `gate ${gate}`).join(", ")}`);
    while (performance.now() < endMs && !signal.aborted) {
      await capture.wait(Math.ceil(Math.min(LOOK_MS, Math.max(1, endMs - performance.now()))));
      capture.take().forEach(take);
      looked?.();
    }
    capture.take().forEach(take);
    tellLosses(context, capture);
  }).catch((error) => {
    // Ctrl-C is how a capture without an end is ended
    if (!(error instanceof Interrupted)) throw error;
  });
}

function snapLengthOf(context: Context): number | undefined {
  const text = valueOf(context, "snaplen");
  if (text === undefined) return undefined;
  const length = Number(text);
  if (/^\d+$/.test(text) && length >= 14 && length <= SNAP_MAX) return length;
  throw new UsageError(`invalid snaplen ${JSON.stringify(text)}: from 14 to ${SNAP_MAX} bytes`);
}

function tellLosses(context: Context, capture: GateCapture): void {
  for (const { gate, arrivals, departures, dropped } of capture.losses()) {
    if (arrivals > 0) context.note(`gate ${gate}: ${arrivals} packets came in that the capture did not see`);
    if (departures > 0) context.note(`gate ${gate}: ${departures} packets left that the capture did not see`);
    if (dropped > 0) context.note(`gate ${gate}: ${dropped} packets came in and never left`);
  }
}
