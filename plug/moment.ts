import { sleep, wallClockMs } from "../linux/process.ts";
import { LONGEST_MS, parseDuration } from "./quantity.ts";

/** How long before a moment waiting turns exact, in milliseconds: a timer of the runtime may be late by some of them. */
const NEAR_MS = 100;
/** How much later than it was asked a sleep of the kernel may end, in milliseconds. */
const SLACK_MS = 0.4;

const FORMS = "+2s from now, 12:00:03.5 today, 2026-12-24T12:00:03.5Z, or @1782302403.5 in seconds since 1970";

/** A moment, by a clock that nobody sets: steps of the wall clock after it was named do not move it. */
export class Moment {
  /** When it is, by `performance.now()`. */
  readonly atMs: number;

  private constructor(atMs: number) {
    this.atMs = atMs;
  }

  /** So many milliseconds from now. */
  static in(milliseconds: number): Moment {
    return new Moment(performance.now() + milliseconds);
  }

  /** When the wall clock, as it goes now, shows so many milliseconds since 1970. */
  static at(epochMs: number): Moment {
    // This clock first: the first time that it is read, the C library is opened
    const leftMs = epochMs - wallClockMs();
    return new Moment(performance.now() + leftMs);
  }

  /** How far it is, in milliseconds; less than 0 where it has passed. */
  get leftMs(): number {
    return this.atMs - performance.now();
  }

  /** When that is by the wall clock, in milliseconds since 1970. */
  get epochMs(): number {
    return wallClockMs() + this.leftMs;
  }

  /** Resolves shortly before it: the rest is for `reach`. Rejects with the reason of the signal where that is aborted. */
  async nears(signal: AbortSignal): Promise<void> {
    while (this.leftMs > NEAR_MS) {
      signal.throwIfAborted();
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Math.min(this.leftMs - NEAR_MS, LONGEST_MS));
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      clearTimeout(timer);
    }
    signal.throwIfAborted();
  }

  /** Keeps the process waiting until it is there, or so many milliseconds before it, to some microseconds. */
  reach(beforeMs = 0): void {
    if (this.leftMs - beforeMs > SLACK_MS) sleep(this.leftMs - beforeMs - SLACK_MS);
    while (this.leftMs > beforeMs);
  }
}

/**
 * Parses a moment: `+2s`, a time of today, a date with a time, or seconds since 1970.
 *
 * @throws {SyntaxError} where the text is anything else
 * @throws {RangeError} where that is more than 24 days away
 */
export function parseMoment(text: string): Moment {
  const moment = text.startsWith("+") ? Moment.in(parseDuration(text.slice(1))) : Moment.at(parseTime(text));
  if (moment.leftMs <= LONGEST_MS) return moment;
  throw new RangeError(`${text} is too far away: the most is 24 days`);
}

function parseTime(text: string): number {
  const [, seconds] = /^@(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (seconds !== undefined) return Number(seconds) * 1000;
  const isTimeOfDay = /^\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(text);
  const isDate = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/.test(text);
  const epochMs = isTimeOfDay ? Date.parse(`${today()}T${text}`) : isDate ? Date.parse(text) : NaN;
  if (!Number.isNaN(epochMs)) return epochMs;
  throw new SyntaxError(`invalid time ${JSON.stringify(text)}: ${FORMS}`);
}

/** The date of today, where this machine is. */
function today(): string {
  const now = new Date();
  const parts = [now.getFullYear(), now.getMonth() + 1, now.getDate()];
  return parts.map((part) => String(part).padStart(2, "0")).join("-");
}
