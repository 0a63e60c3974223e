/**
 * By which devices an SSH session and all that has no other way go, and which are therefore not held: by policy routing,
 * multipath, VRFs, tunnels, VLANs, bridges, and where packets come in by another device than they leave by.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { Connection } from "../../netlink/connection.ts";
import { Gate, Guardian, Plug, QueueError } from "../../mod.ts";
import { connect, Host } from "./host.ts";
import { loadModules } from "./modules.ts";

/** A host with two cables to another: `eth0` and `eth1`, 10.0.0.1 and 10.0.1.1, to 10.0.0.2 and 10.0.1.2. */
class Multihomed implements Disposable {
  readonly left = new Host();
  readonly right = new Host();
  readonly connection: Connection;

  constructor(lines: readonly string[]) {
    const { left, right } = this;
    const cables = [0, 1].map((number) => connect([left, right], { dev: `eth${number}` }));
    for (const [at, host] of [left, right].entries()) {
      const { mac } = cables[1][at];
      host.configure([
        `link set eth1 address ${mac.replace(/^02:00/, "02:01")}`,
        "address flush dev eth1",
        `address add 10.0.1.${at + 1}/24 dev eth1`,
        ...["eth0", "eth1"].map((dev) => `link set ${dev} arp on`),
      ]);
    }
    right.configure(["neighbour flush dev eth1"]);
    left.configure([
      "neighbour flush dev eth1",
      // A device forgets its neighbours when it begins to use ARP.
      "neighbour replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent",
      "neighbour replace 10.0.1.2 lladdr 02:01:00:00:00:02 dev eth1 nud permanent",
    ]);
    // A family is said before the command, which a batch has no room for.
    for (const [alone, those] of Map.groupBy(lines, (line) => line.startsWith("-6"))) {
      if (alone) { for (const line of those) left.run("ip", ...line.split(" ")); }
      else left.configure(those);
    }
    this.connection = left.enter(() => Connection.open());
  }

  /** Why something is not held, in few words, or that it is. */
  verdictOn(what: string): string {
    const [dev, direction, ...words] = what.split(" ");
    const { connection } = this;
    try {
      if (!direction) Plug.attach({ dev, hold: true, connection })[Symbol.dispose]();
      else {
        const match = words.length === 0 ? {} : { match: words.join(" ") };
        using gate = Gate.open({ dev, direction: direction as "in", ...match, connection });
        gate.buffer();
      }
      return "held";
    } catch (error) {
      if (!(error instanceof QueueError) || error.code !== "would-lock-out") throw error;
      return error.reason.replace(/^it would hold packets of this SSH session .*/, "session")
        .replace(/^the device (.*), which it would hold too$/, "$1");
    }
  }

  [Symbol.dispose](): void {
    this.connection[Symbol.dispose]();
    this.left[Symbol.dispose]();
    this.right[Symbol.dispose]();
  }
}

interface Case {
  name: string;
  modules?: string[];
  /** Lines of `ip` on the host. */
  lines: string[];
  session?: string;
  /** What may be held, and of the rest why not. */
  verdicts: Record<string, string>;
}

const CARRIES = "carries this SSH session";
const MAY = "may carry this SSH session";
const DEFAULT = "carries the default route";
const FAR = "192.0.2.7 50000 10.0.1.1 22";

