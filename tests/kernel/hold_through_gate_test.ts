/** `hold` of a device at whose root a plug cannot be, or costs more than a gate: it holds through a gate, and says so. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { witness } from "./gate_pair.ts";
import { HELD, HoldCase } from "./hold_case.ts";
import type { Host } from "./host.ts";
import { PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { underTraffic } from "./traffic.ts";

/** Qdiscs that somebody has put at the root. */
const ROOTS = {
  netem: ["handle", "1:", "netem", "delay", "5ms", "limit", "1000000"],
  tbf: ["handle", "1:", "tbf", "rate", "500mbit", "burst", "64k", "latency", "1s"],
  fq_codel: ["handle", "1:", "fq_codel"],
  prio: ["handle", "1:", "prio"],
} as const;

function addRoot({ left }: HoldCase, kind: keyof typeof ROOTS): void {
  left.run("tc", "qdisc", "add", "dev", "eth0", "root", ...ROOTS[kind]);
}

for (const kind of ["netem", "tbf", "fq_codel", "prio"] as const) {
  Deno.test(`hold of a device with ${kind} at its root holds through a gate, and leaves that as it was`, async () => {
    using hold = new HoldCase();
    addRoot(hold, kind);
    hold.isAsItShouldBe();
    const { outcome, endCommand } = await hold.hold(["eth0"]);
    hold.send();
    const second = await plugctl(hold.left, "hold", "eth0", "--for", "50ms");
    assertEquals(second.status, 1, second.stderr);
    assertMatch(
      second.stderr,
      /cannot hold eth0: all that leaves it goes through a gate already; see: plugctl gate list/,
    );
    endCommand();
    const { status, stderr } = await outcome;
    assertEquals(status, 0, stderr);
    const [begun, held, ...more] = stderr.split("\n");
    assertEquals(begun, `plugctl: holding eth0 through a gate, since it has ${kind} at its root`);
    assertMatch(
      held,
      new RegExp(`^plugctl: held ${HELD} packets, \\d+ bytes, at eth0 \\(through a gate\\) for .*, dropped none$`),
    );
    assertEquals(more, [""]);
    await hold.isOver();
  });
}

Deno.test("hold of a device with netem at its root takes any limit, also where it carries the default route", async () => {
  using hold = new HoldCase();
  addRoot(hold, "netem");
  hold.left.run("ip", "route", "add", "default", "via", hold.ends[1].ipv4);
  hold.isAsItShouldBe();
  const { outcome, endCommand } = await hold.hold(["eth0", "--limit", "900"]);
  hold.send(10);
  endCommand();
  const { status, stderr } = await outcome;
  assertEquals(status, 0, stderr);
  assertMatch(stderr, /held 10 packets, \d+ bytes, at eth0 \(through a gate\) for /);
  await hold.isOver();
});

Deno.test("hold of a device with netem at its root that SIGKILL ends is put right by its guardian", async () => {
  using hold = new HoldCase();
  addRoot(hold, "netem");
  hold.isAsItShouldBe();
  const child = await hold.startHold("eth0");
  hold.send();
  child.kill("SIGKILL");
  await child.status;
  await hold.isOver();
});

function across({ left, right, ends }: HoldCase) {
  return { from: left, to: right, address: ends[1].ipv4, rate: 1000 };
}

/** Holds again and again, and returns what was said each time. */
async function rounds(host: Host, count: number): Promise<string[]> {
  const said: string[] = [];
  for (let round = 0; round < count; round++) {
    const { status, stderr, gaps = [] } = await plugctl(host, "hold", "eth0", "--for", "30ms");
    assertEquals(status, 0, stderr);
    said.push(stderr + gaps.join(""));
  }
  return said;
}

for (const [kind, hasClsact] of [["netem", true], ["tbf", false], ["fq_codel", true]] as const) {
  const beside = hasClsact ? " beside a clsact" : "";
  Deno.test(`hold of a device with ${kind} at its root${beside} loses nothing and reorders nothing under traffic`, async () => {
    using hold = new HoldCase();
    addRoot(hold, kind);
    if (hasClsact) hold.left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
    const before = witness(hold.left);
    let said: string[] = [];
    const arrival = await underTraffic(across(hold), async () => void (said = await rounds(hold.left, 10)));
    assert(arrival.sent > 300, `only ${arrival.sent} were sent`);
    const gaps = said.filter((text) => text.includes("sent nothing for up to")).length;
    assert(arrival.lost <= gaps * 50, `${arrival.lost} were lost, and ${gaps} gaps were told`);
    assertEquals(arrival.reordered, 0);
    if (said.some((text) => text.includes("clsact stays on eth0"))) {
      hold.left.run("tc", "qdisc", "del", "dev", "eth0", "clsact");
    }
    assertEquals(witness(hold.left), before);
  });
}

