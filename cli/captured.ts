import { type CapturedPlace, type CapturedWaiting, GateCapture, type PacketEvent } from "../capture/gate_capture.ts";
import { Guardian } from "../guardian/guardian.ts";
import type { Connection } from "../netlink/connection.ts";
import { type Context, valueOf } from "./context.ts";
import { Interrupted, interruptible, UsageError } from "./exit_status.ts";
import { namespaceOf, type Targets } from "./targets.ts";
import { parseDuration } from "./values.ts";

/** What is captured, and who takes it. */
export interface CaptureTask {
  connection: Connection;
  targets: Targets;
  /** For how long, where `--for` does not say so. */
  forMs?: number;
  /** Is called when the capture has begun. */
  begun?: (capture: GateCapture) => void;
  take?: (event: PacketEvent) => void;
  /** Is called when all that had come was taken. */
  looked?: () => void;
  /** Is called while the capture still goes on, when its time is over. */
  ended?: (capture: GateCapture) => void;
}

/** How long one look waits; a signal is met between two. */
const LOOK_MS = 100;
const SNAP_MAX = 65_535;

/**
 * Captures plugs for the time of `--for`, or until a signal, and tells what was lost. A guardian takes the taps out
 * should this process be killed.
 *
 * @throws {UsageError} where a value is wrong
 */
export async function captureFor(context: Context, task: CaptureTask): Promise<void> {
  const { connection, targets: { gates, places } } = task;
  const time = valueOf(context, "for");
  const forMs = time === undefined ? task.forMs ?? Infinity : parseDuration(time);
  const snapLength = snapLengthOf(context);
  await interruptible(async (signal) => {
    using guardian = Guardian.start();
    using capture = new GateCapture(connection, { gates, places, snapLength, netns: namespaceOf(context), guardian });
    tellLimits(context, { capture, places });
    task.begun?.(capture);
    const endMs = performance.now() + forMs;
    const take = () => capture.take().forEach((event) => task.take?.(event));
    while (performance.now() < endMs && !signal.aborted) {
      await capture.wait(Math.ceil(Math.min(LOOK_MS, Math.max(1, endMs - performance.now()))));
      take();
      task.looked?.();
    }
    take();
    task.ended?.(capture);
    tellLosses(context, capture);
  }).catch((error) => {
    // Ctrl-C is how a capture without an end is ended
    if (!(error instanceof Interrupted)) throw error;
  });
}

/** The name of what is captured, in a sentence. */
export function nameOfPlace({ gate, dev }: CapturedPlace): string {
  return dev === undefined ? `gate ${gate}` : dev;
}

function snapLengthOf(context: Context): number | undefined {
  const text = valueOf(context, "snaplen");
  if (text === undefined) return undefined;
  const length = Number(text);
  if (/^\d+$/.test(text) && length >= 14 && length <= SNAP_MAX) return length;
  throw new UsageError(`invalid snaplen ${JSON.stringify(text)}: from 14 to ${SNAP_MAX} bytes`);
}

/** Says what cannot be seen. */
function tellLimits(context: Context, { capture, places }: { capture: GateCapture; places: Targets["places"] }): void {
  if (capture.blind) context.note(`packets are shown as they leave only: ${capture.blind.reason}`);
  if (places.length > 0) context.note("packets of a plug on a device are shown as they leave only");
  for (const each of capture.partial) {
    context.note(`${nameOfPlace(each)}: packets that leave the device past this plug are shown too`);
  }
}

/** Says how many packets came before a capture that still wait: what they are the kernel does not tell. */
export function tellEarlier(context: Context, queues: readonly CapturedWaiting[]): void {
  for (const { waiting: [first], ...place } of queues) {
    if (!first || first.arrival) continue;
    const { number, count } = first;
    const which = count === 1 ? `1 packet waits that came` : `${count} packets wait that came`;
    const numbers = count === 1 ? `#${number}` : `#${number} to #${number + count - 1}`;
    context.note(
      `${nameOfPlace(place)}: ${which} before plugctl looked, ${numbers}: what they are is shown as they leave`,
    );
  }
}

function tellLosses(context: Context, capture: GateCapture): void {
  for (const { arrivals, departures, dropped, ...place } of capture.losses()) {
    const tell = (count: number, what: string) => {
      if (count > 0) context.note(`${nameOfPlace(place)}: ${count} ${count === 1 ? "packet" : "packets"} ${what}`);
    };
    tell(arrivals, "came in that the capture did not see");
    tell(departures, "left that the capture did not see");
    tell(dropped, "came in and never left");
  }
}
