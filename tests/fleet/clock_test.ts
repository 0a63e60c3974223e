/** How well clocks are known. */

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { knownOffset, offsetOf, parseTracking } from "../../fleet/clock.ts";

/** What `chronyc -c tracking` of chrony 4.3 has printed. */
const SYNCHRONISED = "A29FC87B,162.159.200.123,4,1764263552.193021000,-0.000012431,-0.000041238,0.000187612," +
  "-9.310,-0.004,0.163,0.005316272,0.000913401,64.4,Normal\n";
const NOT =
  "7F7F0101,,0,0.000000000,0.000000000,0.000000000,0.000000000,0.000,0.000,0.000,1.000000000,1.000000000,0.0,Not synchronised\n";

Deno.test("parseTracking() sums offset, dispersion and half the delay of chrony", () => {
  const { source, errorMs } = parseTracking(SYNCHRONISED);
  assertEquals(source, "chrony");
  assertAlmostEquals(errorMs ?? NaN, 0.012431 + 0.913401 + 5.316272 / 2, 1e-9);
});

Deno.test("parseTracking() knows nothing where chrony does not, or says something else", () => {
  for (const line of [NOT, "", "506 Cannot talk to daemon\n", SYNCHRONISED.replace("0.000913401", "x"), "1,2,3"]) {
    assertEquals(parseTracking(line), { source: "none" }, line);
  }
});

Deno.test("offsetOf() takes the fastest round trip, and half of it for the error", () => {
  const trips = [
    { sentMs: 1000, receivedMs: 1010, shownMs: 1105 },
    { sentMs: 2000, receivedMs: 2002, shownMs: 2101.5 },
    { sentMs: 3000, receivedMs: 3050, shownMs: 3190 },
  ];
  assertEquals(offsetOf(trips), { aheadMs: 100.5, errorMs: 1, by: "round trips" });
});

Deno.test("offsetOf() is right to its error, wherever on the way the time was spent", () => {
  for (const forthMs of [0, 0.5, 2, 4]) {
    const { aheadMs, errorMs } = offsetOf([{ sentMs: 0, receivedMs: 4, shownMs: 7 + forthMs }]);
    assertEquals(Math.abs(aheadMs - 7) <= errorMs, true);
  }
});

Deno.test("knownOffset() is by chrony where both machines have it and that is better", () => {
  const trips = [{ sentMs: 0, receivedMs: 4, shownMs: 3 }];
  const chrony = (errorMs: number) => ({ source: "chrony", errorMs }) as const;
  assertEquals(knownOffset(trips, chrony(0.5), chrony(1)), { aheadMs: 0, errorMs: 1.5, by: "chrony" });
  assertEquals(knownOffset(trips, chrony(1.5), chrony(1)).by, "round trips");
  assertEquals(knownOffset(trips, { source: "none" }, chrony(0)).by, "round trips");
});
