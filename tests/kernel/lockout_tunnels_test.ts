/** Where the packets of an SSH session leave inside of others: of a tunnel, or encrypted by IPsec. */

import { CARRIES, type Case, DEFAULT, testCases } from "./multihomed.ts";

const CASES: Case[] = [
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
];

/** An address of the host that other hosts reach by IPsec alone. */
const INNER = ["address add 172.16.0.1/32 dev lo", "route add 172.16.0.0/24 via 10.0.0.2"];
const ESP_TUNNEL = "tmpl src 10.0.1.1 dst 10.0.1.2 proto esp reqid 1 mode tunnel";

const IPSEC: Case[] = [
  {
    name: "between the ends of the session",
    modules: ["xfrm_user"],
    lines: [
      "xfrm policy add src 10.0.1.1/32 dst 10.0.1.2/32 proto 6 dir out tmpl proto esp reqid 1 mode transport",
      "xfrm policy add src 10.0.0.1/32 dst 10.0.0.2/32 dir out tmpl proto esp reqid 2 mode transport",
    ],
    session: "10.0.1.2 50000 10.0.1.1 22",
    verdicts: {
      "eth1": CARRIES,
      "eth1 out esp": "session",
      "eth1 in esp": "session",
      "eth1 out ip proto 50 and dst host 10.0.1.77": "held",
      "eth1 out udp port 4500": "session",
      "eth1 out udp src port 53": "held",
      "eth0": "held",
      "eth0 out esp": "held",
    },
  },
  {
    name: "in a tunnel by another device",
    modules: ["xfrm_user"],
    lines: [...INNER, `xfrm policy add src 172.16.0.1/32 dst 172.16.0.0/24 dir out ${ESP_TUNNEL}`],
    session: "172.16.0.2 50000 172.16.0.1 22",
    verdicts: { "eth1": CARRIES, "eth1 out esp": "session", "eth1 in esp": "session", "eth1 out tcp": "held" },
  },
  {
    name: "where a policy is for other addresses, another protocol, one device, or what comes in",
    modules: ["xfrm_user"],
    lines: [
      ...INNER,
      `xfrm policy add src 172.16.0.1/32 dst 172.16.1.0/24 dir out ${ESP_TUNNEL}`,
      `xfrm policy add src 172.16.0.1/32 dst 172.16.0.0/24 proto 17 dir out ${ESP_TUNNEL}`,
      `xfrm policy add src 172.16.0.0/24 dst 172.16.0.1/32 dir in ${ESP_TUNNEL}`,
      "xfrm policy add src 172.16.0.1/32 dst 172.16.0.2/32 dir out",
      `xfrm policy add src 172.16.0.1/32 dst 172.16.0.0/24 dir out if_id 7 ${ESP_TUNNEL}`,
    ],
    session: "172.16.0.2 50000 172.16.0.1 22",
    verdicts: { "eth1 out esp": "held", "eth0 out esp": "held", "eth0 out tcp src port 22": "session" },
  },
  {
    name: "with a GRE tunnel inside",
    modules: ["xfrm_user", "ip_gre"],
    lines: [
      "link add tn0 type gre local 10.0.1.1 remote 10.0.1.2",
      "address add 172.16.0.1/24 dev tn0",
      "link set tn0 up",
      "xfrm policy add src 10.0.1.1/32 dst 10.0.1.2/32 proto 47 dir out tmpl proto esp reqid 1 mode transport",
    ],
    session: "172.16.0.2 50000 172.16.0.1 22",
    verdicts: { "eth1 out esp": "session", "eth1 in esp": "session", "eth1 out tcp": "held" },
  },
  {
    name: "of IPv6 in IPv4",
    modules: ["xfrm_user"],
    lines: [`xfrm policy add src fd00::1/128 dst fd00::/64 dir out ${ESP_TUNNEL}`],
    session: "fd00::2 50000 fd00::1 22",
    verdicts: { "eth1 out esp": "session", "eth0": CARRIES },
  },
  {
    name: "of all that goes far",
    modules: ["xfrm_user"],
    lines: [
      "route add default via 10.0.0.2",
      `xfrm policy add src 10.0.0.1/32 dst 0.0.0.0/0 dir out ${ESP_TUNNEL}`,
    ],
    verdicts: {
      "eth0": DEFAULT,
      "eth1": DEFAULT,
      "eth1 out esp": DEFAULT,
      "eth1 in esp": DEFAULT,
      "eth1 out tcp": "held",
    },
  },
];

testCases("a device is not held that has the packets of a tunnel", CASES);
testCases("a device is not held that has packets of this SSH session encrypted by IPsec", IPSEC);
