const UNITS_MS: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** The longest time that a timer of the runtime takes, in milliseconds: 24 days. */
export const LONGEST_MS = 0x7fffffff;

/**
 * Parses a duration: `200ms`, `1.5s`, `1m`; the unit is needed. Returns milliseconds.
 *
 * @throws {SyntaxError} where the text is anything else
 * @throws {RangeError} where it is longer than 24 days
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(us|ms|s|m|h)$/.exec(text);
  if (!match) throw new SyntaxError(`${JSON.stringify(text)} is no duration: one is a number with us, ms, s, m or h`);
  const milliseconds = Number(match[1]) * UNITS_MS[match[2]];
  if (milliseconds > LONGEST_MS) throw new RangeError(`the duration ${text} is too long: the most is 24 days`);
  return milliseconds;
}

/** A duration with its unit: `500us`, `20ms`, `1.5s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds >= 1000) return `${milliseconds / 1000}s`;
  return milliseconds >= 1 || milliseconds === 0 ? `${milliseconds}ms` : `${milliseconds * 1000}us`;
}
