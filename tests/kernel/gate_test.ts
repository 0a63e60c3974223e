/** Gates hold what they match and only that, in either direction, and let it go once and in order. */

import { assert, assertEquals } from "@std/assert";
import { Gate } from "../../mod.ts";
import { connect, type End, Host } from "./host.ts";
import { GatePair, getHttp, pings, serveHttp, WAIT, witness } from "./gate_pair.ts";
import { arrivedNumbers, receiveNumbers, sendNumbered } from "./numbered.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { transfer } from "./transfer.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** A gate for the requests to one port, what its own URL is and what another that it must let pass. */
const HTTP_GATES = [{
  name: "egress, IPv4, SYN only",
  words: ["--direction", "egress", "--match", "ip tcp dst port 8000 flags syn,!ack"],
  held: "http://10.0.0.2:8000/",
  free: ["http://10.0.0.2:8001/", "http://[fd00::2]:8000/"],
}, {
  name: "egress, IPv6",
  words: ["--direction", "egress", "--match", "ip6 tcp dst port 8000"],
  held: "http://[fd00::2]:8000/",
  free: ["http://[fd00::2]:8001/", "http://10.0.0.2:8000/"],
}, {
  name: "ingress, the answers from a port",
  words: ["--direction", "ingress", "--match", "tcp src port 8000"],
  held: "http://10.0.0.2:8000/",
  free: ["http://10.0.0.2:8001/", "http://[fd00::2]:8001/"],
}, {
  name: "egress, a range of ports",
  words: ["--direction", "egress", "--match", "tcp dst port 7990-8000"],
  held: "http://10.0.0.2:8000/",
  free: ["http://10.0.0.2:8001/"],
}, {
  name: "egress, an IPv6 network",
  words: ["--direction", "egress", "--match", "tcp dst host fd00::/64"],
  held: "http://[fd00::2]:8001/",
  free: ["http://10.0.0.2:8000/", "http://10.0.0.2:8001/"],
}, {
  name: "ingress, a subnet",
  words: ["--direction", "ingress", "--match", "tcp src host 10.0.0.0/30 src port 8000"],
  held: "http://10.0.0.2:8000/",
  free: ["http://10.0.0.2:8001/", "http://[fd00::2]:8000/"],
}];

for (const { name, words, held, free } of HTTP_GATES) {
  Deno.test(`a gate holds an HTTP request, and only that: ${name}`, async () => {
    using pair = new GatePair();
    const before = witness(pair.left);
    await serveHttp(pair.right, 8000, 8001);
    await plugctlDone(pair.left, "gate", "add", "web", "--dev", "eth0", ...words);
    assertEquals(await getHttp(pair.left, held).answer, "hello");

    await plugctlDone(pair.left, "buffer", "web");
    const request = getHttp(pair.left, held);
    await until(() => pair.held("web"), { ...WAIT, what: "a packet at the gate" });
    for (const url of free) assertEquals(await getHttp(pair.left, url).answer, "hello", url);
    assert(pings(pair.left, "10.0.0.2") && pings(pair.left, "fd00::2"));
    assert(!request.isDone());

    await plugctlDone(pair.left, "release-indefinite", "web");
    assertEquals(await request.answer, "hello");
    const [gate] = await pair.gates();
    assert(gate.hitPackets > 0);
    assertEquals([gate.stats?.drops, gate.faults], [0, []]);
    await plugctlDone(pair.left, "gate", "delete", "web");
    assertEquals(witness(pair.left), before);
  });
}

Deno.test("a gate on loopback holds an HTTP request to this machine itself, and only that", async () => {
  for (const direction of ["egress", "ingress"]) {
    using pair = new GatePair();
    const before = witness(pair.left);
    await serveHttp(pair.left, 8000, 8001);
    const match = ["--match", "tcp dst port 8000 flags syn,!ack"];
    await plugctlDone(pair.left, "gate", "add", "web", "--dev", "lo", "--direction", direction, ...match, "--hold");
    const requests = ["127.0.0.1", "[::1]"].map((address) => getHttp(pair.left, `http://${address}:8000/`));
    await until(async () => await pair.held("web") >= 2, { ...WAIT, what: "both SYNs at the gate" });
    assertEquals(await getHttp(pair.left, "http://127.0.0.1:8001/").answer, "hello");
    assert(pings(pair.left, "127.0.0.1") && pings(pair.left, "::1"));
    assert(!requests.some(({ isDone }) => isDone()));
    await plugctlDone(pair.left, "gate", "delete", "web");
    for (const { answer } of requests) assertEquals(await answer, "hello");
    assertEquals(witness(pair.left), before);
  }
});

