/**
 * A device that is held, or on which a gate holds, is renamed, moved, or deleted and made anew, or its namespace loses its
 * name: the holder says what is lost, and nothing of what is there then is touched.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { DEV, Disturbed, GATE, WAIT } from "./disturbed.ts";
import { HELD } from "./hold_case.ts";
import { Host } from "./host.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { plugOf, qdiscs } from "./queue.ts";
import { until } from "./until.ts";

/** What is held, by the words for it, and what is said of a device of it that is gone, and of one that went down. */
const HOLDS = {
  "a device": {
    words: DEV,
    gone: /eth0 \(root\): .*its device was deleted, or moved to another namespace: at least 50 packets are lost/,
    down: /eth0 \(root\): its device went down, which discards what is held: at least 50 packets are lost/,
  },
  "a gate": {
    words: ["web"],
    gone: /gate web: a device that it is on is gone, and what it held of that is lost: at least 50 packets are lost/,
    down: /gate web: a device that it is on went down, and what it held of that is lost: at least 50 packets are lost/,
  },
} as const;

type Held = typeof HOLDS[keyof typeof HOLDS] & { isGate: boolean };

/** What the gate has left is taken away, and the hosts are joined again. */
async function putRight(hold: Disturbed, { isGate }: Held): Promise<void> {
  if (isGate) await plugctl(hold.left, "gate", "delete", "web");
  hold.left.configure(["link delete eth0"]);
  hold.connectAnew();
  hold.isAsItShouldBe();
  await hold.isOverAfterLoss();
}

/** A device that somebody has made anew, with a queue and a filter of its own. */
function makeAnew({ left }: Disturbed, options: string[] = []): void {
  left.run("ip", "link", "delete", "eth0");
  left.run("ip", "link", "add", "eth0", ...options, "type", "dummy");
  left.run("ip", "link", "set", "eth0", "up");
  left.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "504c:", "plug", "limit", "1000000");
  left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
  const own = "protocol ip pref 1000 flower ip_proto udp dst_port 5000 action drop";
  left.run("tc", "filter", "add", "dev", "eth0", "egress", ...own.split(" "));
}

/** What somebody has put on a device: qdiscs, and filters without their counters. */
function settingsOf({ left }: Disturbed): string {
  const filters = left.run("tc", "filter", "show", "dev", "eth0", "egress");
  return JSON.stringify([qdiscs(left).map(({ kind, handle }) => [kind, handle]), filters]);
}

/** Gives a namespace another name: whoever looks for it by the one that it had finds none. */
function moveName(from: string, to: string): void {
  const script =
    `touch /run/netns/${to} && mount --bind /run/netns/${from} /run/netns/${to} && ip netns delete ${from}`;
  const { success, stderr } = new Deno.Command("sh", { args: ["-c", script] }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

const CASES: [what: string, body: (hold: Disturbed, held: Held) => Promise<void>][] = [
  ["is moved to another namespace, and back", async (hold, held) => {
    const { left } = hold;
    using elsewhere = new Host();
    const stderr = await hold.by([...held.words], () => {
      left.run("ip", "link", "set", "eth0", "netns", elsewhere.name);
      elsewhere.run("ip", "link", "set", "eth0", "netns", left.name);
    });
    assertMatch(stderr, held.gone);
    assertEquals(qdiscs(left).filter(({ kind }) => kind === "plug"), []);
    await putRight(hold, held);
  }],
  ["is deleted and made anew with the same name", async (hold, held) => {
    let before = "";
    const stderr = await hold.by([...held.words], () => {
      makeAnew(hold);
      before = settingsOf(hold);
    });
    assertMatch(stderr, held.gone);
    assertEquals(settingsOf(hold), before);
    await putRight(hold, held);
  }],
  ["is deleted and made anew with the same name and index", async (hold, held) => {
    const [index] = hold.left.run("ip", "-o", "link", "show", "eth0").split(":");
    let before = "";
    const stderr = await hold.by([...held.words], () => {
      makeAnew(hold, ["index", index]);
      before = settingsOf(hold);
    });
    assertMatch(stderr, held.gone);
    assertEquals(settingsOf(hold), before);
    if (held.isGate) await plugctl(hold.left, "gate", "delete", "web");
    assertEquals(settingsOf(hold), before);
    await putRight(hold, held);
  }],
  ["is taken down for another name, and up again", async (hold, held) => {
    const { left } = hold;
    const stderr = await hold.by(
      [...held.words],
      () => left.configure(["link set eth0 down", "link set eth0 name other", "link set other up"]),
    );
    // What a gate holds goes on by the device that it came from, which may be up again by then.
    const isUpAgain = held.isGate && stderr.includes("went down, and was up again when what it held was let go");
    if (!isUpAgain) assertMatch(stderr, held.down);
    assertEquals(qdiscs(left, "other").filter(({ kind }) => kind === "plug"), []);
    if (held.isGate) await plugctlDone(left, "gate", "delete", "web");
    if (isUpAgain) await hold.whatWasSentArrived();
    left.configure(["link delete other"]);
    hold.connectAnew();
    hold.isAsItShouldBe();
    await hold.isOverAfterLoss();
  }],
];

for (const [name, held] of Object.entries(HOLDS)) {
  for (const [what, body] of CASES) {
    Deno.test(`hold of ${name}: the device ${what}`, async () => {
      using hold = new Disturbed();
      const isGate = name === "a gate";
      if (isGate) await plugctlDone(hold.left, ...GATE);
      await body(hold, { ...held, isGate });
    });
  }

  Deno.test(`hold of ${name} goes on where its namespace loses its name, and loses nothing`, async () => {
    using hold = new Disturbed();
    const { left } = hold;
    const isGate = name === "a gate";
    if (isGate) await plugctlDone(left, ...GATE);
    const { outcome, endCommand } = await hold.hold([...held.words]);
    hold.send();
    const dev = isGate ? "plug-web" : "eth0";
    await until(() => plugOf(left, dev).qlen === HELD, { ...WAIT, what: "all held" });
    moveName(left.name, "nameless");
    endCommand();
    const { status, stderr } = await outcome;
    moveName("nameless", left.name);
    assertEquals(status, 0, stderr);
    assertMatch(stderr, new RegExp(`held ${HELD} packets`));
    if (isGate) await plugctlDone(left, "gate", "delete", "web");
    await hold.isOver();
  });
}
