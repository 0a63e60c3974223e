/**
 * Gates and the filters that others have put on the same hook: what a gate would change is refused, or said where it is
 * forced. Each row of the table in docs/MATCHES.md ("Filters of others") is one here, with 50 datagrams counted.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { GatePair, WAIT, witness } from "./gate_pair.ts";
import { COUNT, END, OTHER, PORT, Traffic } from "./gate_traffic.ts";
import { receiveNumbers, sendNumbered } from "./numbered.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const FLOWER = `flower ip_proto udp dst_port ${PORT}`;
const U32 = `u32 match ip dport ${PORT} 0xffff`;
const ALL: [number, number, number] = [COUNT, 0, 0];

/** A filter behind the gate, what becomes of the datagrams with it, and how the gate's sentence names it. */
const BEHIND: { filter: string; effect: [number, number, number]; name: string }[] = [
  {
    filter: `protocol ip pref 5000 ${FLOWER} action drop`,
    effect: [0, 0, 0],
    name: "filter protocol ip pref 5000 flower chain 0 handle 0x1 (drop)",
  },
  {
    filter: `protocol ip pref 5000 ${U32} action mirred egress redirect dev sink`,
    effect: [0, 0, COUNT],
    name: "filter protocol ip pref 5000 u32 chain 0 handle 800::800 (mirred egress redirect to sink)",
  },
  {
    filter: `protocol ip pref 5000 ${FLOWER} action mirred egress mirror dev sink`,
    effect: [COUNT, 0, COUNT],
    name: "filter protocol ip pref 5000 flower chain 0 handle 0x1 (mirred egress mirror to sink)",
  },
  {
    filter: `protocol ip pref 5000 ${U32} action police rate 8bit burst 10 conform-exceed drop`,
    effect: [0, 0, 0],
    name: "filter protocol ip pref 5000 u32 chain 0 handle 800::800 (police)",
  },
  {
    filter: `protocol ip pref 5000 ${FLOWER} action pedit ex munge udp dport set ${OTHER} pipe csum ip and udp`,
    effect: [0, COUNT, 0],
    name: "filter protocol ip pref 5000 flower chain 0 handle 0x1 (pedit, csum)",
  },
  {
    filter: "protocol all pref 49152 matchall action drop",
    effect: [0, 0, 0],
    name: "filter protocol all pref 49152 matchall chain 0 handle 0x1 (drop)",
  },
];

const GATE = ["--dev", "eth0", "--match", `udp dst port ${PORT}`];

for (const side of ["ingress", "egress"] as const) {
  for (const { filter, effect, name } of BEHIND) {
    Deno.test(`gate add refuses to bypass what is behind it, and does with --force: ${side}, ${filter}`, async () => {
      using traffic = new Traffic(side);
      const { left } = traffic.pair;
      traffic.tc("qdisc", "add", "dev", "eth0", "clsact");
      traffic.tc("filter", "add", "dev", "eth0", side, ...filter.split(" "));
      // matchall drops what marks the end too.
      const last = filter.includes("matchall");
      if (last) {
        traffic.tc(
          "filter",
          "add",
          "dev",
          "eth0",
          side,
          ...`protocol ip pref 2 flower ip_proto udp dst_port ${END} action ok`.split(" "),
        );
      }
      assertEquals(await traffic.arrived(), effect);

      const before = witness(left);
      const refused = await plugctl(left, "gate", "add", "web", "--direction", side, ...GATE);
      assertEquals([refused.status, refused.stdout], [1, ""]);
      assert(refused.stderr.includes(`${name}`) && refused.stderr.includes(`on eth0 ${side}`), refused.stderr);
      assertMatch(
        refused.stderr,
        /would bypass .*; put the gate behind that with a higher --priority, or .* --force\n$/,
      );
      assertEquals(witness(left).replaceAll(/\d+ sec/g, ""), before.replaceAll(/\d+ sec/g, ""));
      assertEquals(await traffic.arrived(), effect);

      const forced = await plugctl(left, "gate", "add", "web", "--direction", side, ...GATE, "--force");
      assertEquals(forced.status, 0, forced.stderr);
      assertMatch(forced.stderr, new RegExp(`the packets that the gate web takes on eth0 ${side} bypass: filter`));
      assertEquals(await traffic.arrived(), ALL);
      const listed = JSON.parse(await plugctlDone(left, "gate", "list", "--json"));
      const [bypassed] = listed[0].bypassed;
      assert(bypassed.startsWith(name), bypassed);
      assertMatch((await plugctl(left, "gate", "list")).stderr, /the gate web .* bypass/);

      await plugctlDone(left, "gate", "delete", "web");
      assertEquals(await traffic.arrived(), effect);
    });
  }
}

