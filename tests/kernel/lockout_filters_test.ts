/** Where filters and classes lead the packets of an SSH session, and those of a default route: what holds them there is not held. */

import { assertEquals } from "@std/assert";
import { CARRIES, type Case, DEFAULT, inSession, Multihomed, testCases } from "./multihomed.ts";
import { loadModules } from "./modules.ts";

const SESSION = "10.0.0.2 50000 10.0.0.1 22";
const SEND = "action mirred egress redirect dev";
const EACH_IFB = [0, 1, 2].flatMap((number) => [`link add ifb${number} type ifb`, `link set ifb${number} up`]);
const DUMMY = ["link add dm type dummy", "link set dm up"];

const SENT: Case[] = [
  {
    name: "by filters of a classful qdisc, and of its classes",
    modules: ["sch_htb", "cls_matchall", "cls_u32"],
    lines: [
      ...EACH_IFB,
      "tc qdisc add dev eth0 root handle 1: htb default 20",
      "tc class add dev eth0 parent 1: classid 1:1 htb rate 1gbit",
      "tc class add dev eth0 parent 1:1 classid 1:20 htb rate 1gbit",
      `tc filter add dev eth0 parent 1: protocol all matchall ${SEND} ifb0`,
      `tc filter add dev eth0 parent 1:1 protocol ip u32 match u32 0 0 ${SEND} ifb1`,
    ],
    session: SESSION,
    verdicts: { "ifb0": `${CARRIES} eth0`, "ifb1": "session eth0", "ifb2": "held" },
  },
  {
    name: "by filters of a qdisc without classes",
    modules: ["sch_fq_codel", "cls_matchall"],
    lines: [...EACH_IFB, "tc qdisc add dev eth0 root fq_codel", `tc filter add dev eth0 matchall ${SEND} ifb0`],
    session: SESSION,
    verdicts: { "ifb0": `${CARRIES} eth0`, "ifb1": "held" },
  },
  {
    name: "by an ifb to another",
    modules: ["sch_prio", "cls_matchall"],
    lines: [
      ...EACH_IFB,
      "tc qdisc add dev eth0 clsact",
      `tc filter add dev eth0 ingress matchall ${SEND} ifb0`,
      "tc qdisc add dev ifb0 root handle 1: prio",
      `tc filter add dev ifb0 parent 1: matchall ${SEND} ifb1`,
    ],
    session: SESSION,
    verdicts: { "ifb1": `${CARRIES} eth0`, "ifb2": "held" },
  },
  {
    name: "by a device that is no ifb, and the one below it",
    modules: ["cls_matchall", "8021q"],
    lines: [
      ...DUMMY,
      "link add link dm name v5 type vlan id 5",
      "link set v5 up",
      "tc qdisc add dev eth0 clsact",
      `tc filter add dev eth0 egress matchall ${SEND} v5`,
    ],
    session: SESSION,
    verdicts: {
      "v5": `${CARRIES} eth0`,
      "dm": `${CARRIES} eth0`,
      "dm out vlan 5": "session eth0",
      "dm out vlan 6": "held",
      "eth1": "held",
    },
  },
  {
    name: "into the way in of another device",
    modules: ["cls_matchall"],
    lines: [
      ...DUMMY,
      "tc qdisc add dev eth0 clsact",
      "tc filter add dev eth0 ingress matchall action mirred ingress redirect dev dm",
    ],
    session: SESSION,
    verdicts: { "dm": "held", "dm in tcp dst port 22": "session eth0", "dm in tcp dst port 80": "held" },
  },
  {
    name: "by filters of a block that several devices share, and of a later chain",
    modules: ["cls_matchall", "act_gact"],
    lines: [
      ...EACH_IFB,
      "tc qdisc add dev eth0 ingress_block 7 clsact",
      `tc filter add block 7 matchall ${SEND} ifb0`,
      "tc filter add dev eth0 egress matchall action goto chain 1",
      `tc filter add dev eth0 egress chain 1 protocol ip flower ip_proto tcp ${SEND} ifb1`,
    ],
    session: SESSION,
    verdicts: { "ifb0": `${CARRIES} eth0`, "ifb1": "session eth0", "ifb2": "held" },
  },
  {
    name: "some of them, or copies",
    modules: ["cls_matchall"],
    lines: [
      ...EACH_IFB,
      "tc qdisc add dev eth0 clsact",
      `tc filter add dev eth0 egress pref 1 protocol ip flower ip_proto tcp src_port 22 ${SEND} ifb0`,
      `tc filter add dev eth0 egress pref 2 protocol ip flower ip_proto udp ${SEND} ifb1`,
      "tc filter add dev eth0 egress pref 3 matchall action mirred egress mirror dev ifb2",
    ],
    session: SESSION,
    verdicts: { "ifb0": "session eth0", "ifb1": "held", "ifb2": "held" },
  },
  {
    name: "all of a default route, or a part of it",
    modules: ["cls_matchall", "cls_u32"],
    lines: [
      ...EACH_IFB,
      "route add default via 10.0.0.2",
      "tc qdisc add dev eth0 clsact",
      `tc filter add dev eth0 egress pref 1 protocol ip flower ip_proto udp ${SEND} ifb0`,
      `tc filter add dev eth0 egress pref 2 protocol ip u32 match ip dport 80 0xffff ${SEND} ifb1`,
      `tc filter add dev eth0 egress pref 3 protocol ip u32 match u32 0 0 ${SEND} ifb2`,
    ],
    verdicts: { "ifb0": "held", "ifb1": "held", "ifb2": `${DEFAULT} eth0` },
  },
];

