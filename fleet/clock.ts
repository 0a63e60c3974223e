/** How well a machine's clock is known. */
export interface ClockState {
  /** Who says so: chrony on that machine; else only round trips tell. */
  source: "chrony" | "none";
  /** By how much it may be off from the true time at most, in milliseconds; absent where nobody knows. */
  errorMs?: number;
}

/** How old an answer of chrony may be, in milliseconds. */
const FRESH_MS = 10_000;

let last: { atMs: number; state: Promise<ClockState> } | undefined;

/** What chrony says of this machine's clock, where it is there and keeps it. */
export function clockState(): Promise<ClockState> {
  if (!last || performance.now() - last.atMs > FRESH_MS) last = { atMs: performance.now(), state: askChrony() };
  return last.state;
}

async function askChrony(): Promise<ClockState> {
  try {
    const { success, stdout } = await new Deno.Command("chronyc", {
      args: ["-c", "tracking"],
      stdin: "null",
      stderr: "null",
      signal: AbortSignal.timeout(1000),
    }).output();
    return success ? parseTracking(new TextDecoder().decode(stdout)) : { source: "none" };
  } catch {
    return { source: "none" };
  }
}

/**
 * Understands a line of `chronyc -c tracking`: what its own clock is off, and what its sources may be: their dispersion, and
 * half of the way to them and back.
 */
export function parseTracking(line: string): ClockState {
  const fields = line.trim().split(",");
  const [, , stratum, , offset] = fields;
  const [delay, dispersion, , leap] = fields.slice(10);
  const seconds = Math.abs(Number(offset)) + Number(dispersion) + Number(delay) / 2;
  if (Number(stratum) === 0 || leap === "Not synchronised" || !Number.isFinite(seconds)) return { source: "none" };
  return { source: "chrony", errorMs: seconds * 1000 };
}

/** By how much another machine's clock is ahead of this one's, and how much that may be wrong, in milliseconds. */
export interface Offset {
  aheadMs: number;
  errorMs: number;
  by: "chrony" | "round trips";
}

/** A question to another machine and its answer: by this one's clock, and what the other showed in between. */
export interface RoundTrip {
  sentMs: number;
  receivedMs: number;
  shownMs: number;
}

/** What round trips say: the fastest tells most, as the answer was given at some time in it. */
export function offsetOf(trips: readonly RoundTrip[]): Offset {
  const best = trips.reduce((one, other) => lengthOf(other) < lengthOf(one) ? other : one);
  return {
    aheadMs: best.shownMs - (best.sentMs + best.receivedMs) / 2,
    errorMs: lengthOf(best) / 2,
    by: "round trips",
  };
}

function lengthOf({ sentMs, receivedMs }: RoundTrip): number {
  return receivedMs - sentMs;
}

/** The better of what round trips and chrony on both machines say. */
export function knownOffset(trips: readonly RoundTrip[], own: ClockState, other: ClockState): Offset {
  const measured = offsetOf(trips);
  if (own.errorMs === undefined || other.errorMs === undefined) return measured;
  const errorMs = own.errorMs + other.errorMs;
  return errorMs < measured.errorMs ? { aheadMs: 0, errorMs, by: "chrony" } : measured;
}
