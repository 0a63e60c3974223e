/** What carries all that has no other way than a default route, and is therefore not held. */

import { assertEquals, assertThrows } from "@std/assert";
import { Scenario } from "../../scenario/scenario.ts";
import { Gate, Guardian, Plug, QueueError } from "../../mod.ts";
import { type Case, DEFAULT, Multihomed, testCases } from "./multihomed.ts";

/** Which matches hold all, or as good as all, of what leaves or enters by a default route. */
const ALL: Record<string, string> = Object.fromEntries([
  ...[
    "out",
    "in",
    "both tcp",
    "out ip",
    "out tcp",
    "in tcp",
    "out tcp flags ack",
    "out tcp flags psh",
    "out tcp src port 1-30000 or tcp src port 30001-65535",
    "out tcp port 1-65534",
    "out src host 10.0.0.1",
    "out src net 10.0.0.0/24",
    "out ip and not dst net 224.0.0.0/4",
    "out ether src 02:00:00:00:00:01",
    "out ether dst 02:00:00:00:00:02",
    "out ip and ttl 64",
    "out ip and tos 0",
    "out ip and not fragment",
    "out ip and not multicast",
    "out ether src 02:00:00:00:00:01 and ip and ttl 64 and dscp 0",
    "in ip dst net 0.0.0.0/1",
    "in dst host 10.0.0.1",
    "in ether dst 02:00:00:00:00:01",
    "in ether src 02:00:00:00:00:02",
  ].map((what) => [`eth0 ${what}`, DEFAULT]),
  ...[
    "out ip6",
    "out ip dst net 0.0.0.0/1",
    "in src net 128.0.0.0/1",
    "out tcp dst port 1-1023",
    "out tcp and not port 22",
    "out ip and not dst net 10.0.0.0/8",
    "out syn and not ack",
    "out udp",
    "out arp",
    "out ttl 1",
    "in src host 10.0.0.2",
    "out dst host 10.0.0.2",
    "out dst net 10.0.0.0/24",
    "out src host 10.0.0.77",
    "in ether dst 02:00:00:00:00:77",
    "out ether dst 02:00:00:00:00:77",
    "out dscp ef",
    "out ip and fragment",
    "out vlan 12",
  ].map((what) => [`eth0 ${what}`, "held"]),
]);

const TUNNELED = ["link add tn0 type ipip local 10.0.1.1 remote 10.0.1.2", "link set tn0 up"];

const DEFAULTS: Case[] = [
  {
    name: "by a gateway",
    lines: ["route add default via 10.0.0.2"],
    verdicts: { ...ALL, "eth0": DEFAULT, "eth1": "held" },
  },
  {
    name: "by a gateway whose hardware address is not known yet, and may be any",
    lines: ["neighbour flush dev eth0", "neighbour delete 10.0.0.2 dev eth0", "route add default via 10.0.0.2"],
    verdicts: { "eth0 out ether dst 02:00:00:00:00:77": DEFAULT, "eth0 out ether src 02:00:00:00:00:77": "held" },
  },
  {
    name: "but for a network on a link, which has a way of its own",
    lines: ["route add default via 10.0.0.2", "address add 10.9.0.1/8 dev eth1"],
    verdicts: { "eth0 out ip and not dst net 10.0.0.0/8": DEFAULT, "eth0 in ip and not src net 10.0.0.0/8": DEFAULT },
  },
  {
    name: "by the address that the host speaks as, of several",
    lines: ["route add default via 10.0.0.2", "address add 10.0.0.5/24 dev eth0"],
    verdicts: { "eth0 out src host 10.0.0.1": DEFAULT, "eth0 out src host 10.0.0.5": "held" },
  },
  {
    name: "by the address that the route says",
    lines: ["address add 10.0.0.5/24 dev eth0", "route add default via 10.0.0.2 src 10.0.0.5"],
    verdicts: { "eth0 out src host 10.0.0.5": DEFAULT, "eth0 out src host 10.0.0.1": "held" },
  },
  {
    name: "by an object that is a next hop",
    lines: ["nexthop add id 3 via 10.0.1.2 dev eth1", "route add default nhid 3"],
    verdicts: { "eth0": "held", "eth1": DEFAULT, "eth1 out src host 10.0.1.1": DEFAULT },
  },
  {
    name: "by an object that is a next hop, which the kernel does not list with the route",
    lines: [
      "busybox sysctl -w net.ipv4.nexthop_compat_mode=0",
      "nexthop add id 3 via 10.0.1.2 dev eth1",
      "route add default nhid 3",
    ],
    verdicts: { "eth0": "held", "eth1": DEFAULT },
  },
  {
    name: "through a tunnel that does not say where it leads, without a gateway",
    modules: ["tun"],
    lines: ["tuntap add tun0 mode tun", "link set tun0 up", "route add default dev tun0"],
    verdicts: { "tun0": DEFAULT, "eth0": DEFAULT, "eth1": DEFAULT, "lo": "held" },
  },
  {
    name: "through a tunnel that does not say where it leads, with a gateway",
    modules: ["tun"],
    lines: [
      "tuntap add tun0 mode tun",
      "link set tun0 up",
      "route add default dev tun0",
      "route add 203.0.113.9/32 via 10.0.1.2",
    ],
    verdicts: { "tun0": DEFAULT, "eth0": "held", "eth1": DEFAULT, "eth1 out udp": "held" },
  },
  {
    name: "in two halves, as VPNs do",
    lines: ["route add 0.0.0.0/1 via 10.0.0.2", "route add 128.0.0.0/1 via 10.0.0.2"],
    verdicts: { "eth0": DEFAULT, "eth0 out tcp": DEFAULT, "eth1": "held" },
  },
  {
    name: "of a table that a rule leads to",
    lines: ["rule add from 10.0.1.1 table 100", "route add default via 10.0.1.2 dev eth1 table 100"],
    verdicts: { "eth1": DEFAULT, "eth1 out src host 10.0.1.1": DEFAULT, "eth0": "held" },
  },
  {
    name: "of IPv6",
    lines: ["route add default via fd00::2"],
    verdicts: {
      "eth0": DEFAULT,
      "eth0 out ip6": DEFAULT,
      "eth0 out src host fd00::1": DEFAULT,
      "eth0 out ip6 and ttl 64": DEFAULT,
      "eth0 in dst net fd00::/64": DEFAULT,
      "eth0 out ip": "held",
      "eth0 out ip6 and dst net fd00::/64": "held",
    },
  },
  {
    name: "in a VLAN",
    modules: ["8021q"],
    lines: [
      "link add link eth1 name v12 type vlan id 12",
      "address add 10.12.0.1/24 dev v12",
      "link set v12 up",
      "route add default via 10.12.0.2",
    ],
    verdicts: {
      "v12": DEFAULT,
      "eth1": DEFAULT,
      "eth1 out vlan 12": DEFAULT,
      "eth1 out vlan 12 and tcp": DEFAULT,
      "eth1 out tcp": "held",
      "eth1 out vlan 13": "held",
    },
  },
  {
    name: "through a tunnel",
    modules: ["ipip"],
    lines: [...TUNNELED, "address add 172.16.0.1/24 dev tn0", "route add default dev tn0"],
    verdicts: {
      "tn0": DEFAULT,
      "eth1": DEFAULT,
      "eth1 out ip proto 4": DEFAULT,
      "eth1 out ip and ttl 64 and dst host 10.0.1.2": DEFAULT,
      "eth1 out tcp": "held",
      "eth1 out arp": "held",
      "eth0": "held",
    },
  },
];