/** Without CAP_SYS_NICE other processes send in the middle, as they do where there are several processors. */
const DISTURBED = ["setpriv", "--bounding-set", "-sys_nice", ...PLUGCTL];

Deno.test("hold of a device with a clsact holds through a gate where others can send meanwhile, and loses nothing", async () => {
  using hold = new HoldCase();
  hold.left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
  const before = witness(hold.left);
  const arrival = await underTraffic(across(hold), async () => {
    for (let round = 0; round < 5; round++) {
      const child = hold.left.spawn([...DISTURBED, "hold", "eth0", "--for", "30ms"], { stderr: "piped" });
      const said = await Array.fromAsync(readLines(child.stderr));
      assertEquals((await child.status).code, 0, said.join("\n"));
      assertEquals(
        said[0],
        "plugctl: holding eth0 through a gate, since it has a clsact, beside which a gate loses nothing",
      );
      assertEquals(said.length, 2, said.join("\n"));
    }
  });
  assert(arrival.sent > 500, `only ${arrival.sent} were sent`);
  assertEquals([arrival.lost, arrival.reordered], [0, 0], `of ${arrival.sent}`);
  assertEquals(witness(hold.left), before);
});

Deno.test("hold does without a gate where filters would take packets away before it", async () => {
  using hold = new HoldCase();
  const { left } = hold;
  left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
  left.run("tc", "filter", "add", "dev", "eth0", "egress", "protocol", "all", "pref", "1", "matchall", "action", "ok");
  hold.isAsItShouldBe();
  const plain = await plugctl(left, "hold", "eth0", "--for", "50ms");
  assertEquals(plain.status, 0, plain.stderr);
  assertMatch(plain.stderr, /holding eth0\n.* at eth0 \(root\) /);
  addRoot(hold, "netem");
  const before = witness(left);
  const refused = await plugctl(left, "hold", "eth0", "--for", "50ms");
  assertEquals(refused.status, 1, refused.stderr);
  assertMatch(refused.stderr, /netem 1: is there, which plugctl did not make/);
  assertEquals(witness(left), before);
});

Deno.test("hold through a gate says what somebody's queue dropped when all came to it at once", async () => {
  using hold = new HoldCase();
  const { left } = hold;
  left.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "1:", "netem", "delay", "100ms", "limit", "10");
  const { outcome, endCommand } = await hold.hold(["eth0"]);
  hold.send();
  endCommand();
  const { status, stderr } = await outcome;
  assertEquals(status, 0, stderr);
  assertMatch(stderr, /netem at the root of eth0 dropped 40 packets meanwhile: a release comes to it all at once\n/);
});

Deno.test("gate add and gate delete discard nothing of what waits in somebody's queue, or say what", async () => {
  using hold = new HoldCase();
  const { left } = hold;
  left.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "1:", "netem", "delay", "100s");
  hold.send();
  const GATE = ["gate", "add", "web", "eth0", "--direction", "out", "--match", "tcp"];
  const refused = await plugctl(left, "hold", "eth0", "--for", "50ms");
  assertEquals(refused.status, 1, refused.stderr);
  assertMatch(
    refused.stderr,
    /50 packets wait in the queue of eth0, which the kernel discards when clsact is put there/,
  );
  const { status, stderr } = await plugctl(left, ...GATE);
  assertEquals([status, stderr], [
    0,
    "plugctl: 50 packets waited in the queue of eth0 when clsact was put there: the kernel discarded them\n",
  ]);
  hold.send();
  const deleted = await plugctl(left, "gate", "delete", "web");
  assertMatch(deleted.stderr, /clsact stays on eth0, empty/);
  assertEquals(JSON.parse(left.run("tc", "-s", "-j", "qdisc", "show", "dev", "eth0"))[0].qlen, HELD);
  await plugctlDone(left, "recover");
});
