/** `hold` of the API: what it holds goes on at the end of the block, at the deadline, or at the death of its program. */

import { assertEquals, assertGreaterOrEqual, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { Connection } from "../../netlink/connection.ts";
import { Gate, Guardian, Plug, QueueError } from "../../mod.ts";
import { HELD, HoldCase } from "./hold_case.ts";
import type { Host } from "./host.ts";
import { plugctlDone } from "./plugctl.ts";
import { hasEnded } from "./process_table.ts";
import { plugOf } from "./queue.ts";
import { until } from "./until.ts";

const WAIT = { timeoutMs: 60_000, what: "what was sent" };
const PROGRAM = `${import.meta.dirname}/hold_api.ts`;

Deno.test("hold()", async (t) => {
  using hold = new HoldCase();
  const { left } = hold;
  using connection = Connection.open({ netns: left.name });
  const gateOptions = { name: "web", dev: "eth0", direction: "egress", match: "udp dst port 5000" } as const;

  await t.step("of a gate holds until the end of the block, and tells what it held", async () => {
    using gate = Gate.open({ ...gateOptions, connection });
    {
      using held = gate.hold({ maxMs: 600_000 });
      hold.send();
      // What a gate takes reaches its plug a moment later, in a softirq.
      await until(() => plugOf(left, "plug-web").qlen === HELD, WAIT);
      assertEquals(held.counts().backlogPackets, HELD);
      const { queues, cutShort } = held.release();
      const bytes = HELD * 46;
      assertEquals([queues, cutShort], [[{ queue: "gate web", packets: HELD, bytes, drops: 0 }], false]);
    }
    await gate.close();
    await hold.isOver();
  });

  await t.step("stands in the way of who takes it down in the same process, until it has ended", async () => {
    using guardian = Guardian.start();
    await using plug = Plug.attach({ dev: "eth0", connection });
    await using gate = Gate.open({ ...gateOptions, connection });
    const held = Plug.all([plug, gate]).hold({ guardian, maxMs: 600_000 });
    {
      using other = Plug.open({ dev: "eth0", connection });
      const { code, message } = await assertRejects(() => other.detach(), QueueError);
      assertEquals(code, "held");
      assertMatch(
        message,
        new RegExp(`: this process holds it already, with process ${guardian.pid} as its guardian$`),
      );
    }
    // A guardian that has not heard of the end yet is waited for
    Deno.kill(guardian.pid, "SIGSTOP");
    held.release();
    const goesOn = new Deno.Command("sh", { args: ["-c", `sleep 0.3; kill -CONT ${guardian.pid}`] }).spawn();
    await gate.close();
    await plug.detach();
    await goesOn.status;
    guardian[Symbol.dispose]();
    await hold.isOver();
  });

  await t.step("is over at maxMs, when nobody ends it", async () => {
    using plug = Plug.attach({ dev: "eth0", connection });
    const start = performance.now();
    await using held = plug.hold({ maxMs: 3000 });
    hold.send();
    assertEquals(await held.whenCutShort(), "deadline");
    assertGreaterOrEqual(performance.now() - start, 2900);
    const { queues: [{ packets }], cutShort } = held.release();
    assertEquals([packets, cutShort, plug.lastAsked], [HELD, true, "pass"]);
    plug[Symbol.dispose]();
    await hold.isOver();
  });

  await t.step("is over at maxMs also while its process is stopped", async () => {
    using plug = Plug.attach({ dev: "eth0", connection });
    await using held = plug.hold({ maxMs: 3000 });
    hold.send();
    assertEquals(await stoppedUntilReleased(left), "released\n");
    const { queues: [{ packets }], cutShort } = held.release();
    assertEquals([packets, cutShort], [HELD, true]);
    plug[Symbol.dispose]();
    await hold.isOver();
  });

  await t.step("is refused with a guardian that has ended or cannot be started, and nothing is held", async () => {
    using guardian = Guardian.start();
    using entrusted = Plug.attach({ dev: "eth0", connection, guardian });
    using plug = Plug.attach({ dev: "lo", connection });
    Deno.kill(guardian.pid, "SIGKILL");
    await until(() => hasEnded(guardian.pid), { timeoutMs: 60_000, what: "the guardian's end" });
    const message = "Cannot hold without a guardian: it has ended";
    assertThrows(() => entrusted.hold({ maxMs: 600_000 }), Error, message);
    assertThrows(() => entrusted.buffer(), Error, message);
    assertThrows(() => plug.hold({ guardian, maxMs: 600_000 }), Error, message);
    using stillborn = Guardian.start({ command: ["true"] });
    assertThrows(() => plug.hold({ guardian: stillborn, maxMs: 600_000 }), Error, "guardian");
    assertEquals([entrusted.lastAsked, plug.lastAsked], ["pass", "pass"]);
    hold.send();
    await hold.allArrived();
    for (const each of [entrusted, plug]) each[Symbol.dispose]();
    await hold.isOver();
  });

  await t.step("of several shares a guardian, which is there already", async () => {
    using guardian = Guardian.start();
    using gate = Gate.open({ ...gateOptions, connection, guardian });
    using plug = Plug.attach({ dev: "lo", connection, guardian });
    for (let times = 0; times < 3; times++) {
      using held = Plug.all([gate, plug]).hold({ maxMs: 600_000, guardian });
      hold.send();
      await until(() => plugOf(left, "plug-web").qlen === HELD, WAIT);
      assertEquals(held.release().queues.map(({ packets }) => packets), [HELD, 0]);
      // What has not left yet would be held by the next one too.
      await held.drained();
    }
    // Released by the guardian this very moment, before it has said so.
    using held = Plug.all([gate, plug]).hold({ maxMs: 3000, guardian });
    hold.send();
    const bound = performance.now() + 60_000;
    while (held.counts().backlogPackets < HELD && performance.now() < bound);
    while (held.counts().backlogPackets > 0 && performance.now() < bound);
    const { cutShort, queues } = held.release();
    assertEquals([cutShort, ...queues.map(({ packets }) => packets)], [true, HELD, 0]);
    assertEquals(await held.whenCutShort(), "deadline");
    await gate.close();
    plug[Symbol.dispose]();
    guardian[Symbol.dispose]();
    await hold.isOver();
  });

  await t.step("leaves alone what another holds by the time that it ends, when it was released before", async () => {
    using plug = Plug.attach({ dev: "eth0", connection });
    {
      await using held = plug.hold({ maxMs: 600_000 });
      hold.send();
      await plugctlDone(left, "release", "eth0");
      assertEquals(await held.whenCutShort(), "disturbed");
      await hold.allArrived();
      await plugctlDone(left, "buffer", "eth0");
      hold.send();
    }
    assertEquals([hold.backlog, plug.isHolding], [HELD, false]);
    await plugctlDone(left, "release", "eth0");
    plug[Symbol.dispose]();
    await hold.isOver();
  });

  await t.step("refuses a time that is none, and a device without a plug, and leaves no guardian", async () => {
    using plug = Plug.open({ dev: "eth0", connection });
    for (const maxMs of [0, -1, NaN, Infinity, 2 ** 31]) assertThrows(() => plug.hold({ maxMs }), RangeError);
    const { code } = assertThrows(() => plug.hold(), QueueError);
    assertEquals(code, "not-attached");
    await hold.isClean();
  });

  await t.step("lets go what a killed program held, whose plug stays and passes", async () => {
    const child = left.spawn([Deno.execPath(), "run", "-A", "--no-check", PROGRAM], { stdout: "piped" });
    assertEquals((await readLines(child.stdout).next()).value, "holding");
    hold.send();
    assertEquals(hold.backlog, HELD);
    child.kill("SIGKILL");
    await hold.allArrived();
    using plug = Plug.open({ dev: "eth0", connection });
    await plug.detach();
    await hold.isOver();
  });
});

/** Stops this process until nothing waits at a host's `eth0`, and returns what then is said; after 30 s it goes on anyway. */
async function stoppedUntilReleased({ name }: Host): Promise<string> {
  const script = `
    kill -STOP ${Deno.pid}
    for try in $(seq 300); do
      if tc -netns ${name} -s qdisc show dev eth0 | grep -q "backlog 0b 0p"; then echo released; break; fi
      sleep 0.1
    done
    kill -CONT ${Deno.pid}`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script], stdin: "null" }).output();
  return new TextDecoder().decode(stdout);
}