testCases("a device is not held by a default route", DEFAULTS);

Deno.test("what holds from its first moment on needs no force with a deadline, but a low limit does", () => {
  using host = new Multihomed(["route add default via 10.0.0.2"]);
  const { connection } = host;
  using guardian = Guardian.start();
  const place = { dev: "eth0", hold: true, guardian, maxHoldMs: 20_000, connection };
  const gate = { ...place, direction: "out", match: "tcp" } as const;
  Plug.attach(place)[Symbol.dispose]();
  Gate.open(gate)[Symbol.dispose]();
  const message =
    "the device carries the default route, of which it would drop all packets that are longer than 100 bytes";
  assertThrows(() => Plug.attach({ ...place, limitBytes: 100 }), QueueError, message);
  assertThrows(() => Gate.open({ ...gate, limitBytes: 100 }), QueueError, message);
  assertThrows(() => Plug.attach({ dev: "eth0", hold: true, guardian, connection }), QueueError, DEFAULT);
});

/** How a scenario ends that limits a plug on `there`, a namespace, or on a host that it has made, and what it says. */
async function limited({ there, on, plug = "", steps }: { there: string; on: string; plug?: string; steps: string }) {
  const scenario = await Scenario.parse(`name: limited
hosts:
  there: { netns: ${there} }
  made: { devices: { eth0: { to: other, address: 10.0.0.1/24 } }, routes: { default: 10.0.0.2 } }
  other: { devices: { eth0: { to: made, address: 10.0.0.2/24 } } }
plugs: { way: { host: ${on}, dev: eth0${plug} } }
steps: [${steps}]
`);
  const { outcome, error } = await scenario.run();
  return { outcome, said: (error as Error | undefined)?.message.replace(/^Cannot .*?: /, "") };
}

Deno.test("a scenario limits no plug of a machine that is there so low that its default route is cut", async () => {
  using host = new Multihomed(["route add default via 10.0.0.2"]);
  const there = host.left.name;
  const limit = "{ limit: { plug: way, size: 100 } }";
  const nothing = "{ sleep: 1ms }";
  const said =
    "the device carries the default route, of which it would drop all packets that are longer than 100 bytes" +
    "; give a higher limit, or none";
  assertEquals(await limited({ there, on: "there", steps: limit }), { outcome: "failed", said });
  assertEquals(await limited({ there, on: "there", plug: ", limit: 100", steps: nothing }), {
    outcome: "failed",
    said,
  });
  assertEquals(host.left.run("tc", "qdisc", "show", "dev", "eth0").includes("plug"), false);
  const done = { outcome: "done", said: undefined };
  assertEquals(await limited({ there, on: "made", plug: ", limit: 100", steps: limit }), done);
});