/** A filter before the gate that takes its packets away, and what becomes of them. */
const BEFORE: [filter: string, effect: [number, number, number]][] = [
  ["protocol all pref 1 matchall action ok", ALL],
  [`protocol ip pref 1 ${FLOWER} action drop`, [0, 0, 0]],
  [`protocol ip pref 1 ${FLOWER} action mirred egress redirect dev sink`, [0, 0, COUNT]],
  [`protocol ip pref 1 ${FLOWER} classid 1:1`, ALL],
  [`protocol ip pref 1 ${U32} action police rate 8bit burst 10 conform-exceed drop`, [0, 0, 0]],
  [`protocol ip pref 1 ${FLOWER} action pedit ex munge udp dport set ${OTHER} pipe csum ip and udp`, [0, COUNT, 0]],
];

/** As those, but they take away some, and say so of others: what arrives, and how many the gate has met. */
const BEFORE_SOME: [filter: string, arrived: number, met: number][] = [
  [`protocol ip pref 1 ${FLOWER} action police rate 1gbit burst 1m conform-exceed continue`, COUNT, 0],
  [`protocol ip pref 1 ${FLOWER} action police rate 8bit burst 10 conform-exceed continue/continue`, COUNT, COUNT],
  [`protocol ip pref 1 ${FLOWER} action continue random determ drop 2`, COUNT / 2, COUNT / 2],
  [`protocol ip pref 1 ${FLOWER} action drop random determ continue 2`, COUNT / 2, COUNT / 2],
];

for (const [filter, arrived, met] of BEFORE_SOME) {
  Deno.test(`gate add says what may take some of its packets before it: ${filter}`, async () => {
    using traffic = new Traffic("ingress");
    const { left } = traffic.pair;
    traffic.tc("qdisc", "add", "dev", "eth0", "clsact");
    traffic.tc("filter", "add", "dev", "eth0", "ingress", ...filter.split(" "));
    const added = await plugctl(left, "gate", "add", "web", "--direction", "in", ...GATE);
    assertEquals([added.status, added.stderr.includes("does not see what is taken before it")], [
      0,
      !filter.includes("continue/continue"),
    ]);
    assertEquals(await traffic.arrived(), [arrived, 0, 0]);
    assertEquals((await traffic.pair.gates())[0].hitPackets, met);
  });
}

for (const [filter, effect] of BEFORE) {
  Deno.test(`gate add says what takes its packets before it: ${filter}`, async () => {
    using traffic = new Traffic("ingress");
    const { left } = traffic.pair;
    traffic.tc("qdisc", "add", "dev", "eth0", "clsact");
    traffic.tc("filter", "add", "dev", "eth0", "ingress", ...filter.split(" "));
    assertEquals(await traffic.arrived(), effect);
    const added = await plugctl(left, "gate", "add", "web", "--direction", "in", ...GATE, "--hold");
    assertEquals(added.status, 0, added.stderr);
    assertMatch(
      added.stderr,
      /the gate web does not see what is taken before it on eth0 ingress by: filter .* pref 1 /,
    );
    assertEquals(await traffic.arrived(), effect);
    const [gate] = JSON.parse(await plugctlDone(left, "gate", "list", "--json"));
    assertEquals([gate.hitPackets, gate.before.length, gate.bypassed], [0, 1, []]);
    assertMatch((await plugctl(left, "gate", "list")).stderr, /the gate web does not see what is taken before it/);
  });
}

