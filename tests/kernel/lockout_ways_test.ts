/**
 * By which devices an SSH session goes, and which are therefore not held: by policy routing, multipath, VRFs, VLANs,
 * bridges, and where packets come in by another device than they leave by.
 */

import { assertThrows } from "@std/assert";
import { Gate, QueueError } from "../../mod.ts";
import { CARRIES, type Case, DEFAULT, inSession, MAY, Multihomed, testCases } from "./multihomed.ts";

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
      "rule add ipproto 6 sport 22 table 100",
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
    name: "a bridge, to which a cable of this host leads",
    modules: ["bridge"],
    lines: [
      "link add br0 type bridge",
      "link set br0 up",
      "link set eth1 master br0",
      "link add v0 type veth peer name v1",
      "link set v1 master br0 up",
      "link set v0 up",
      "address add 10.9.0.1/24 dev v0",
      "link add dm type dummy",
      "link set dm up",
    ],
    session: "10.9.0.2 50000 10.9.0.1 22",
    verdicts: {
      "v0": CARRIES,
      "v1": CARRIES,
      "v1 out tcp dst port 22": "session",
      "v1 in tcp src port 22": "session",
      "v1 in tcp dst port 22": "held",
      "eth1": CARRIES,
      "eth1 out tcp src port 22": "session",
      "eth1 out udp": "held",
      "dm": "held",
      "eth0": "held",
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

testCases("a device is not held by the way of this SSH session", CASES);

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
  inSession("10.0.1.2 50000 10.0.1.1 22", () => {
    assertThrows(() => gate.buffer(), QueueError, "it would hold packets of this SSH session");
  });
});
