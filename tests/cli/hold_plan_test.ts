import { assertEquals, assertThrows } from "@std/assert";
import { holdPlan } from "../../cli/hold/hold_plan.ts";
import { UsageError } from "../../cli/exit_status.ts";
import { FakeContext } from "./fake_context.ts";

const planned = (line: string) => holdPlan(new FakeContext(line));

Deno.test("holdPlan() holds for 30 seconds at the most, unless it is told otherwise", () => {
  const { until: _until, where: _where, ...plan } = planned("hold web --for 200ms");
  const unsaid = { limitBytes: undefined, except: [], timeoutMs: undefined, bypass: false };
  const atOnce = { moment: undefined, lateMs: 50, waitsForWord: false };
  const names = { gates: [], places: [], names: ["web"], at: { parent: undefined, handle: undefined } };
  assertEquals(plan, { ...names, ...unsaid, ...atOnce, program: [], forMs: 200, maxMs: 30_000 });
  assertEquals(planned("hold --dev lo --until backlog>=1 --max-hold 5s").maxMs, 5000);
  for (const [time, maxMs] of [["25s", 30_000], ["28s", 33_000], ["60s", 65_000], ["10m", 605_000]] as const) {
    assertEquals(planned(`hold lo --for ${time}`).maxMs, maxMs);
  }
  assertEquals(planned("hold --dev lo --for 59s --max-hold 1m -- sleep 1").program, ["sleep", "1"]);
});

const MISTAKES = [
  ["hold --dev lo", "hold needs an end: --for DURATION, --until CONDITION, or -- COMMAND"],
  ["hold --for 1s", "hold needs a gate or a device: plugctl hold NAME"],
  ["hold lo 1s", "hold needs an end: did you mean --for 1s"],
  [
    "hold lo curl url",
    "hold needs an end: --for DURATION, --until CONDITION, or a command behind --, as in: plugctl hold lo -- curl url",
  ],
  ["hold web --for 60s --max-hold 30s", "--for 60s must be less than --max-hold, which is 30s"],
  ["hold web --for 5s --max-hold 5s", "--for 5s must be less than --max-hold, which is 5s"],
  ["hold web --for 0s", "--for is 0s, must be more than 0"],
  ["hold web --for 1s --max-hold 0ms", "--max-hold is 0ms, must be more than 0"],
  ["hold web --until backlog", 'invalid condition "backlog"'],
  ["hold --gate web --parent 1:1 --for 1s", "--parent goes with a device, and web is a gate, which has one plug"],
] as const;

Deno.test("holdPlan() refuses what has no end, or an end behind the deadline", () => {
  for (const [line, message] of MISTAKES) assertThrows(() => planned(line), UsageError, message, line);
});
