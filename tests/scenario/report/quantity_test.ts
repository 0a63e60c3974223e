import { assertEquals } from "@std/assert";
import { formatBytes, formatCount, formatMoment, formatNumberOf, formatTime } from "../../../scenario/report/markup.ts";

Deno.test("formatTime() takes the unit that fits", () => {
  const times = [0, 999, 1000, 12_345, 999_499, 999_500, 59_940_000, 60_000_000, 125_040_000, 3_600_000_000];
  assertEquals(times.map(formatTime), [
    "0 µs",
    "999 µs",
    "1.00 ms",
    "12.3 ms",
    "999 ms",
    "1.00 s",
    "59.9 s",
    "1 min 0.0 s",
    "2 min 5.0 s",
    "60 min 0.0 s",
  ]);
});

Deno.test("formatBytes() is exact below 1 KiB, and has three digits above", () => {
  assertEquals([0, 1023, 1024, 12_800, 1 << 20, 2 ** 40].map(formatBytes), [
    "0 B",
    "1023 B",
    "1.00 KiB",
    "12.5 KiB",
    "1.00 MiB",
    "1.00 TiB",
  ]);
});

Deno.test("formatCount(), formatMoment() and formatNumberOf() do what they say", () => {
  assertEquals(formatCount(1_234_567), "1,234,567");
  assertEquals(formatMoment(12_345_678), "12.346 s");
  assertEquals([0, 1, 1000].map((count) => formatNumberOf(count, "drop")), ["no drops", "1 drop", "1,000 drops"]);
});