for (const family of ["ipv4", "ipv6"] as const) {
  for (const direction of ["egress", "ingress"] as const) {
    Deno.test(`a gate holds 1,000 datagrams and lets them go once and in order: ${direction}, ${family}`, async () => {
      using pair = new GatePair();
      const [near, far] = pair.ends;
      const [from, to] = direction === "egress" ? [near, far] : [far, near];
      using sender = new UdpSocket(from.host, { address: from[family], port: 0 });
      using receiver = new UdpSocket(to.host, { address: to[family], port: 5000 });
      using other = new UdpSocket(to.host, { address: to[family], port: 5001 });
      const send = (port: number, numbers: { from?: number; count: number }) =>
        sendNumbered(sender, { address: to[family], port }, numbers);

      const gate = ["gate", "add", "dns", "--dev", "eth0", "--direction", direction];
      await plugctlDone(pair.left, ...gate, "--match", "udp dst port 5000", "--limit", "16m");
      send(5000, { count: 1 });
      assertEquals(await receiveNumbers(receiver, { count: 1, ...WAIT }), [0]);

      await plugctlDone(pair.left, "buffer", "dns");
      send(5000, { from: 1, count: 1000 });
      await pair.holds("dns", 1000);
      send(5001, { count: 100 });
      assertEquals(await receiveNumbers(other, { count: 100, ...WAIT }), range(0, 100));
      assertEquals(arrivedNumbers(receiver), []);

      await plugctlDone(pair.left, "release-indefinite", "dns");
      assertEquals(await receiveNumbers(receiver, { count: 1000, ...WAIT }), range(1, 1001));
      assertEquals((await pair.gates())[0].stats?.drops, 0);
    });
  }
}

Deno.test("deleting a gate lets go what it holds, all of it, once and in order", async () => {
  using pair = new GatePair();
  const before = witness(pair.left);
  const [near, far] = pair.ends;
  using sender = new UdpSocket(far.host, { address: far.ipv4, port: 0 });
  using receiver = new UdpSocket(near.host, { address: near.ipv4, port: 5000 });
  const words = ["--dev", "eth0", "--direction", "ingress", "--match", "udp", "--hold"];
  await plugctlDone(pair.left, "gate", "add", "dns", ...words);
  sendNumbered(sender, { address: near.ipv4, port: 5000 }, { count: 1000 });
  await pair.holds("dns", 1000);
  await plugctlDone(pair.left, "gate", "delete", "dns");
  sendNumbered(sender, { address: near.ipv4, port: 5000 }, { from: 1000, count: 10 });
  assertEquals(await receiveNumbers(receiver, { count: 1010, ...WAIT }), range(0, 1010));
  assertEquals(witness(pair.left), before);
});

Deno.test("a TCP stream of 5 MB that is held where it comes in is retransmitted, and arrives whole", async () => {
  using pair = new GatePair();
  using far = new Host();
  const sender = joinBehind(pair, far);
  // The SYN passes: a sender that waited for its answer would wait as long before it sends anything again.
  const words = ["--dev", "eth0", "--direction", "ingress", "--match", "tcp dst port 5001 flags !syn"];
  await plugctlDone(pair.left, "gate", "add", "data", ...words, "--limit", "64m", "--hold");
  const transferred = transfer([sender, pair.ends[0]], { bytes: 5_000_000 });
  await until(async () => await pair.held("data") > 2, { ...WAIT, what: "data at the gate" });
  const before = retransmitted(far);
  await until(() => retransmitted(far) > before + 1, { ...WAIT, what: "retransmitted segments" });

  await plugctlDone(pair.left, "release-indefinite", "data");
  const { sent, received } = await transferred;
  assertEquals(sent.bytes, 5_000_000);
  assertEquals(received, sent);
});

/**
 * Puts a host behind the right one, which forwards its packets. A sender never retransmits a packet that waits on
 * its own machine, however many namespaces away; forwarding makes the packet somebody else's.
 */
function joinBehind({ left, right }: GatePair, far: Host): End {
  const [inner, outer] = connect([right, far], { dev: "eth1" });
  right.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward");
  right.configure(rehomed("10.0.1.1", { ...outer, ipv4: "10.0.1.2" }));
  far.configure([...rehomed("10.0.1.2", { ...inner, ipv4: "10.0.1.1" }), "route add 10.0.0.0/24 via 10.0.1.1"]);
  left.configure(["route add 10.0.1.0/24 via 10.0.0.2"]);
  return { ...outer, ipv4: "10.0.1.2" };
}