const CASES: Case[] = [
  {
    name: "a rule by source",
    lines: [
      "route add default via 10.0.0.2",
      "rule add from 10.0.1.1 table 100",
      "route add 192.0.2.0/24 via 10.0.1.2 dev eth1 table 100",
    ],
    session: FAR,
    verdicts: {
      "eth1": CARRIES,
      "eth1 out tcp src port 22": "session",
      "eth1 in tcp dst port 22": "session",
      "eth1 out host 10.0.1.2": "session",
      "eth1 out arp and dst host 10.0.1.2": "session",
      "eth1 out arp and dst host 10.0.1.77": "held",
      "eth1 in arp and src host 10.0.1.77": "held",
      "eth1 out ether dst 02:01:00:00:00:02": "session",
      "eth1 out ether dst 02:01:00:00:00:77": "held",
      "eth1 out udp": "held",
      "eth0": DEFAULT,
      "eth0 out tcp src port 22": "held",
      "eth0 in tcp dst port 22": "held",
    },
  },
  {
    name: "rules by port, by mark and by type of service",
    lines: [
      "rule add ipproto tcp sport 22 table 100",
      "route add 192.0.2.0/24 via 10.0.1.2 dev eth1 table 100",
      "link add dmark type dummy",
      "link set dmark up",
      "link add dtos type dummy",
      "link set dtos up",
      "rule add pref 100 fwmark 7 table 107",
      "route add 192.0.2.0/24 dev dmark table 107",
      "rule add pref 101 tos 0x10 table 108",
      "route add 192.0.2.0/24 dev dtos table 108",
      "link add dother type dummy",
      "link set dother up",
    ],
    session: FAR,
    verdicts: { "eth0": "held", "eth1": CARRIES, "dmark": MAY, "dtos": MAY, "dother": "held" },
  },
  {
    name: "another way in than out",
    lines: ["route add default via 10.0.0.2"],
    session: FAR,
    verdicts: {
      "eth1": CARRIES,
      "eth1 in tcp dst port 22": "session",
      "eth1 in tcp dst port 80": "held",
      "eth1 out tcp src port 22": "held",
      "eth1 out arp and src host 10.0.1.1": "session",
      "eth0 out tcp src port 22": "session",
    },
  },
  {
    name: "an address on loopback, which may be reached by every device with a gateway",
    lines: [
      "address add 198.51.100.1/32 dev lo",
      "route add 192.0.2.0/24 via 10.0.0.2",
      "route add 203.0.113.0/24 via 10.0.1.2",
      "link add dm type dummy",
      "link set dm up",
      "address add 10.5.0.1/24 dev dm",
    ],
    session: "192.0.2.7 50000 198.51.100.1 22",
    verdicts: {
      "eth0": CARRIES,
      "eth1": MAY,
      "eth1 in tcp dst port 22": "session",
      "eth1 out tcp src port 22": "held",
      "dm": "held",
    },
  },
  {
    name: "several next hops",
    lines: ["route add 192.0.2.0/24 nexthop via 10.0.0.2 dev eth0 nexthop via 10.0.1.2 dev eth1"],
    session: "192.0.2.7 50000 10.0.0.1 22",
    verdicts: { "eth0 in tcp dst port 22": "session", "eth1 in tcp dst port 22": "session" },
  },
  {
    name: "a VRF",
    modules: ["vrf"],
    lines: [
      "link add blue type vrf table 10",
      "link set blue up",
      "link set eth1 master blue",
      "route add 192.0.2.0/24 via 10.0.1.2 dev eth1 table 10",
    ],
    session: FAR,
    verdicts: { "eth0": "held", "eth1": CARRIES, "eth1 out tcp src port 22": "session", "blue": CARRIES },
  },
  {
    name: "a tunnel, on the device and on the one that its packets leave by",
    modules: ["ipip"],
    lines: [
      "link add tn0 type ipip local 10.0.1.1 remote 10.0.1.2",
      "address add 172.16.0.1/24 dev tn0",
      "link set tn0 up",
    ],
    session: "172.16.0.2 50000 172.16.0.1 22",
    verdicts: {
      "tn0": CARRIES,
      "eth0": "held",
      "eth1": CARRIES,
      "eth1 out ip proto 4": "session",
      "eth1 in src host 10.0.1.2": "session",
      "eth1 out dst host 10.0.1.2": "session",
      "eth1 out ip proto 47": "held",
      "eth1 out tcp src port 22": "held",
    },
  },
  ...[
    ["gre", "gre local 10.0.1.1 remote 10.0.1.2", ["ip_gre"], "ip proto 47"],
    ["gretap", "gretap local 10.0.1.1 remote 10.0.1.2 key 7", ["ip_gre"], "ip proto 47"],
    ["vxlan", "vxlan id 7 dstport 4789 remote 10.0.1.2", ["vxlan"], "udp dst port 4789"],
    ["vxlan to a group", "vxlan id 7 dstport 4789 group 239.1.1.1 dev eth1", ["vxlan"], "udp dst port 4789"],
    ["geneve", "geneve id 7 remote 10.0.1.2", ["geneve"], "udp dst port 6081"],
    ["sit", "sit local 10.0.1.1 remote 10.0.1.2", ["sit"], "ip proto 41"],
    ["vti", "vti local 10.0.1.1 remote 10.0.1.2 key 7", ["ip_vti"], "esp"],
  ].map(([name, options, modules, match]): Case => ({
    name: `a tunnel: ${name}`,
    modules: modules as string[],
    lines: [`link add tn0 type ${options}`, "address add 172.16.0.1/24 dev tn0", "link set tn0 up"],
    session: "172.16.0.2 50000 172.16.0.1 22",
    verdicts: {
      "tn0": CARRIES,
      "eth0": "held",
      "eth1": CARRIES,
      [`eth1 out ${match}`]: "session",
      "eth1 out tcp": "held",
    },
  })),
  {
    name: "a tunnel over IPv6",
    modules: ["ip6_tunnel"],
    lines: [
      "link add tn0 type ip6tnl local fd00::1 remote fd00::2",
      "address add 172.16.0.1/24 dev tn0",
      "link set tn0 up",
    ],
    session: "172.16.0.2 50000 172.16.0.1 22",
    verdicts: { "tn0": CARRIES, "eth0": CARRIES, "eth1": "held", "eth0 out ip6 proto 4": "session" },
  },
  {
    name: "a VLAN, and those beside it",
    modules: ["8021q"],
    lines: [
      "link add link eth1 name v12 type vlan id 12",
      "address add 10.12.0.1/24 dev v12",
      "link set v12 up",
    ],
    session: "10.12.0.2 50000 10.12.0.1 22",
    verdicts: {
      "v12": CARRIES,
      "eth1": CARRIES,
      "eth1 out vlan 12": "session",
      "eth1 out vlan 12 and tcp src port 22": "session",
      "eth1 out vlan": "session",
      "eth1 out vlan 13": "held",
      "eth1 out vlan 12 and udp": "held",
      "eth1 out tcp src port 22": "held",
      "eth0": "held",
    },
  },
  {
    name: "a bridge, and its ports",
    modules: ["bridge"],
    lines: [
      "link add br0 type bridge",
      "link set br0 up",
      "link set eth1 master br0",
      "address add 10.9.0.1/24 dev br0",
    ],
    session: "10.9.0.2 50000 10.9.0.1 22",
    verdicts: {
      "br0": CARRIES,
      "eth0": "held",
      "eth1": CARRIES,
      "eth1 out tcp src port 22": "session",
      "eth1 out vlan 5": "held",
    },
  },
  {
    name: "a VLAN in a VLAN, whose packets show the outer tag alone",
    modules: ["8021q"],
    lines: [
      "link add link eth1 name s100 type vlan proto 802.1ad id 100",
      "link set s100 up",
      "link add link s100 name c12 type vlan id 12",
      "link set c12 up",
      "address add 10.9.0.1/24 dev c12",
    ],
    session: "10.9.0.2 50000 10.9.0.1 22",
    verdicts: {
      "c12": CARRIES,
      "s100 out vlan 12": "session",
      "s100 out vlan 13": "held",
      "eth1": CARRIES,
      "eth0": "held",
    },
  },
  {
    name: "a tunnel in a tunnel",
    modules: ["ipip", "ip_gre"],
    lines: [
      "link add g0 type gre local 10.0.1.1 remote 10.0.1.2",
      "link set g0 up",
      "address add 172.16.0.1/24 dev g0",
      "link add t0 type ipip local 172.16.0.1 remote 172.16.0.2",
      "link set t0 up",
      "address add 172.17.0.1/24 dev t0",
    ],
    session: "172.17.0.2 50000 172.17.0.1 22",
    verdicts: { "t0": CARRIES, "g0": CARRIES, "eth1": CARRIES, "eth0": "held", "eth1 out ip proto 47": "session" },
  },
  {
    name: "IPv4 by a gateway of IPv6",
    lines: ["address add fd01::1/64 dev eth1 nodad", "route add 192.0.2.0/24 via inet6 fd01::2 dev eth1"],
    session: FAR,
    verdicts: {
      "eth1": CARRIES,
      "eth1 out tcp src port 22": "session",
      "eth1 out icmp6": "session",
      "eth1 out arp": "held",
      "eth0": "held",
    },
  },
  {
    name: "IPv6 by a rule for its source, and by several next hops",
    lines: [
      "address add fd01::1/64 dev eth1 nodad",
      "-6 rule add from fd01::1 table 100",
      "route add 2001:db8:7::/64 table 100 nexthop via fd01::2 dev eth1 nexthop via fd00::2 dev eth0",
    ],
    session: "2001:db8:7::7 50000 fd01::1 22",
    verdicts: { "eth1 in tcp dst port 22": "session", "eth0 in tcp dst port 22": "session", "eth0 out udp": "held" },
  },
  {
    name: "loopback",
    lines: [],
    session: "127.0.0.1 50000 127.0.0.1 22",
    verdicts: { "lo": CARRIES, "lo out tcp src port 22": "session", "lo out udp": "held", "eth0": "held" },
  },
  {
    name: "IPv6, and the neighbours of others",
    lines: [],
    session: "fd00::2 50000 fd00::1 22",
    verdicts: {
      "eth0 out tcp src port 22": "session",
      "eth0 out dst host fd00::99": "held",
      "eth0 out dst host 2001:db8::5": "held",
      "eth0 out ip6 and dst host ff02::1:ff00:99": "held",
      "eth0 out ip6 and dst host ff02::1:ff00:2": "session",
      "eth0 in ip6 and src host fd00::99": "held",
      "eth0 in icmp6 and src host fd00::2": "session",
      "eth1": "held",
    },
  },
];

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