testCases("a device is not held to which filters send packets of this SSH session", SENT);

Deno.test("what filters send to an ifb is looked at anew each time", async () => {
  await loadModules(["cls_matchall"]);
  using host = new Multihomed([...EACH_IFB, "tc qdisc add dev eth0 clsact"]);
  inSession(SESSION, () => {
    assertEquals([host.verdictOn("ifb0"), host.verdictOn("ifb0")], ["held", "held"]);
    host.configure([`tc filter add dev eth0 egress matchall ${SEND} ifb0`]);
    assertEquals(host.verdictOn("ifb0"), `${CARRIES} eth0`);
    host.configure(["tc filter delete dev eth0 egress"]);
    assertEquals(host.verdictOn("ifb0"), "held");
  });
});

const ROUTE = "route add default via 10.0.0.2";
const HTB = (name: string, parent = "1:") => `tc class add dev eth0 parent ${parent} classid ${name} htb rate 1gbit`;

const CLASSES: Case[] = [
  {
    name: "the default class of htb",
    modules: ["sch_htb"],
    lines: [ROUTE, "tc qdisc add dev eth0 root handle 1: htb default 20", HTB("1:10"), HTB("1:20")],
    verdicts: { "eth0/1:20": DEFAULT, "eth0/1:10": "held" },
  },
  {
    name: "the only class of htb, below one that is no queue",
    modules: ["sch_htb"],
    lines: [ROUTE, "tc qdisc add dev eth0 root handle 1: htb", HTB("1:1"), HTB("1:10", "1:1")],
    verdicts: { "eth0/1:10": DEFAULT },
  },
  {
    name: "the classes of htb to which filters lead",
    modules: ["sch_htb", "cls_matchall", "cls_u32"],
    lines: [
      ROUTE,
      "tc qdisc add dev eth0 root handle 1: htb default 20",
      ...["1:10", "1:20", "1:30", "1:40", "1:50"].map((name) => HTB(name)),
      "tc filter add dev eth0 parent 1: pref 1 protocol ip flower ip_proto udp classid 1:30",
      "tc filter add dev eth0 parent 1: pref 2 protocol ip u32 match ip dport 80 0xffff flowid 1:40",
      "tc filter add dev eth0 parent 1: pref 3 protocol ip u32 match ip dst 0.0.0.0/0 flowid 1:50",
    ],
    verdicts: {
      "eth0/1:10": "held",
      "eth0/1:20": DEFAULT,
      "eth0/1:30": "held",
      "eth0/1:40": "held",
      "eth0/1:50": DEFAULT,
    },
  },
  {
    name: "the ordinary band of prio, also below another qdisc",
    modules: ["sch_htb", "sch_prio"],
    lines: [
      ROUTE,
      "tc qdisc add dev eth0 root handle 1: htb default 20",
      ...["1:10", "1:20"].map((name) => HTB(name)),
      "tc qdisc add dev eth0 parent 1:20 handle 2: prio",
      "tc qdisc add dev eth0 parent 1:10 handle 3: prio",
    ],
    verdicts: { "eth0/2:2": DEFAULT, "eth0/2:1": "held", "eth0/2:3": "held", "eth0/3:2": "held" },
  },
  {
    name: "the default class of hfsc",
    modules: ["sch_hfsc"],
    lines: [
      ROUTE,
      "tc qdisc add dev eth0 root handle 1: hfsc default 20",
      ...["1:10", "1:20"].map((name) => `tc class add dev eth0 parent 1: classid ${name} hfsc ls rate 1gbit`),
    ],
    verdicts: { "eth0/1:20": DEFAULT, "eth0/1:10": "held" },
  },
  {
    name: "the class of drr to which a filter leads all",
    modules: ["sch_drr", "cls_matchall"],
    lines: [
      ROUTE,
      "tc qdisc add dev eth0 root handle 1: drr",
      ...["1:1", "1:2"].map((name) => `tc class add dev eth0 parent 1: classid ${name} drr`),
      "tc filter add dev eth0 parent 1: matchall classid 1:2",
    ],
    verdicts: { "eth0/1:2": DEFAULT, "eth0/1:1": "held" },
  },
  {
    name: "any class that may have this SSH session",
    modules: ["sch_htb"],
    lines: ["tc qdisc add dev eth0 root handle 1: htb default 20", HTB("1:10"), HTB("1:20")],
    session: SESSION,
    verdicts: { "eth0/1:20": "session", "eth0/1:10": "session" },
  },
];

testCases("a class is not held that has all of a default route, or this SSH session", CLASSES);
