/** What a gate lets pass by `--except`: exactly those packets, as if there were no gate, found again from the kernel alone. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Connection } from "../../netlink/connection.ts";
import { Gate } from "../../mod.ts";
import { isIn } from "../../plug/match/cube.ts";
import { dissect } from "../../plug/match/packet.ts";
import { parseMatch } from "../../gate/match/expression.ts";
import { GatePair, pings, WAIT, witness } from "./gate_pair.ts";
import { COUNT, PORT, Traffic } from "./gate_traffic.ts";
import { HELD, HoldCase } from "./hold_case.ts";
import { PacketSocket } from "./packet_socket.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { randomFrames, randomly } from "./random_frames.ts";
import { until } from "./until.ts";

const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
/** Flower finds no ports in a part of a packet. */
const frames = randomFrames(randomly(seed), 1000).map((frame) => Uint8Array.from(frame));

const CASES: [match: string[], except: string[]][] = [
  [[], ["tcp port 22"]],
  [[], ["arp", "icmp6", "port 53 or port 80"]],
  [["tcp"], ["src host 10.0.0.1 or dst port 80"]],
  [["port 80"], ["port 22"]],
  [["tcp", "tcp dst port 80 and src net 10.0.0.0/24"], ["src host 10.0.0.1 or dst port 443"]],
  [["tcp dst portrange 8000-8011"], ["dst port 8005 or dst portrange 8000-8003"]],
  [["vlan 12"], ["tcp"]],
  [["ip", "ip6"], ["tcp and not port 22"]],
  [["net 10.0.0.0/8"], ["udp or ip proto 47"]],
];

Deno.test(`gates let pass exactly what is excepted, and hold the rest of what they match: SEED=${seed}`, async () => {
  using pair = new GatePair();
  const { left, right } = pair;
  const silence = "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 && ip address flush dev eth0";
  for (const host of [left, right]) host.run("sh", "-c", silence);
  using connection = left.enter(() => Connection.open());
  using far = new PacketSocket(right, "eth0");
  for (const [match, except] of CASES) {
    const what = `${match} except ${except}`;
    const gate = Gate.open({
      name: "x",
      dev: "eth0",
      direction: "in",
      match,
      except,
      withArp: match.length === 0,
      hold: true,
      connection,
    });
    using leaving = new PacketSocket(left, "plug-x");
    for (const frame of frames) far.send(frame);
    const isMeant = (frame: Uint8Array) => fits(frame, match.flatMap((text) => parseMatch(text)), match.length === 0);
    const passes = (frame: Uint8Array) => except.some((text) => fits(frame, parseMatch(text, { within: match })));
    const expected = frames.filter((frame) => isMeant(frame) && !passes(frame)).map(number);
    const passing = frames.filter((frame) => isMeant(frame) && passes(frame)).map(number);
    await until(() => gate.read().exceptedPackets >= passing.length, { ...WAIT, what: `what passes of ${what}` });
    await until(() => gate.stats().backlogPackets >= expected.length, { ...WAIT, what: `what is held of ${what}` });
    assertEquals([gate.read().exceptedPackets, gate.read().hitPackets], [passing.length, expected.length], what);
    gate.release();
    const held: number[] = [];
    await until(() => {
      for (let frame = leaving.receive(); frame; frame = leaving.receive()) held.push(number(frame));
      return held.length >= expected.length;
    }, { ...WAIT, what: `${expected.length} packets of ${what}` });
    assertEquals(held, expected, what);
    await gate.close();
    while (far.receive());
  }
});

function fits(frame: Uint8Array, cubes: ReturnType<typeof parseMatch>, isAll = false): boolean {
  const packet = dissect(frame);
  return isAll || cubes.some((cube) => isIn(packet, cube));
}

/** The number of a frame: its last four bytes. */
function number(frame: Uint8Array): number {
  return new DataView(frame.buffer, frame.byteOffset + frame.length - 4).getUint32(0);
}

Deno.test("what passes a gate meets the filters behind it, and those of other gates", async () => {
  using traffic = new Traffic("ingress");
  const { left } = traffic.pair;
  const add = ["gate", "add", "all", "eth0", "--direction", "in", "--match", "ip", "--except"];
  await plugctlDone(left, ...add, `udp dst port ${PORT}`, "--hold");
  await plugctlDone(
    left,
    "gate",
    "add",
    "some",
    "eth0",
    "--direction",
    "in",
    "--match",
    `udp dst port ${PORT}`,
    "--hold",
  );
  traffic.send();
  await traffic.pair.holds("some", COUNT);
  assertEquals(await traffic.pair.held("all"), 0);
  await plugctlDone(left, "gate", "delete", "some");
  await plugctlDone(left, "release", "all");
  assertEquals((await traffic.arrived())[0], 2 * COUNT);
  const drop = `protocol ip pref 5000 flower ip_proto udp dst_port ${PORT} action drop`;
  traffic.tc("filter", "add", "dev", "eth0", "ingress", ...drop.split(" "));
  // Of what others have put behind it nothing is bypassed: what they mean is excepted.
  assertEquals((await plugctl(left, "gate", "list")).stderr, "");
  assertEquals((await traffic.arrived())[0], 0);
  await plugctlDone(left, "gate", "delete", "all");
});