/** Filters that change nothing for the gate, nor the gate for them. */
const APART = [
  `protocol ip pref 1 ${FLOWER} action continue`,
  `protocol ip pref 5000 flower ip_proto udp dst_port 9 action drop`,
  `protocol ip pref 5000 flower ip_proto tcp dst_port ${PORT} action drop`,
  "protocol ipv6 pref 5000 matchall action drop",
  "protocol arp pref 1 matchall action drop",
  `protocol ip pref 5000 chain 3 ${FLOWER} action drop`,
];

for (const filter of APART) {
  Deno.test(`gate add says nothing of a filter that its packets do not meet: ${filter}`, async () => {
    using traffic = new Traffic("ingress");
    const { left } = traffic.pair;
    traffic.tc("qdisc", "add", "dev", "eth0", "clsact");
    traffic.tc("filter", "add", "dev", "eth0", "ingress", ...filter.split(" "));
    const match = ["--dev", "eth0", "--match", `ip udp dst port ${PORT}`];
    assertEquals(await plugctl(left, "gate", "add", "web", "--direction", "in", ...match, "--hold"), {
      status: 0,
      stdout: "",
      stderr: "",
    });
    traffic.send();
    await traffic.pair.holds("web", COUNT);
    await plugctlDone(left, "release", "web");
    assertEquals(await traffic.arrived(), [2 * COUNT, 0, 0]);
  });
}

Deno.test("a gate behind a filter that drops leaves it its effect, and one of the same preference is refused", async () => {
  using traffic = new Traffic("ingress");
  const { left } = traffic.pair;
  traffic.tc("qdisc", "add", "dev", "eth0", "clsact");
  traffic.tc("filter", "add", "dev", "eth0", "ingress", ...BEHIND[0].filter.split(" "));
  const add = (...words: string[]) => plugctl(left, "gate", "add", "web", "--direction", "in", ...GATE, ...words);
  const same = await add("--priority", "5000", "--force");
  assertEquals([same.status, /a filter with priority 5000 is there already/.test(same.stderr)], [1, true], same.stderr);
  assertEquals((await add("--priority", "5001")).status, 0);
  assertEquals(await traffic.arrived(), [0, 0, 0]);
});

Deno.test("a gate on a hook whose filters are in a shared block is refused", async () => {
  using traffic = new Traffic("ingress");
  const { left } = traffic.pair;
  traffic.tc("qdisc", "add", "dev", "eth0", "ingress_block", "22", "clsact");
  traffic.tc("filter", "add", "block", "22", ..."protocol ip pref 5000 matchall action continue".split(" "));
  const before = witness(left);
  const { status, stderr } = await plugctl(left, "gate", "add", "web", "--direction", "in", ...GATE, "--force");
  assertEquals(status, 1);
  assertMatch(stderr, /the ingress filters of eth0 are in block 22, which other devices can share/);
  assertEquals(witness(left), before);
  assertEquals((await plugctl(left, "gate", "add", "web", "--direction", "out", ...GATE)).status, 0);
  assertEquals(await traffic.arrived(), ALL);
});

Deno.test("a gate on an ifb, also on a gate's own, is refused, and attach holds what it carries", async () => {
  using traffic = new Traffic("ingress");
  const { left } = traffic.pair;
  left.configure(["link add ifbx type ifb", "link set ifbx up"]);
  traffic.tc("qdisc", "add", "dev", "eth0", "clsact");
  const redirect = `protocol ip pref 9 ${FLOWER} action mirred egress redirect dev ifbx`;
  traffic.tc("filter", "add", "dev", "eth0", "ingress", ...redirect.split(" "));
  await plugctlDone(left, "gate", "add", "own", "--dev", "eth0", "--direction", "out", "--match", "udp");
  for (const dev of ["ifbx", "plug-own"]) {
    for (const direction of ["in", "out", "both"]) {
      const words = ["gate", "add", "web", "--dev", dev, "--direction", direction, "--force"];
      const { status, stderr } = await plugctl(left, ...words);
      assertEquals(status, 1);
      assertMatch(
        stderr,
        new RegExp(`${dev} is an ifb: .*; hold all that it carries with: plugctl attach --dev ${dev}\n$`),
      );
    }
  }
  await plugctlDone(left, "attach", "--dev", "ifbx", "--hold");
  traffic.send();
  await until(() => left.run("tc", "-s", "qdisc", "show", "dev", "ifbx").includes(`${COUNT}p`), {
    ...WAIT,
    what: "all held",
  });
  await plugctlDone(left, "release", "--dev", "ifbx");
  assertEquals(await traffic.arrived(), [2 * COUNT, 0, 0]);
});

