/** What others do to a queue while it is held: the holder says so as it happens, and touches nothing that is not its own. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Connection } from "../../netlink/connection.ts";
import { Guardian, Plug } from "../../mod.ts";
import { DEV, Disturbed, GATE, isJoined, LINK_UP, seen, WAIT } from "./disturbed.ts";
import { HELD, HoldCase } from "./hold_case.ts";
import { Host } from "./host.ts";
import { PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { hasEnded } from "./process_table.ts";
import { plugOf, qdiscs } from "./queue.ts";
import { until } from "./until.ts";

type Disturbance = [what: string, body: (hold: Disturbed) => Promise<void>];

const OF_PLUGS: Disturbance[] = [
  ["by taking its device down and up", async (hold) => {
    const stderr = await hold.by(DEV, async () => {
      LINK_UP(hold.left, false);
      LINK_UP(hold.left, true);
      await isJoined(hold);
    });
    assertMatch(
      stderr,
      /eth0 \(root\): its device went down, which discards what is held: at least 50 packets are lost/,
    );
    await hold.isOverAfterLoss();
  }],
  ["by taking the other end of its cable down and up", async (hold) => {
    const stderr = await hold.by(DEV, async () => {
      LINK_UP(hold.right, false);
      // The kernel takes up to a second to act on it.
      await until(() => hold.backlog === 0, { ...WAIT, what: "the loss of the carrier" });
      LINK_UP(hold.right, true);
      await isJoined(hold);
    });
    assertMatch(
      stderr,
      /eth0 \(root\): its device went down, which discards what is held: at least 50 packets are lost/,
    );
    hold.forgetSent();
  }],
  ["by a release of tc's", async (hold) => {
    const stderr = await hold.by(DEV, async () => {
      hold.left.run("tc", "qdisc", "change", "dev", "eth0", "root", "handle", "504c:", "plug", "release_indefinite");
      await hold.allArrived();
    });
    assertMatch(stderr, /eth0 \(root\): (another process|process \d+ \(tc\)) released what it held/);
    await hold.isOver();
  }],
  ["by plugctl release, whose process is named if it is still there", async (hold) => {
    const stderr = await hold.by(DEV, () => hold.left.run(...PLUGCTL, "release", "--dev", "eth0"));
    assertMatch(stderr, /eth0 \(root\): (process \d+ \(.*\)|another process) released what it held/);
    await hold.isOver();
  }],
  ["by deleting its plug", async (hold) => {
    const stderr = await hold.by(DEV, () => hold.left.run("tc", "qdisc", "delete", "dev", "eth0", "root"));
    assertMatch(stderr, /the plug vanished, with what it still held: .* deleted it: at least 50 packets are lost/);
    await hold.isOverAfterLoss();
  }],
  ["by another qdisc in its place, which is left alone", async (hold) => {
    const { left } = hold;
    const pfifo = ["dev", "eth0", "root", "handle", "7:", "pfifo"];
    const stderr = await hold.by(DEV, () => left.run("tc", "qdisc", "replace", ...pfifo));
    assertMatch(stderr, /the plug vanished, .*: at least 50 packets are lost/);
    assertEquals(qdiscs(left).map(({ kind, handle }) => [kind, handle]), [["pfifo", "7:"]]);
    left.run("tc", "qdisc", "delete", "dev", "eth0", "root");
    await hold.isOverAfterLoss();
  }],
  ["by moving its device to another namespace", async (hold) => {
    using elsewhere = new Host();
    const stderr = await hold.by(DEV, () => hold.left.run("ip", "link", "set", "eth0", "netns", elsewhere.name));
    assertMatch(stderr, /its device was deleted, or moved to another namespace: at least 50 packets are lost/);
    elsewhere.run("ip", "link", "delete", "eth0");
    hold.connectAnew();
    hold.isAsItShouldBe();
    hold.forgetSent();
  }],
  ["by deleting its device and making another of that name, which is left alone", async (hold) => {
    const { left } = hold;
    const stderr = await hold.by(DEV, () => {
      left.run("ip", "link", "delete", "eth0");
      hold.connectAnew();
      left.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "504c:", "plug", "limit", "1000000");
    });
    assertMatch(stderr, /its device was deleted, or moved to another namespace: at least 50 packets are lost/);
    assertEquals(plugOf(left).handle, "504c:");
    left.run("tc", "qdisc", "delete", "dev", "eth0", "root");
    hold.isAsItShouldBe();
    await hold.isOverAfterLoss();
  }],
];

const ANEW: Disturbance = [
  "by deleting its device and making another of that name and index with such a plug, which is left alone",
  async (hold) => {
    const { left } = hold;
    const [index] = left.run("ip", "-o", "link", "show", "eth0").split(":");
    const stderr = await hold.by(DEV, () => {
      left.run("ip", "link", "delete", "eth0");
      left.run("ip", "link", "add", "eth0", "index", index, "type", "dummy");
      // So that the kernel sends nothing of its own there.
      left.run("ip", "link", "set", "eth0", "addrgenmode", "none", "multicast", "off", "arp", "off");
      left.run("ip", "link", "set", "eth0", "up");
      left.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "504c:", "plug", "limit", "1000000");
      left.run("ip", "neighbour", "replace", "10.0.0.2", "lladdr", "02:00:00:00:00:02", "dev", "eth0");
      left.run("ip", "address", "add", "10.0.0.1/24", "dev", "eth0");
      hold.send(7);
    });
    assertMatch(stderr, /its device was deleted, or moved to another namespace: at least 50 packets are lost/);
    assertEquals([plugOf(left).handle, plugOf(left).qlen], ["504c:", 7]);
    left.run("ip", "link", "delete", "eth0");
    hold.connectAnew();
    hold.isAsItShouldBe();
    await hold.isOverAfterLoss();
  },
];

const GATE_WAYS = [
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
    /gate web: its device went down, which discards what is held: at least 50 packets/,
  ],
  [
    "deleting its own device",
    ["ip", "link", "delete", "plug-web"],
    /its device was deleted, or moved to another namespace: at least 50 packets are lost/,
  ],
] as const;

const OF_GATES: Disturbance[] = GATE_WAYS.map(([what, words, says]) => [`of a gate, by ${what}`, async (hold) => {
  await plugctlDone(hold.left, ...GATE);
  const stderr = await hold.by(["web"], () => hold.left.run(...words));
  assertMatch(stderr, says);
  await plugctl(hold.left, "gate", "delete", "web");
  await plugctlDone(hold.left, "recover");
  if (words[0] === "ip") hold.forgetSent();
  // Nothing tells any more that the filters were a gate's whose device is gone.
  if (words[0] === "ip" && words[2] === "delete") hold.left.run("tc", "qdisc", "delete", "dev", "eth0", "clsact");
  await hold.isOver();
}]);

const BY_FORCE: Disturbance[] = [["recover"], ["gate", "delete", "web"]].map((
  words,
) => [`of a gate, by ${words.join(" ")}: refused without --force, and told with it`, async (hold) => {
  const { left } = hold;
  await plugctlDone(left, ...GATE);
  const stderr = await hold.by(["web"], async () => {
    const refused = await plugctl(left, ...words);
    assertMatch(refused.stderr, /gate web.*process \d+ stands guard/);
    assertEquals(plugOf(left, "plug-web").qlen, HELD);
    left.run(...PLUGCTL, ...words, "--force");
  });
  // It is named if it is still there by then; and it may have taken the gate away by then.
  assertMatch(stderr, /gate web: (process \d+ \(.*\)|another process) released what it held/);
  await hold.isOver();
}]);

Deno.test("a hold that others disturb", async (t) => {
  for (const [what, body] of [...OF_PLUGS, ANEW, ...OF_GATES, ...BY_FORCE]) {
    await t.step(what, async () => {
      using hold = new Disturbed();
      await body(hold);
    });
  }

  await t.step("through the API: its report says what was done", async () => {
    using hold = new Disturbed();
    using connection = Connection.open({ netns: hold.left.name });
    using plug = Plug.attach({ dev: "eth0", connection });
    using held = plug.hold({ maxMs: 600_000 });
    hold.send();
    await seen();
    await plugctlDone(hold.left, "release", "--dev", "eth0");
    assertEquals(await held.whenCutShort(), "disturbed");
    const { disturbance, cutShort, queues: [{ packets }] } = held.release();
    assertEquals([disturbance?.what, disturbance?.lostPackets, cutShort, packets], ["released", 0, true, HELD]);
    plug[Symbol.dispose]();
    await hold.isOver();
  });
});

Deno.test("a hold that nobody disturbs", async (t) => {
  /** Holds while `work` is done, and sees that nothing is made of it. */
  const goesOn = async (work: (hold: Disturbed) => unknown) => {
    using hold = new Disturbed();
    const { outcome, endCommand } = await hold.hold(DEV);
    hold.send();
    await seen();
    await work(hold);
    await seen();
    endCommand();
    const { status, stderr } = await outcome;
    assertEquals(status, 0, stderr);
    assertMatch(stderr, new RegExp(`held ${HELD} packets[^\n]*\n$`));
    await hold.isOver();
  };

  await t.step("though its device gets another altname, alias and address", () =>
    goesOn(({ left }) => {
      left.run("ip", "link", "property", "add", "dev", "eth0", "altname", "other");
      left.run("ip", "link", "set", "eth0", "alias", "words");
      left.run("ip", "address", "add", "10.9.9.9/32", "dev", "eth0");
      left.run("ip", "link", "property", "del", "dev", "eth0", "altname", "other");
      left.run("ip", "link", "set", "eth0", "alias", "");
      left.run("ip", "address", "delete", "10.9.9.9/32", "dev", "eth0");
    }));

  await t.step("though others do the same to another device", () =>
    goesOn(({ left }) => {
      left.run("ip", "link", "add", "other", "type", "dummy");
      left.run("ip", "link", "set", "other", "up");
      left.run("tc", "qdisc", "add", "dev", "other", "root", "handle", "504c:", "plug", "limit", "100000");
      left.run("tc", "qdisc", "change", "dev", "other", "root", "handle", "504c:", "plug", "release_indefinite");
      left.run("tc", "qdisc", "delete", "dev", "other", "root");
      left.run("ip", "link", "delete", "other");
    }));

  await t.step(
    "though a release is asked of another handle, which the kernel refuses",
    () =>
      goesOn(async ({ left }) => {
        const { status } = await plugctl(left, "release", "--dev", "eth0", "--handle", "77:");
        assertEquals(status, 1);
      }),
  );

  await t.step("by its own epochs, though they leave a moment after their release", async () => {
    using hold = new Disturbed();
    {
      using connection = Connection.open({ netns: hold.left.name });
      using guardian = Guardian.start();
      using plug = Plug.attach({ dev: "eth0", limitBytes: 16_000_000, connection, guardian, maxHoldMs: 600_000 });
      plug.buffer();
      for (let epoch = 0; epoch < 200; epoch++) {
        hold.send(20);
        plug.buffer();
        plug.releaseOne();
        if (epoch % 20 === 0) await seen();
      }
      await seen();
      assertEquals(plug.disturbance, undefined);
    }
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
    const guardian = guardianOf(await plugctlDone(left, "buffer", "--dev", "eth0", "--max-hold", "10s", "--json"));
    hold.send();
    await seen();
    Deno.kill(guardian, "SIGSTOP");
    left.run("tc", "qdisc", "change", "dev", "eth0", "root", "handle", "504c:", "plug", "release_indefinite");
    await hold.allArrived();
    await plugctlDone(left, "buffer", "--dev", "eth0");
    hold.send();
    await new Promise((resolve) => setTimeout(resolve, 10_500));
    Deno.kill(guardian, "SIGCONT");
    await until(() => hasEnded(guardian), { ...WAIT, what: "the guardian's end" });
    assertEquals(plugOf(left).qlen, HELD);
    const said = `plugctl: the guardian ${guardian} leaves eth0 (root) alone: others have changed it more than once`;
    assert(left.run("busybox", "dmesg").includes(said));
    await plugctlDone(left, "detach", "--dev", "eth0");
    await hold.isOver();
  });

  await t.step("but keeps its deadline when an epoch is released", async () => {
    await plugctlDone(left, "attach", ...DEV);
    const guardian = guardianOf(await plugctlDone(left, "buffer", "--dev", "eth0", "--max-hold", "20s", "--json"));
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