/** Gives `eth1` another address, on a network of its own. */
function rehomed(address: string, other: End): string[] {
  return [
    "address flush dev eth1",
    `address add ${address}/24 dev eth1`,
    `neighbour replace ${other.ipv4} lladdr ${other.mac} dev eth1 nud permanent`,
  ];
}

/** How many TCP segments a host has sent again. */
function retransmitted(host: Host): number {
  const [names, values] = host.run("grep", "^Tcp:", "/proc/net/snmp").trim().split("\n").map((line) => line.split(" "));
  return Number(values[names.indexOf("RetransSegs")]);
}

Deno.test("gates on one device hold independently, and the lower priority gets what two of them match", async () => {
  using pair = new GatePair();
  const [near, far] = pair.ends;
  using sender = new UdpSocket(near.host, { address: near.ipv4, port: 0 });
  const place = ["--dev", "eth0", "--direction", "egress"];
  await plugctlDone(pair.left, "gate", "add", "any", ...place, "--match", "udp", "--priority", "20");
  await plugctlDone(pair.left, "gate", "add", "one", ...place, "--match", "udp dst port 5000", "--priority", "10");
  await plugctlDone(pair.left, "gate", "add", "back", "--dev", "eth0", "--direction", "ingress", "--match", "udp");
  await plugctlDone(pair.left, "buffer", "any", "one", "back");
  sendNumbered(sender, { address: far.ipv4, port: 5000 }, { count: 3 });
  sendNumbered(sender, { address: far.ipv4, port: 5001 }, { count: 5 });
  await pair.holds("any", 5);
  await pair.holds("one", 3);
  assertEquals(await pair.held("back"), 0);
  await plugctlDone(pair.left, "release-indefinite", "one");
  await pair.holds("one", 0);
  assertEquals(await pair.held("any"), 5);
  const taken = await plugctl(pair.left, "gate", "add", "more", ...place, "--match", "tcp", "--priority", "10");
  assertEquals(taken, {
    status: 1,
    stdout: "",
    stderr: "plugctl: cannot add gate more: a filter with priority 10 is there already; " +
      "choose another with --priority, or give none\n",
  });
  await plugctlDone(pair.left, "gate", "delete", "any", "one", "back");
});

Deno.test("gate add succeeds where the same gate is there, and refuses another of the name but with --replace", async () => {
  using pair = new GatePair();
  const add = (...words: string[]) =>
    plugctl(pair.left, "gate", "add", "web", "--dev", "eth0", "--direction", "egress", ...words);
  const without = witness(pair.left);
  const foreseen = (what: string) => ({ status: 0, stdout: `${what}\n`, stderr: "" });
  assertEquals(await add("--match", "udp", "--check"), foreseen("the gate web would be made"));
  assertEquals(witness(pair.left), without);
  assertEquals((await add("--match", "tcp dst port 80", "--match", "udp")).status, 0);
  const before = witness(pair.left);
  assertEquals(await add("--match", "udp", "--match", "tcp dst port 80-80"), {
    status: 0,
    stdout: "",
    stderr: "plugctl: the gate web is there already, and nothing was changed\n",
  });
  const refused = await add("--match", "tcp dst port 81");
  assertEquals([refused.status, refused.stderr], [
    1,
    "plugctl: cannot add gate web: another is there: egress of eth0, tcp dst port 80 or udp, limit 16777216, " +
    "priority 1000; replace it with --replace, or choose another name\n",
  ]);
  assertEquals(await add("--match", "tcp dst port 81", "--check"), refused);
  assertEquals(
    await add("--match", "udp", "--match", "tcp dst port 80", "--check"),
    foreseen("the gate web is there already, and nothing would change"),
  );
  assertEquals(
    await add("--match", "tcp dst port 81", "--replace", "--check"),
    foreseen("another gate web would be taken down, and this one made"),
  );
  const { would, existing } = JSON.parse((await add("--match", "udp", "--replace", "--check", "--json")).stdout);
  assertEquals([would, existing.match], ["replace", ["tcp dst port 80", "udp"]]);
  assertEquals(
    (await add("--match", "udp", "--check", "--dry-run")).stderr,
    "plugctl: give --check or --dry-run, not both\n",
  );
  assertEquals(witness(pair.left), before);
  assertEquals((await add("--match", "tcp dst port 81", "--replace")).status, 0);
  assertEquals((await pair.gates()).map(({ match }) => match), [["tcp dst port 81"]]);
});

