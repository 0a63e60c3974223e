import { assertEquals, assertThrows } from "@std/assert";
import { parseDuration } from "../../cli/duration.ts";
import { UsageError } from "../../cli/usage_error.ts";

Deno.test("parseDuration() returns milliseconds", () => {
  for (
    const [text, milliseconds] of [
      ["500us", 0.5],
      ["200ms", 200],
      ["5s", 5000],
      ["1.5s", 1500],
      ["0s", 0],
      ["1m", 60_000],
      ["0.5h", 1_800_000],
      ["596h", 2_145_600_000],
      ["2147483647ms", 2_147_483_647],
    ] as const
  ) assertEquals(parseDuration(text), milliseconds, text);
});

Deno.test("parseDuration() refuses what is no duration, a number without its unit included", () => {
  for (
    const text of ["", "5", "s", "5S", "5MS", "-5s", "+5s", "5 s", "5s ", "5s\n", "1m30s", "1e3s", ".5s", "5.s", "1d"]
  ) {
    const message = `${JSON.stringify(text)} is no duration: one is a number with us, ms, s, m or h`;
    assertEquals(assertThrows(() => parseDuration(text), UsageError).message, message);
  }
});

Deno.test("parseDuration() refuses more than a timer takes", () => {
  for (const text of ["2147483648ms", "597h", "99999999999999999999h"]) {
    const message = `the duration ${text} is too long: the most is 24 days`;
    assertEquals(assertThrows(() => parseDuration(text), UsageError).message, message);
  }
});