Deno.test("a gate's exceptions are found by any process as they were written, and go with it", async () => {
  using pair = new GatePair();
  const { left } = pair;
  await plugctlDone(left, "gate", "add", "first", "eth0", "--direction", "out", "--match", "icmp");
  const before = witness(left);
  const except = [
    "tcp  port ssh",
    "src host 10.0.0.1 or 10.0.0.3",
    "ip6 dst net fd00:0:0:1::/64 and udp port 5353",
    "arp",
  ];
  const words = ["eth0", "--direction", "both", "--with-arp", ...except.flatMap((text) => ["--except", text])];
  await plugctlDone(left, "gate", "add", "web", ...words);
  const written = except.map((text) => text.replace("  ", " "));
  const [, { exceptedPackets, ...listed }] = JSON.parse(await plugctlDone(left, "gate", "list", "--json"));
  assertEquals([listed.match, listed.except, listed.faults, exceptedPackets], [[], written, [], 0]);
  assertStringIncludes(await plugctlDone(left, "gate", "list"), ` all packets except ${written.join(" or ")}\n`);
  const again = await plugctl(left, "gate", "add", "web", ...words);
  assertEquals([again.status, again.stderr], [0, "plugctl: the gate web is there already, and nothing was changed\n"]);
  const other = await plugctl(left, "gate", "add", "web", "eth0", "--direction", "both", "--except", "arp");
  assertEquals(other.status, 1);
  assertStringIncludes(
    other.stderr,
    `another is there: both of eth0, all packets except ${written.join(" or ")}, limit`,
  );
  left.run("tc", "filter", "delete", "dev", "eth0", "egress", "pref", "1001", "handle", "0x504c8001", "flower");
  const [, broken] = JSON.parse(await plugctlDone(left, "gate", "list", "--json"));
  assertEquals(broken.faults, ["not all of its filters"]);
  await plugctlDone(left, "gate", "delete", "web");
  assertEquals(witness(left), before);
});

Deno.test("recover takes away what a gate lets pass with the gate, and where somebody has deleted its device", async () => {
  using pair = new GatePair();
  const { left } = pair;
  const gate = ["gate", "add", "web", "eth0", "--direction", "in", "--except", "tcp port 22", "--except", "arp"];
  await plugctlDone(left, ...gate);
  await plugctlDone(left, "recover");
  assertEquals(left.run("tc", "filter", "show", "dev", "eth0", "ingress"), "");
  await plugctlDone(left, ...gate);
  left.run("ip", "link", "delete", "plug-web");
  await plugctlDone(left, "recover");
  assertEquals(left.run("tc", "filter", "show", "dev", "eth0", "ingress"), "");
  assertEquals(JSON.parse(await plugctlDone(left, "gate", "list", "--json")), []);
});

Deno.test("hold DEV --except holds all that leaves but that, and takes its gate away", async () => {
  using hold = new HoldCase();
  hold.isAsItShouldBe();
  const { outcome, endCommand } = await hold.hold(["eth0", "--except", "icmp or arp"]);
  hold.send();
  assert(pings(hold.left, hold.ends[1].ipv4));
  endCommand();
  const { status, stderr } = await outcome;
  assertEquals(status, 0, stderr);
  const [begun, held, ...more] = stderr.split("\n");
  assertEquals(begun, "plugctl: holding eth0 through a gate, since a plug lets nothing pass");
  assertMatch(
    held,
    new RegExp(`^plugctl: held ${HELD} packets, .* at eth0 \\(through a gate\\) for .*, dropped none$`),
  );
  assertEquals(more, [""]);
  await hold.isOver();
});

Deno.test("hold DEV --except refuses a plug that is there, and gates, and touches nothing", async () => {
  using pair = new GatePair();
  const { left } = pair;
  await plugctlDone(left, "attach", "eth0");
  const before = witness(left);
  const words = ["hold", "eth0", "--except", "arp", "--for", "50ms"];
  const refused = await plugctl(left, ...words);
  assertEquals([refused.status, refused.stdout], [1, ""]);
  assertEquals(
    refused.stderr,
    "plugctl: cannot hold eth0: a plug is there, which lets nothing pass; make a gate first, with: " +
      "plugctl gate add NAME eth0 --direction out --except EXPR\n",
  );
  assertEquals(witness(left), before);
});