Deno.test("a clsact that was there stays, one that gates made goes with the last of them", async () => {
  using pair = new GatePair();
  const add = (name: string, direction: string) =>
    plugctlDone(pair.left, "gate", "add", name, "--dev", "eth0", "--direction", direction, "--match", "udp");
  const without = witness(pair.left);
  await add("a", "egress");
  await add("b", "ingress");
  await plugctlDone(pair.left, "gate", "delete", "a");
  assert(pair.left.run("tc", "qdisc", "show", "dev", "eth0").includes("clsact"));
  await plugctlDone(pair.left, "gate", "delete", "b");
  assertEquals(witness(pair.left), without);

  pair.left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
  const withOne = witness(pair.left);
  await add("a", "egress");
  await plugctlDone(pair.left, "gate", "delete", "a");
  assertEquals(witness(pair.left), withOne);
});

Deno.test("no gate that comes or goes loses what a plug on the same device holds", async () => {
  using pair = new GatePair();
  const [near, far] = pair.ends;
  using sender = new UdpSocket(near.host, { address: near.ipv4, port: 0 });
  using receiver = new UdpSocket(far.host, { address: far.ipv4, port: 5000 });
  const send = (from: number) => sendNumbered(sender, { address: far.ipv4, port: 5000 }, { from, count: 50 });
  const add = ["gate", "add", "web", "--dev", "eth0", "--direction", "egress", "--match", "tcp"];
  await plugctlDone(pair.left, "attach", "--dev", "eth0", "--hold");
  send(0);
  assertEquals(await plugctl(pair.left, ...add), {
    status: 1,
    stdout: "",
    stderr: "plugctl: cannot add gate web: a plug on eth0 holds 50 packets, which the kernel discards when clsact is " +
      "created there; release them first with: plugctl release --dev eth0\n",
  });
  await plugctlDone(pair.left, "release-indefinite", "--dev", "eth0");
  await plugctlDone(pair.left, ...add);
  await plugctlDone(pair.left, "buffer", "--dev", "eth0");
  send(50);
  await plugctlDone(pair.left, "gate", "delete", "web");
  assert(pair.left.run("tc", "qdisc", "show", "dev", "eth0").includes("clsact"));
  await plugctlDone(pair.left, "detach", "--dev", "eth0");
  assertEquals(await receiveNumbers(receiver, { count: 100, ...WAIT }), range(0, 100));
});

Deno.test("a gate sees several devices, and limit is noted for who lists it", async () => {
  using pair = new GatePair();
  pair.left.configure(["link add eth1 type dummy", "link set eth1 up"]);
  const before = witness(pair.left, ["eth0", "eth1"]);
  await plugctlDone(pair.left, ..."gate add bond --dev eth0 --dev eth1 --direction egress".split(" "));
  await plugctlDone(pair.left, "limit", "1m", "bond");
  const [gate] = await pair.gates();
  assertEquals([gate.devs, gate.match, gate.limitBytes], [["eth0", "eth1"], [], 1 << 20]);
  await plugctlDone(pair.left, "gate", "delete", "bond");
  assertEquals(witness(pair.left, ["eth0", "eth1"]), before);
});

Deno.test("Gate.open() takes the gate down at the end of the block, also when the block throws", () => {
  using pair = new GatePair();
  const before = witness(pair.left);
  try {
    using gate = pair.left.enter(() => Gate.open({ dev: "eth0", direction: "egress", match: "udp" }));
    gate.buffer();
    throw new RangeError("of the block");
  } catch (error) {
    assert(error instanceof RangeError);
  }
  assertEquals(witness(pair.left), before);
});

Deno.test("buffer refuses a gate for all of a device with the default route, unless forced", async () => {
  using pair = new GatePair();
  pair.left.run("ip", "route", "add", "default", "via", "10.0.0.2");
  const place = ["--dev", "eth0", "--direction", "egress"];
  const held = await plugctl(pair.left, "gate", "add", "all", ...place, "--match", "tcp", "--hold");
  assertEquals([held.status, held.stderr], [
    1,
    "plugctl: cannot add gate all: the device carries the default route, which it would hold too; " +
    "if that is what you want, add --force\n",
  ]);
  await plugctlDone(pair.left, "gate", "add", "all", ...place, "--match", "tcp");
  assertEquals((await plugctl(pair.left, "buffer", "all")).status, 1);
  await plugctlDone(pair.left, "buffer", "--force", "all");
  await plugctlDone(pair.left, "gate", "add", "web", ...place, "--match", "tcp dst port 80", "--hold");
  await plugctlDone(pair.left, "gate", "delete", "all", "web");
});
