/** What others do to a queue while it is held: the holder says so as it happens, and touches nothing that is not its own. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Connection } from "../../netlink/mod.ts";
import { Plug } from "../../mod.ts";
import { HELD, HoldCase } from "./hold_case.ts";
import { connect } from "./host.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { hasEnded } from "./process_table.ts";
import { plugOf, qdiscs } from "./queue.ts";
import { until } from "./until.ts";

const DEV = ["--dev", "eth0", "--limit", "16m"];
const GATE = ["gate", "add", "web", "--dev", "eth0", "--direction", "egress", "--match", "udp dst port 5000"];
const WAIT = { timeoutMs: 60_000 };

/** So that the guardian has seen what was sent, which it looks at each 50 ms. */
const seen = () => new Promise((resolve) => setTimeout(resolve, 300));

Deno.test("a hold that others disturb", async (t) => {
  using hold = new HoldCase();
  const { left } = hold;

  /** Holds, sends, disturbs, and returns what is said, which must come before the command ends. */
  const disturbed = async (words: string[], disturb: () => unknown): Promise<string> => {
    const { outcome, endCommand } = await hold.hold(words);
    hold.send();
    await seen();
    try {
      await disturb();
    } catch (error) {
      endCommand();
      throw new Error(`${error}; and: ${(await outcome).stderr}`);
    }
    const { status, stderr } = await ended(outcome, endCommand);
    assertEquals(status, 1, stderr);
    return stderr;
  };

  /** The packets go on at once, or are lost: in any case no more are held while the command goes on. */
  const ended = async (outcome: Promise<{ status: number; stderr: string }>, endCommand: () => void) => {
    await seen();
    endCommand();
    return await outcome;
  };

  const again = async () => {
    left.run("ip", "link", "set", "eth0", "up");
    await until(() => left.run("ip", "link", "show", "eth0").includes("LOWER_UP"), { ...WAIT, what: "the cable" });
    left.configure([
      "neighbour replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent",
      "address replace fd00::1/64 dev eth0 nodad",
      "neighbour replace fd00::2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent",
    ]);
  };

  await t.step("by taking its device down and up: so many are lost, as the kernel does not say", async () => {
    const stderr = await disturbed(DEV, async () => {
      left.run("ip", "link", "set", "eth0", "down");
      await again();
    });
    assertMatch(
      stderr,
      /eth0 \(root\): its device was taken down, which discards what is held: at least 50 packets are lost/,
    );
    assertEquals(qdiscs(left).filter(({ kind }) => kind === "plug"), []);
    hold.forgetSent();
  });

  await t.step("by a release of tc's", async () => {
    const stderr = await disturbed(DEV, async () => {
      left.run("tc", "qdisc", "change", "dev", "eth0", "root", "handle", "504c:", "plug", "release_indefinite");
      await hold.allArrived();
    });
    assertMatch(stderr, /eth0 \(root\): (another process|process \d+ \(tc\)) has let go what it held/);
    await hold.isOver();
  });

  await t.step("by plugctl release, whose process is named", async () => {
    const stderr = await disturbed(DEV, () => plugctlDone(left, "release", "--dev", "eth0"));
    assertMatch(stderr, /eth0 \(root\): .* has let go what it held/);
    await hold.isOver();
  });

  await t.step("by deleting its plug", async () => {
    const stderr = await disturbed(DEV, () => left.run("tc", "qdisc", "delete", "dev", "eth0", "root"));
    assertMatch(stderr, /the plug vanished, with what it still held: .* deleted it: at least 50 packets are lost/);
    hold.forgetSent();
    await hold.isOver();
  });

  await t.step("by another qdisc in its place, which is left alone", async () => {
    const pfifo = ["dev", "eth0", "root", "handle", "7:", "pfifo"];
    const stderr = await disturbed(DEV, () => left.run("tc", "qdisc", "replace", ...pfifo));
    assertMatch(stderr, /the plug vanished|the qdisc there is pfifo/);
    assertMatch(stderr, /at least 50 packets are lost/);
    assertEquals(qdiscs(left).map(({ kind, handle }) => [kind, handle]), [["pfifo", "7:"]]);
    left.run("tc", "qdisc", "delete", "dev", "eth0", "root");
    hold.forgetSent();
    await hold.isOver();
  });

  await t.step("by renaming its device: that is nothing to it", async () => {
    // A dummy can be renamed while it is up since Linux 6.2; before that only while it is down.
    const { outcome, endCommand } = await hold.hold(DEV);
    hold.send();
    const name = new Deno.Command("ip", { args: ["-netns", left.name, "link", "set", "eth0", "name", "eth7"] })
      .outputSync();
    hold.left.run("ip", "link", "property", "add", "dev", name.success ? "eth7" : "eth0", "altname", "other");
    endCommand();
    const { status, stderr } = await outcome;
    assertEquals([status, stderr.includes(`held ${HELD} packets`)], [0, true], stderr);
    hold.left.run("ip", "link", "property", "delete", "dev", name.success ? "eth7" : "eth0", "altname", "other");
    if (name.success) left.run("ip", "link", "set", "eth7", "name", "eth0");
    await hold.isOver();
  });

  await t.step("by moving its device to another namespace", async () => {
    const stderr = await disturbed(
      DEV,
      () => left.run("ip", "link", "set", "eth0", "netns", hold.right.name, "name", "eth9"),
    );
    assertMatch(stderr, /its device was deleted, or moved to another namespace: at least 50 packets are lost/);
    hold.right.run("ip", "link", "delete", "eth0");
    connect([left, hold.right]);
    hold.forgetSent();
    hold.isAsItShouldBe();
    await hold.isOver();
  });

  await t.step("by deleting its device and making another of that name, which is left alone", async () => {
    const stderr = await disturbed(DEV, () => {
      left.run("ip", "link", "delete", "eth0");
      connect([left, hold.right]);
      left.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "504c:", "plug", "limit", "1000000");
    });
    assertMatch(stderr, /its device was deleted, or moved to another namespace: at least 50 packets are lost/);
    assertEquals(plugOf(left).handle, "504c:");
    left.run("tc", "qdisc", "delete", "dev", "eth0", "root");
    hold.forgetSent();
    hold.isAsItShouldBe();
    await hold.isOver();
  });

  const gateWays = [
    [
      "deleting its filters",
      ["tc", "filter", "delete", "dev", "eth0", "egress"],
      /its filters were deleted: packets pass it by/,
    ],
    [
      "deleting its clsact",
      ["tc", "qdisc", "delete", "dev", "eth0", "clsact"],
      /its filters were deleted: packets pass it by/,
    ],
    [
      "taking its own device down",
      ["ip", "link", "set", "plug-web", "down"],
      /taken down, which discards what is held: at least 50 packets/,
    ],
  ] as const;
  for (const [what, words, says] of gateWays) {
    await t.step(`of a gate, by ${what}`, async () => {
      await plugctlDone(left, ...GATE);
      const stderr = await disturbed(["web"], () => left.run(...words));
      assertMatch(stderr, says);
      await plugctlDone(left, "gate", "delete", "web");
      if (words[0] === "ip") hold.forgetSent();
      await hold.isOver();
    });
  }

  for (const [what, words] of [["recover", ["recover"]], ["gate delete", ["gate", "delete", "web"]]] as const) {
    await t.step(`of a gate, by ${what}: refused without --force, and told with it`, async () => {
      await plugctlDone(left, ...GATE);
      const { outcome, endCommand } = await hold.hold(["web"]);
      hold.send();
      await seen();
      const refused = await plugctl(left, ...words);
      assertMatch(refused.stderr, /gate web.*process \d+ stands guard/);
      assertEquals(plugOf(left, "plug-web").qlen, HELD);
      assertEquals((await plugctl(left, ...words, "--force")).status, 0);
      const { status, stderr } = await ended(outcome, endCommand);
      assertEquals(status, 1);
      assertMatch(stderr, /gate web/);
      await hold.isOver();
    });
  }

  await t.step("through the API: its report says what was done", async () => {
    using connection = Connection.open({ netns: left.name });
    using plug = Plug.attach({ dev: "eth0", connection });
    using held = plug.hold({ maxMs: 600_000 });
    hold.send();
    await seen();
    await plugctlDone(left, "release", "--dev", "eth0");
    assertEquals(await held.whenCutShort(), "disturbed");
    const { disturbance, cutShort, queues: [{ packets }] } = held.release();
    assertEquals([disturbance?.what, disturbance?.lostPackets, cutShort, packets], ["released", 0, true, HELD]);
    plug[Symbol.dispose]();
    await hold.isOver();
  });
});