Deno.test("a session that is excepted locks nobody out, and a default route that is held but for ARP does", async () => {
  using pair = new GatePair();
  const { left, ends } = pair;
  left.run("ip", "route", "add", "default", "via", ends[1].ipv4);
  const add = (...words: string[]) =>
    plugctl(left, "gate", "add", "g", "eth0", "--direction", "out", "--with-arp", "--hold", ...words);
  const before = witness(left);
  for (const except of [[], ["--except", "arp"], ["--except", "udp"]]) {
    const { status, stderr } = await add(...except);
    assertEquals(status, 1, stderr);
    assertStringIncludes(stderr, "the device carries the default route, which it would hold too");
  }
  assertEquals(witness(left), before);
  Deno.env.set("SSH_CONNECTION", `${ends[1].ipv4} 50000 ${ends[0].ipv4} 22`);
  try {
    for (const except of [["tcp src port 23", "arp"], ["tcp src port 22"], ["udp", "arp"]]) {
      const { status, stderr } = await add(...except.flatMap((text) => ["--except", text]));
      assertEquals(status, 1, stderr);
      // Without ARP it ends in a minute.
      assertStringIncludes(stderr, "it would hold packets of this SSH session");
    }
    assertEquals(witness(left), before);
    for (const except of [["tcp port 22", "arp"], ["tcp src port 22 or arp"], ["tcp", "arp"]]) {
      const { status, stderr } = await add(...except.flatMap((text) => ["--except", text]));
      assertEquals(status, 0, stderr);
      const buffered = await plugctl(left, "buffer", "g");
      assertEquals(buffered.status, 0, buffered.stderr);
      await plugctlDone(left, "gate", "delete", "g");
    }
    await plugctlDone(
      left,
      "gate",
      "add",
      "g",
      "eth0",
      "--direction",
      "out",
      "--with-arp",
      "--except",
      "tcp src port 22",
    );
    const { status, stderr } = await plugctl(left, "buffer", "g");
    assertEquals(status, 1, stderr);
    assertStringIncludes(stderr, "it would hold packets of this SSH session");
  } finally {
    Deno.env.set("SSH_CONNECTION", "");
  }
});

Deno.test("ARP and neighbour discovery pass a gate without a match, and with --with-arp are held, too", async () => {
  using pair = new GatePair();
  const { left, ends: [, far] } = pair;
  for (const { host, ipv6 } of pair.ends) {
    // Who has been given an address while the device had no ARP does not hear who asks for it.
    const anew = [`address delete ${ipv6}/64 dev eth0`, `address add ${ipv6}/64 dev eth0 nodad`];
    host.configure(["link set eth0 arp on", ...anew, "neighbour flush dev eth0"]);
  }
  const forget = () => left.run("sh", "-c", "ip neighbour flush dev eth0 nud all 2>/dev/null; true");
  const knows = (address: string) => left.run("ip", "neighbour", "show", address, "dev", "eth0").includes("lladdr");
  const sendTo = (address: string) => {
    const family = address.includes(":") ? "AF_INET6" : "AF_INET";
    left.run(
      "python3",
      "-c",
      `import socket; socket.socket(socket.${family}, socket.SOCK_DGRAM).sendto(b"x", ("${address}", 9))`,
    );
  };
  const add = (...words: string[]) =>
    plugctl(left, "gate", "add", "all", "eth0", "--direction", "both", ...words, "--hold");
  forget();
  assertEquals(await add(), { status: 0, stdout: "", stderr: "" });
  for (const address of [far.ipv4, far.ipv6]) {
    const isKnown = () => (sendTo(address), knows(address));
    await until(isKnown, { ...WAIT, what: `the hardware address of ${address}` });
  }
  await until(async () => await pair.held("all") >= 2, { ...WAIT, what: "the datagrams held" });
  assertStringIncludes(await plugctlDone(left, "gate", "list"), "all packets except arp or nd");
  const [gate] = JSON.parse(await plugctlDone(left, "gate", "list", "--json"));
  assertEquals([gate.match, gate.except, gate.faults, gate.exceptedPackets >= 4], [[], ["arp", "nd"], [], true]);
  await plugctlDone(left, "gate", "delete", "all", "--force");

  forget();
  assertEquals((await add("--with-arp")).status, 0);
  sendTo(far.ipv4);
  await until(async () => await pair.held("all") > 0, { ...WAIT, what: "ARP held" });
  assertEquals(knows(far.ipv4), false);
  await plugctlDone(left, "gate", "delete", "all", "--force");
  await until(() => knows(far.ipv4), { ...WAIT, what: "the hardware address, once ARP is let go" });
  const wrong = await plugctl(
    left,
    "gate",
    "add",
    "some",
    "eth0",
    "--direction",
    "both",
    "--match",
    "tcp",
    "--with-arp",
  );
  assertEquals([wrong.status, wrong.stdout], [2, ""]);
  assertStringIncludes(wrong.stderr, "a gate with a match holds what that says");
});
