import { assertEquals, assertThrows } from "@std/assert";
import { parseDuration, parseSize } from "../../cli/values.ts";
import { parseBytes } from "../../plug/quantity.ts";
import { UsageError } from "../../cli/exit_status.ts";

Deno.test("parseSize() counts in units of 1024, whatever their case", () => {
  for (
    const [text, bytes] of [
      ["1", 1],
      ["32768", 32_768],
      ["0005", 5],
      ["5b", 5],
      ["64k", 65_536],
      ["64K", 65_536],
      ["64kb", 65_536],
      ["64KiB", 65_536],
      ["1m", 1_048_576],
      ["1MB", 1_048_576],
      ["1MiB", 1_048_576],
      ["1.5MiB", 1_572_864],
      ["0.5k", 512],
      ["3g", 3_221_225_472],
      ["3Gb", 3_221_225_472],
      ["3GiB", 3_221_225_472],
      ["4294967295", 4_294_967_295],
      ["1.0", 1],
    ] as const
  ) assertEquals(parseSize(text), bytes, text);
});

Deno.test("parseBytes() takes more than a queue limit may be", () => {
  assertEquals(parseBytes("4g"), 2 ** 32);
  assertEquals(parseBytes("0"), 0);
});

Deno.test("parseSize() refuses what is no size", () => {
  const texts = ["", " ", "k", "x", "-1", "+1", "1e3", "0x10", "1,5m", "1.", ".5k", "1 m", " 1", "1\n", "1kk", "1t"];
  for (const text of [...texts, "1kbit", "1mi", "Infinity", "NaN", "٣", "5constructor", "5__proto__"]) {
    const message = `invalid size ${JSON.stringify(text)}: use bytes, or a unit such as 64k, 1m or 1MiB (1024-based)`;
    assertEquals(assertThrows(() => parseSize(text), UsageError).message, message);
  }
});

Deno.test("parseSize() refuses a size that no limit can have", () => {
  for (
    const [text, bytes] of [["4294967296", 4294967296], ["4g", 4294967296], ["0.5", 0.5], ["1.1k", 1126.4]] as const
  ) {
    const message = `the limit ${text} is ${bytes} bytes, must be a whole number from 1 to 4294967295`;
    assertEquals(assertThrows(() => parseSize(text), UsageError).message, message);
  }
});

Deno.test("parseSize() refuses 0, and says what it would do", () => {
  for (const text of ["0", "0k", "0.0m", "000"]) {
    const message = `the limit is ${text}: with 0 every packet is dropped; the least is 1`;
    assertEquals(assertThrows(() => parseSize(text), UsageError).message, message);
  }
});

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
    const message = `invalid duration ${JSON.stringify(text)}: use a unit (us, ms, s, m, h), such as 200ms or 5s`;
    assertEquals(assertThrows(() => parseDuration(text), UsageError).message, message);
  }
});

Deno.test("parseDuration() refuses more than a timer takes", () => {
  for (const text of ["2147483648ms", "597h", "99999999999999999999h"]) {
    const message = `the duration ${text} is too long: the most is 24 days`;
    assertEquals(assertThrows(() => parseDuration(text), UsageError).message, message);
  }
});