Deno.test("a gate of both directions holds what comes in and what leaves, and nothing else", async () => {
  using pair = new GatePair();
  const [near, far] = pair.ends;
  const before = witness(pair.left);
  using inside = new UdpSocket(near.host, { address: near.ipv4, port: 5000 });
  using outside = new UdpSocket(far.host, { address: far.ipv4, port: 5000 });
  await plugctlDone(
    pair.left,
    "gate",
    "add",
    "dns",
    "--dev",
    "eth0",
    "--direction",
    "both",
    "--match",
    "udp port 5000",
    "--hold",
  );
  sendNumbered(inside, { address: far.ipv4, port: 5000 }, { count: COUNT });
  sendNumbered(outside, { address: near.ipv4, port: 5000 }, { count: COUNT });
  await pair.holds("dns", 2 * COUNT);
  const [gate] = await pair.gates();
  assertEquals([gate.direction, gate.match, gate.faults, gate.hitPackets], ["both", ["udp port 5000"], [], 2 * COUNT]);
  await plugctlDone(pair.left, "release", "dns");
  const numbers = Array.from({ length: COUNT }, (_, index) => index);
  for (const socket of [inside, outside]) {
    assertEquals(await receiveNumbers(socket, { count: COUNT, ...WAIT }), numbers);
  }
  await plugctlDone(pair.left, "gate", "delete", "dns");
  assertEquals(witness(pair.left), before);

  const { status, stderr } = await plugctl(pair.left, "gate", "add", "dns", "--dev", "lo", "--direction", "both");
  assertEquals(status, 1);
  assertMatch(stderr, /lo is loopback: .*; use --direction out, or in/);
});

Deno.test("what was written is what gate list prints, also where it is longer than an alias holds", async () => {
  using pair = new GatePair();
  const hosts = Array.from({ length: 8 }, (_, index) => `host fd00:1234:5678:9abc:def0:1234:5678:${index}`);
  const matches = ["port http  and ip", `ip6 and (${hosts.join(" or ")}) and tcp`, "syn  and not ack"];
  const written = matches.map((text) => text.replaceAll(/ +/g, " "));
  const place = ["--dev", "eth0", "--direction", "both"];
  await plugctlDone(pair.left, "gate", "add", "long", ...place, ...matches.flatMap((match) => ["--match", match]));
  assertEquals((await pair.gates()).map(({ match, faults }) => [match, faults]), [[written, []]]);
  await plugctlDone(pair.left, "limit", "4294967295", "long");
  assertEquals((await pair.gates()).map(({ match, limitBytes }) => [match, limitBytes]), [[written, 4294967295]]);
  const again = await plugctl(
    pair.left,
    "gate",
    "add",
    "long",
    ...place,
    ...written.toReversed().flatMap((match) => ["--match", match]),
  );
  assertMatch(again.stderr, /the gate long is there already, and nothing was changed/);
  const tooLong = ["--match", `ip6 tcp dst host ${"fd00:1234:5678:9abc:def0:1234:5678:1/128 or ".repeat(9)}fd01::1`];
  const refused = await plugctl(pair.left, "gate", "add", "longer", ...place, ...tooLong);
  assertEquals(refused.status, 2);
  assertMatch(refused.stderr, /a gate's match cannot have \d+ characters, at most \d+ with \d+ filters: shorten it/);
  const listed = JSON.parse(await plugctlDone(pair.left, "gate", "list", "long", "--json"));
  assertEquals(listed.map(({ name }: { name: string }) => name), ["long"]);
  assertMatch(
    (await plugctl(pair.left, "gate", "list", "lnog")).stderr,
    /cannot find gate lnog: there is no such gate; did you mean long/,
  );
});