Deno.test("a guardian of buffer --max-hold knows its plug from a later one", async (t) => {
  using hold = new HoldCase();
  const { left } = hold;
  const CLASS = ["--dev", "eth0", "--parent", "1:4"];
  const prio = ["dev", "eth0", "root", "handle", "1:", "prio", "bands", "4", "priomap", ...Array(16).fill("3")];

  const guardianOf = (json: string): number => JSON.parse(json)[0].guardian;

  await t.step("below a class, when the qdisc above was replaced by one with the same handles", async () => {
    left.run("tc", "qdisc", "add", ...prio);
    await plugctlDone(left, "attach", ...CLASS, "--handle", "40:", "--limit", "16m");
    const guardian = guardianOf(await plugctlDone(left, "buffer", ...CLASS, "--max-hold", "4s", "--json"));
    left.run("tc", "qdisc", "delete", "dev", "eth0", "root");
    left.run("tc", "qdisc", "add", ...prio);
    await plugctlDone(left, "attach", ...CLASS, "--handle", "40:", "--limit", "16m");
    await plugctlDone(left, "buffer", ...CLASS);
    hold.send();
    await until(() => hasEnded(guardian), { ...WAIT, what: "the end of a guardian that has lost its plug" });
    await new Promise((resolve) => setTimeout(resolve, 5000));
    assertEquals(plugOf(left).qlen, HELD);
    await plugctlDone(left, "detach", ...CLASS);
    left.run("tc", "qdisc", "delete", "dev", "eth0", "root");
    await hold.isOver();
  });

  await t.step("that was released by tc and held anew while the guardian was stopped", async () => {
    await plugctlDone(left, "attach", ...DEV);
    const guardian = guardianOf(await plugctlDone(left, "buffer", "--dev", "eth0", "--max-hold", "3s", "--json"));
    hold.send();
    await seen();
    Deno.kill(guardian, "SIGSTOP");
    left.run("tc", "qdisc", "change", "dev", "eth0", "root", "handle", "504c:", "plug", "release_indefinite");
    await hold.allArrived();
    await plugctlDone(left, "buffer", "--dev", "eth0");
    hold.send();
    await new Promise((resolve) => setTimeout(resolve, 3500));
    Deno.kill(guardian, "SIGCONT");
    await until(() => hasEnded(guardian), { ...WAIT, what: "the guardian's end" });
    assertEquals(plugOf(left).qlen, HELD);
    await plugctlDone(left, "detach", "--dev", "eth0");
    await hold.isOver();
  });

  await t.step("but keeps its deadline when an epoch is released", async () => {
    await plugctlDone(left, "attach", ...DEV);
    const guardian = guardianOf(await plugctlDone(left, "buffer", "--dev", "eth0", "--max-hold", "5s", "--json"));
    hold.send();
    await plugctlDone(left, "buffer", "--dev", "eth0");
    hold.send();
    await plugctlDone(left, "release-one", "--dev", "eth0");
    await until(() => plugOf(left).qlen === HELD, { ...WAIT, what: "the first epoch to leave" });
    await seen();
    assert(!hasEnded(guardian));
    await hold.allArrived();
    await until(() => hasEnded(guardian), { ...WAIT, what: "the guardian's end" });
    await plugctlDone(left, "detach", "--dev", "eth0");
    await hold.isOver();
  });
});
