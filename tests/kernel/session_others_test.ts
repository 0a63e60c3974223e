/** What a session does where others have something there too, and by whatever name it asks. */

import { assertEquals, assertMatch } from "@std/assert";
import { Connection, Gate } from "../../mod.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { Conversation } from "./conversation.ts";
import { COUNT, PORT, Traffic } from "./gate_traffic.ts";
import { WAIT } from "./gate_pair.ts";
import { HELD, HoldCase } from "./hold_case.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { until } from "./until.ts";

const NAME = "filter protocol ip pref 5000 flower chain 0 handle 0x1 (drop)";
const LONG = "enp0s31f6-the-card-by-the-window";

/** Asks what is refused, and returns why. */
async function refused(
  session: Conversation,
  request: Record<string, unknown>,
): Promise<[code?: string, why?: string]> {
  const { error } = await session.answer(await session.send(request));
  return [error?.code, error?.message];
}

Deno.test("a session refuses to hold what bypasses a filter of others, and does it with force", async () => {
  using traffic = new Traffic("ingress");
  const { left } = traffic.pair;
  const match = `udp dst port ${PORT}`;
  await plugctlDone(left, "gate", "add", "web", "--dev", "eth0", "--direction", "in", "--match", match);
  traffic.tc(
    ..."filter add dev eth0 ingress protocol ip pref 5000 flower ip_proto udp".split(" "),
    ...["dst_port", String(PORT), "action", "drop"],
  );
  await using session = new Conversation(left);
  for (const request of [{ op: "buffer" }, { op: "hold", forMs: 60_000 }]) {
    assertEquals(await refused(session, { ...request, on: "web" }), [
      "would-bypass",
      `Cannot ${request.op} gate web: the packets that it takes bypass what others have put behind it: ${NAME}`,
    ]);
  }
  const add = { op: "gate-add", name: "more", dev: "eth0", direction: "in", match };
  assertEquals((await refused(session, add))[0], "would-bypass");
  assertEquals(await traffic.arrived(), [COUNT, 0, 0]);

  await session.ask({ op: "buffer", on: "web", force: true });
  traffic.send();
  await traffic.pair.holds("web", COUNT);
  await session.ask({ op: "release", on: "web" });
  await session.ask({ op: "hold", on: "web", forMs: 50, force: true });
  const { warnings } = await session.ask({ ...add, force: true }) as { warnings: string[] };
  assertEquals(warnings, [`the packets that the gate more takes on eth0 ingress bypass: ${NAME}`]);
  assertEquals(await session.end(), [0, ""]);
  await plugctlDone(left, "gate", "delete", "web");
});

Deno.test("a session has one plug, by whichever of its device's names it is asked for", async () => {
  using hold = new HoldCase();
  hold.left.configure([`link property add dev eth0 altname ens3 altname ${LONG}`]);
  hold.isAsItShouldBe();
  await using session = new Conversation(hold.left);
  await session.ask({ op: "attach", dev: "ens3", limitBytes: 1 << 24 });
  assertEquals(await refused(session, { op: "counts", on: ["eth0", LONG] }), ["invalid", "ens3 is named twice"]);
  await session.ask({ op: "buffer", on: "eth0" });
  hold.send();
  await session.ask({ op: "wait", dev: LONG, until: `backlog>=${HELD}`, timeoutMs: WAIT.timeoutMs });
  const [{ releasedPackets }] = await session.ask({ op: "release", on: LONG }) as { releasedPackets: number }[];
  assertEquals(releasedPackets, HELD);
  await hold.allArrived();
  // Its own release is nobody else's.
  await session.ask({ op: "buffer", on: "ens3" });
  await session.ask({ op: "detach", on: "eth0" });
  assertEquals(session.events("cut-short"), []);
  assertEquals(await session.end(), [0, ""]);
  await hold.isOver();
});

Deno.test("a session is told so where another process holds already, and is told to others", async () => {
  using hold = new HoldCase();
  await plugctlDone(hold.left, "attach", "eth0", "--limit", "16m");
  hold.isAsItShouldBe();
  await using session = new Conversation(hold.left);
  const { outcome, endCommand } = await hold.hold(["eth0"]);
  const [code, why] = await refused(session, { op: "hold", on: "eth0", forMs: 50 });
  endCommand();
  assertEquals((await outcome).status, 0);
  assertEquals(code, "held");
  assertMatch(
    String(why),
    /^Cannot hold eth0 \(root\): another process is using it, with process \d+ as its guardian$/,
  );

  // Who only looks stands in nobody's way.
  await session.ask({ op: "counts", on: "eth0" });
  await session.ask({ op: "release", on: "eth0" });
  await plugctlDone(hold.left, "hold", "eth0", "--for", "50ms");

  const id = await session.send({ op: "hold", on: "eth0", forMs: 600_000 });
  await session.hear((said) => said.id === id && said.event === "holding", "the beginning");
  const { status, stderr } = await plugctl(hold.left, "hold", "eth0", "--for", "50ms");
  assertEquals(status, 1, stderr);
  assertMatch(
    stderr,
    /^plugctl: cannot hold eth0 \(root\): another process is using it, with process \d+ as its guardian; wait until that has ended/,
  );
  await session.ask({ op: "cancel", request: id });
  assertEquals((await session.answer(id)).error, undefined);
  assertEquals(await session.end(), [0, ""]);
  // What was there stays, and may be held again.
  await until(async () => (await plugctl(hold.left, "hold", "eth0", "--for", "50ms")).status === 0, WAIT);
  await hold.isClean();
});

Deno.test("whoever has made a gate leaves no filter of it where somebody has deleted its device", async () => {
  using hold = new HoldCase();
  const { left } = hold;
  left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
  hold.isAsItShouldBe();
  const match = "udp dst port 5000";
  {
    await using session = new Conversation(left);
    await session.ask({ op: "gate-add", name: "web", dev: "eth0", direction: "out", match });
    left.run("ip", "link", "delete", "plug-web");
    assertEquals(await session.end(), [0, ""]);
  }
  await hold.isOver();

  const scenario = await Scenario.parse(`name: a gate whose device is deleted
hosts: { near: { netns: ${left.name} } }
defaults: { host: near }
gates: { web: { dev: eth0, direction: out, match: ${match} } }
steps:
  - buffer: web
  - run: ip link delete plug-web; sleep 1h
`);
  const { outcome, undone, error } = await scenario.run();
  assertEquals([outcome, undone], ["failed", true]);
  assertMatch(String(error), /web: the plug vanished, with what it still held: its device was deleted/);
  await hold.isOver();

  {
    using connection = Connection.open({ netns: left.name });
    using _gate = Gate.open({ name: "web", dev: "eth0", direction: "out", match, connection });
    left.run("ip", "link", "delete", "plug-web");
  }
  await hold.isOver();
});
