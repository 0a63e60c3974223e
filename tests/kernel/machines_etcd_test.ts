/** Four members of an etcd cluster on machines of their own: the old leader's late packets stand in the ladder of one report. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PacketIn, PacketOut, ScenarioEnd, StepEnd } from "../../scenario/event.ts";
import { eventsOf, runOnMachines } from "./machines.ts";
import { packetsOfLadder } from "../scenario/report/ladder_file.ts";

Deno.test("examples/etcd_machines shows what it says on four machines, in one ladder", async () => {
  const { status, stdout, stderr, report, left } = await runOnMachines("etcd_machines");
  const events = eventsOf(stdout);
  assertEquals(status, 0, stderr);
  const end = events.at(-1) as ScenarioEnd;
  assertEquals([end.outcome, end.undone], ["done", true]);
  const released = events.find((event): event is StepEnd =>
    event.event === "step-end" && event.action === "release-indefinite" && event.queues.includes("late")
  );
  const asked = released?.asked ?? NaN;
  // What waited on the leader's machine from before the others elected until they had, and came to another's behind that.
  const late = events.filter((event): event is PacketOut =>
    event.event === "packet-out" && event.queue === "late" && (event.waited ?? 0) > 1_000_000
  );
  assert(late.length > 0);
  const come = events.filter((event): event is PacketIn => event.event === "packet-in" && event.queue === "come");
  const error = Math.max(...events.map((event) => event.event === "step-end" ? event.opened?.clock.error ?? 0 : 0));
  assert(error > 0 && error < 100_000, String(error));
  assert(come.some(({ t }) => t >= asked - error && t < asked + 2_000_000));
  // While it held, nothing came from the old leader.
  const held =
    events.find((event): event is StepEnd => event.event === "step-end" && event.action === "buffer")?.asked ?? NaN;
  assertEquals(come.filter(({ t }) => t > held + 500_000 + error && t < asked - error).length, 0);
  assertMatch(report, /id="clocks"/);
  assert(packetsOfLadder(report).length > late.length);
  assertEquals(left, "");
});