for (const { name, modules = [], lines, verdicts } of DEFAULTS) {
  Deno.test(`a device is not held by a default route: ${name}`, async () => {
    await loadModules(modules);
    using host = new Multihomed(lines);
    Deno.env.set("SSH_CONNECTION", "");
    assertEquals(Object.fromEntries(Object.keys(verdicts).map((what) => [what, host.verdictOn(what)])), verdicts);
  });
}

for (const { name, modules = [], lines, session, verdicts } of CASES) {
  Deno.test(`a device is not held by the way of this SSH session: ${name}`, async () => {
    await loadModules(modules);
    using host = new Multihomed(lines);
    Deno.env.set("SSH_CONNECTION", session ?? "");
    try {
      const found = Object.fromEntries(Object.keys(verdicts).map((what) => [what, host.verdictOn(what)]));
      assertEquals(found, verdicts);
    } finally {
      Deno.env.set("SSH_CONNECTION", "");
    }
  });
}

Deno.test("a gate is not held where the first of its devices is gone, and another carries this SSH session", () => {
  using host = new Multihomed(["link add dm type dummy", "link set dm up"]);
  using gate = Gate.open({
    name: "g",
    devs: ["dm", "eth1"],
    direction: "out",
    match: "tcp",
    connection: host.connection,
  });
  host.left.run("ip", "link", "delete", "dm");
  Deno.env.set("SSH_CONNECTION", "10.0.1.2 50000 10.0.1.1 22");
  try {
    assertThrows(() => gate.buffer(), QueueError, "it would hold packets of this SSH session");
  } finally {
    Deno.env.set("SSH_CONNECTION", "");
  }
});

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
