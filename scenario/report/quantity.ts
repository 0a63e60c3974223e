const KIB = 1024;

/** A time in words that fit its size: `850 µs`, `12.3 ms`, `4.56 s`, `2 min 5.0 s`. */
export function formatTime(microseconds: number): string {
  if (microseconds < 1000) return `${Math.round(microseconds)} µs`;
  if (microseconds < 999_500) return `${threeDigits(microseconds / 1000)} ms`;
  const seconds = microseconds / 1e6;
  if (seconds < 60) return `${threeDigits(seconds)} s`;
  const tenths = Math.round(seconds * 10);
  return `${Math.floor(tenths / 600)} min ${((tenths % 600) / 10).toFixed(1)} s`;
}

/** A moment since the beginning, to the millisecond: `12.345 s`. */
export function formatMoment(microseconds: number): string {
  return `${(microseconds / 1e6).toFixed(3)} s`;
}

/** A count with its thousands apart: `12,345`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** A size in 1024-based units, exact below 1 KiB: `640 B`, `12.5 KiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < KIB) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log(bytes) / Math.log(KIB)), units.length);
  return `${threeDigits(bytes / KIB ** power)} ${units[power - 1]}`;
}

/** A number in words: `no packets`, `1 packet`, `2 packets`. */
export function formatNumberOf(count: number, thing: string): string {
  return `${count === 0 ? "no" : formatCount(count)} ${thing}${count === 1 ? "" : "s"}`;
}

function threeDigits(number: number): string {
  return number >= 100 ? number.toFixed(0) : number >= 10 ? number.toFixed(1) : number.toFixed(2);
}
