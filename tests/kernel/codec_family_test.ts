/** What `ip -j -d` and `tc -j -s -d` print of an object of each kind, and what the codec reads of the same message. */

import { assert, assertEquals } from "@std/assert";
import { NLM_F_DUMP, RTM_GETLINK, RTM_GETQDISC, RTM_GETROUTE, RTM_GETTFILTER } from "../../codec/assembly/constants.ts";
import { bytesOf } from "../../codec/records.ts";
import type { FieldInput } from "../../codec/encode.ts";
import { decode, encode, type Field, formatSummary } from "../../codec/family.ts";
import { Connection } from "../../netlink/connection.ts";
import { missingLeaves, type Told } from "./compared.ts";
import { Host } from "./host.ts";
import { TC_WORDS, WORDS } from "./iproute2_words.ts";
import { loadModules } from "./modules.ts";

const RTM_GETADDR = 22;
const RTM_GETNEIGH = 30;
const RTM_GETRULE = 34;
const RTM_GETTCLASS = 42;
const RTM_GETNEXTHOP = 106;

/** What the kernel needs for all of these. */
const MODULES = [
  ..."8021q bonding bridge geneve hsr ifb ip_gre ipip ipvlan macvlan sit vcan veth vrf vxlan dummy".split(" "),
  ..."team macsec vxcan nlmon ip_vti ip6_tunnel ip6_gre ip6_vti macvtap ipvtap tun".split(" "),
  ..."sch_cake sch_choke sch_codel sch_pie sch_hhf sch_drr sch_qfq sch_skbprio sch_etf".split(" "),
  ..."sch_cbs sch_gred sch_mqprio sch_sfb sch_taprio sch_teql".split(" "),
  ..."act_vlan act_tunnel_key act_skbedit act_csum act_sample act_connmark act_police act_nat act_pedit".split(" "),
  ..."act_mpls act_ctinfo cls_matchall cls_basic em_meta em_cmp cls_u32".split(" "),
];

/** Kinds of devices by their names, each with the words that make one called by its kind. */
const LINKS: Readonly<Record<string, string>> = {
  bond: "type bond mode active-backup miimon 100",
  bridge: "type bridge stp_state 1 vlan_filtering 1",
  dummy: "type dummy",
  erspan: "type erspan remote 10.9.9.3 local 10.0.0.1 seq key 30 erspan_ver 1 erspan 123",
  geneve: "type geneve id 77 remote 10.9.9.8",
  gre: "type gre remote 10.9.9.2 local 10.0.0.1 ttl 64 key 7",
  gretap: "type gretap remote 10.9.9.6 local 10.0.0.1",
  hsr: "type hsr slave1 h1 slave2 h2 version 1",
  ifb: "type ifb",
  ip6gre: "type ip6gre remote fd00::9 local fd00::1",
  ip6gretap: "type ip6gretap remote fd00::8 local fd00::1",
  ip6tnl: "type ip6tnl remote fd00::7 local fd00::1 mode ip6ip6",
  ipip: "type ipip remote 10.9.9.5 local 10.0.0.1",
  ipvlan: "link base type ipvlan mode l3",
  ipvtap: "link h1 type ipvtap mode l2",
  macsec: "link base type macsec port 11 encrypt on",
  macvlan: "link h3 type macvlan mode bridge",
  macvtap: "link h2 type macvtap mode vepa",
  nlmon: "type nlmon",
  sit: "type sit remote 10.9.9.4 local 10.0.0.1",
  team: "type team",
  vcan: "type vcan",
  veth: "type veth peer name vethpeer",
  vlan: "link base type vlan id 5 egress-qos-map 1:2",
  vrf: "type vrf table 100",
  vti: "type vti remote 10.9.9.1 local 10.0.0.1 key 5",
  vti6: "type vti6 remote fd00::6 local fd00::1 key 6",
  vxcan: "type vxcan peer name vxcanpeer",
  vxlan: "type vxlan id 42 remote 10.9.9.9 dstport 4789 local 10.0.0.1",
};

const MAP = "2 2 1 0 2 2 2 2 2 2 2 2 2 2 2 2";

/** Kinds of qdiscs, each on a device of its own; of multiq, hfsc, fw and route what tc 6.1 prints with -j is no JSON. */
const QDISCS: readonly string[] = [
  "plug limit 10000",
  "prio bands 4",
  "pfifo limit 77",
  "bfifo limit 7777",
  "pfifo_head_drop limit 5",
  "tbf rate 1mbit burst 10kb latency 50ms",
  "netem delay 10ms loss 1% limit 99",
  "sfq perturb 10 divisor 512",
  "red limit 100000 avpkt 1000 min 5000 max 20000 ecn",
  "fq_codel limit 999 target 6ms interval 90ms flows 512",
  "fq flow_limit 55 quantum 3000",
  "htb default 10 r2q 5",
  "cake bandwidth 10mbit diffserv4 nat ack-filter rtt 50ms",
  "codel limit 900 target 7ms interval 80ms ecn",
  "pie limit 800 target 20ms ecn",
  "hhf limit 700",
  "drr",
  "qfq",
  "skbprio limit 50",
  "etf clockid CLOCK_TAI delta 200000",
  "choke limit 900 avpkt 1000 bandwidth 10mbit min 100 max 300 ecn",
  "cbs idleslope 98688 sendslope -901312 hicredit 153 locredit -1389 offload 0",
  "gred setup DPs 4 default 2 grio",
  "mq",
  `mqprio num_tc 3 map ${MAP} queues 1@0 1@1 2@2 hw 0`,
  "noqueue",
  "pfifo_fast",
  "sfb limit 900 max 30 target 25",
  `taprio num_tc 3 map ${MAP} queues 1@0 1@1 2@2 base-time 1528743495000000 ` +
  "sched-entry S 01 300000 sched-entry S 02 300000 clockid CLOCK_TAI",
  "teql0",
  "netem delay 10ms 2ms loss gemodel 1% 10% 70% 0.1% reorder 25% gap 5 rate 1mbit slot 1ms 2ms ecn corrupt 1% " +
  "duplicate 1%",
  "tbf rate 1mbit burst 10kb latency 50ms peakrate 2mbit mtu 2000",
  "red limit 100000 avpkt 1000 min 5000 max 20000 adaptive nodrop ecn harddrop",
  "fq_codel ecn ce_threshold 1ms memory_limit 1000000 drop_batch 20",
];

/** Filters of `base`, by their preference from 1 on, each with a kind and an action or several. */
const FILTERS: readonly string[] = [
  "protocol ip flower ip_proto tcp src_ip 10.0.0.0/8 dst_ip 10.1.2.3 src_port 80 tcp_flags 0x2/0x12 ip_ttl 64 action mirred egress redirect dev ifb",
  "protocol 802.1q flower vlan_id 5 vlan_prio 3 vlan_ethtype ip action vlan pop",
  "protocol ipv6 flower src_ip fd00::/64 ip_proto icmpv6 type 135 action drop",
  "protocol arp flower arp_op request arp_sip 10.0.0.1 arp_tha 02:00:00:00:00:01 action pass",
  "protocol ip flower enc_src_ip 10.0.0.1 enc_dst_ip 10.0.0.2 enc_key_id 11 enc_dst_port 4789 action tunnel_key unset",
  "protocol all matchall action skbedit priority 5 mark 7",
  "protocol ip matchall action csum ip tcp",
  "protocol ip matchall action vlan push id 100 protocol 802.1q priority 2",
  "protocol ip matchall action sample rate 12 group 4 trunc 96",
  "protocol ip basic action gact reclassify random determ drop 5",
  "protocol ip matchall action police rate 1mbit burst 10k conform-exceed drop/pipe",
  "protocol ip matchall action nat ingress 10.0.0.0/8 1.2.3.4",
  "protocol ip matchall action pedit munge offset 0 u8 set 0x45",
  "protocol ip matchall action mpls push label 100 tc 3 ttl 64",
  "protocol ip matchall action connmark zone 3",
  "protocol ip matchall action ctinfo cpmark 0xff",
  "protocol all matchall action vlan modify id 5",
  "protocol ip matchall action tunnel_key set src_ip 10.0.0.1 dst_ip 10.0.0.2 id 11 dst_port 4789 csum",
  "protocol ip matchall action gact pass random netrand drop 10",
  "protocol ip u32 match ip dst 10.0.0.0/8 flowid 1:2",
  "protocol mpls_uc flower mpls_label 5 mpls_tc 3 mpls_ttl 64 mpls_bos 1 action pass",
  "protocol ip flower ip_proto udp dst_port 100-200 src_port 1-5 action pass",
  "protocol ip flower ip_flags frag/nofirstfrag ip_tos 0x10/0xfc action pass",
  "protocol ip flower ip_proto sctp dst_port 80 action pass",
];

/** Objects of which one is made, and how both say it. */
interface Asked {
  show: readonly string[];
  type: number;
  fields: readonly FieldInput[];
  /** What tells a message apart from others, of the JSON and of the tree. */
  same: (json: Json, message: Field) => boolean;
}

/** An object of JSON. */
interface Json {
  readonly [key: string]: unknown;
}

const bytes = (length: number, ...first: number[]): FieldInput[] => {
  const value = new Uint8Array(length);
  value.set(first);
  return [{ name: "struct", value }];
};
const tcmsg = (ifindex: number, parent: number): FieldInput[] => [
  { name: "family", value: 0 },
  { name: "ifindex", value: ifindex },
  { name: "handle", value: 0 },
  { name: "parent", value: parent },
  { name: "info", value: 0 },
];

/** The first field of this kernel name. */
function find(field: Field, kernelName: string): Field | undefined {
  if (field.kernelName === kernelName) return field;
  for (const inner of field.fields ?? []) {
    const found = find(inner, kernelName);
    if (found) return found;
  }
  return undefined;
}

/** What a field says or holds, as text. */
function said(message: Field, ...kernelNames: string[]): string {
  const field = kernelNames.map((name) => find(message, name)).find((each) => each);
  return String(field?.meaning ?? field?.value ?? "");
}

/** The handle of a u32 filter, of which several have the same preference. */
function handleOf(options: unknown): unknown {
  return typeof options === "object" && options !== null && "fh" in options ? options.fh : undefined;
}

function indexOf(host: Host, dev: string): number {
  using connection = host.enter(() => Connection.open());
  return connection.deviceIndex(dev);
}

/** Every message of a dump, decoded; each is encoded again to the byte. */
function dump(host: Host, { type, fields }: Pick<Asked, "type" | "fields">): Field[] {
  using connection = host.enter(() => Connection.open());
  return connection.pick("list", { type, flags: NLM_F_DUMP, fields }, (records) => {
    const message = bytesOf(records).slice();
    const tree = decode(message);
    assertEquals(encode(tree).toHex(), message.toHex());
    return tree;
  });
}

/** Checks that each object that iproute2 shows is a message that says the same, and returns how many there were. */
function compare(host: Host, asked: Asked, told: readonly Told[] = []): number {
  // So ip calls a protocol where there is no /etc/protocols, as on a bare Debian.
  const shown = host.run(...asked.show).replaceAll('"ipproto-6"', '"tcp"');
  const objects = (JSON.parse(shown) as Json[]).filter((object) => Object.keys(object).length > 0);
  const messages = dump(host, asked);
  for (const object of objects) {
    const message = messages.find((each) => asked.same(object, each));
    if (!message) throw new Error(`${asked.show.join(" ")} shows ${JSON.stringify(object)}, of which no message is`);
    assertEquals(missingLeaves(object, message, [WORDS, ...told]), [], formatSummary(message));
  }
  return objects.length;
}

const PLAIN: readonly (readonly [name: string, asked: Asked, told?: readonly Told[]])[] = [
  ["rules", {
    show: ["ip", "-j", "-d", "-4", "rule", "show", "priority", "300"],
    type: RTM_GETRULE,
    fields: bytes(12, 2),
    same: ({ priority }, message) => said(message, "FRA_PRIORITY") === String(priority),
  }, [{ derived: { src: "all where there is none", dst: "all where there is none" } }]],
  ["routes", {
    show: ["ip", "-j", "-d", "-4", "route", "show", "table", "all"],
    type: RTM_GETROUTE,
    fields: bytes(12, 2),
    same: ({ dst, type }, message) =>
      said(message, "RTA_DST") === String(dst).split("/")[0] &&
      said(message, "rtm_type") === `RTN_${type}`.toUpperCase(),
  }, [{
    names: { dst: "rta_dst", table: ["rta_table", "rtm_table"] },
    derived: { weight: "one more than rtnh_hops", scope: "global is universe" },
  }]],
  ["neighbours", {
    show: ["ip", "-j", "-d", "neigh", "show"],
    type: RTM_GETNEIGH,
    fields: bytes(12),
    same: ({ dst }, message) => said(message, "NDA_DST") === dst,
  }],
  ["next hops", {
    show: ["ip", "-j", "-d", "nexthop", "show"],
    type: RTM_GETNEXTHOP,
    fields: bytes(8),
    same: ({ id }, message) => said(message, "NHA_ID") === String(id),
  }, [{
    derived: {
      weight: "one more than the field",
      scope: "global is universe",
      type: "mpath where nothing else is said",
    },
  }]],
];

Deno.test("decode() says of 40 kinds of object what ip -j -d and tc -j -s print, field by field", async (t) => {
  await loadModules(MODULES);
  using host = new Host();
  let kinds = 0;
  host.configure([
    "link add base type dummy",
    "link add h1 type dummy",
    "link add h2 type dummy",
    "link add h3 type dummy",
  ]);
  for (const [kind, words] of Object.entries(LINKS)) {
    await t.step(`a device of the kind ${kind}`, () => {
      host.configure([`link add name ${kind} ${words}`]);
      const show = ["ip", "-j", "-d", "link", "show", "dev", kind];
      const same = ({ ifname }: Json, message: Field) => said(message, "IFLA_IFNAME") === ifname;
      kinds += compare(host, { show, type: RTM_GETLINK, fields: bytes(16), same }) > 0 ? 1 : 0;
      // Filters need one
      if (kind !== "ifb") host.configure([`link delete dev ${kind}`]);
    });
  }
  host.configure([
    "link set base up",
    "address add 10.0.0.1/24 brd + dev base label base:x",
    "address add fd00::1/64 dev base nodad preferred_lft 1000 valid_lft 2000",
    "neighbour add 10.0.0.7 lladdr 02:00:00:00:00:07 dev base nud permanent",
    "neighbour add fd00::7 lladdr 02:00:00:00:00:08 dev base nud permanent",
    "route add 10.1.0.0/16 via 10.0.0.7 dev base metric 50 mtu 1400 advmss 1300 table 77 proto static",
    "route add 10.2.0.0/16 nexthop via 10.0.0.7 dev base weight 2 nexthop via 10.0.0.8 dev base weight 3",
    "route add blackhole 10.3.0.0/16",
    "nexthop add id 10 via 10.0.0.7 dev base",
    "nexthop add id 12 group 10",
    "nexthop add id 13 blackhole",
    "rule add from 10.0.0.0/24 fwmark 0x7/0xff table 100 priority 300 ipproto 6 dport 80-90",
    "rule add iif base oif h1 uidrange 0-99 blackhole priority 301",
  ]);
  await t.step("addresses", () => {
    const [{ addr_info }] = JSON.parse(host.run("ip", "-j", "-d", "address", "show", "dev", "base"));
    const messages = dump(host, { type: RTM_GETADDR, fields: bytes(8) });
    for (const address of addr_info as Json[]) {
      const message = messages.find((each) => said(each, "IFA_LOCAL", "IFA_ADDRESS") === address.local);
      if (!message) throw new Error(`No message is about ${address.local}`);
      const derived = { scope: "global is universe", nodad: "a flag", noprefixroute: "a flag" };
      assertEquals(missingLeaves(address, message, [WORDS, { derived }]), []);
    }
    kinds += 1;
  });
  for (const [name, asked, told] of PLAIN) {
    await t.step(name, () => {
      assert(compare(host, asked, told) > 0);
      kinds += 1;
    });
  }
  for (const [index, words] of QDISCS.entries()) {
    await t.step(`a qdisc: ${words}`, () => {
      const dev = `q${index}`;
      host.configure([`link add ${dev} numtxqueues 4 type ifb`, `link set ${dev} up`]);
      host.run("tc", "qdisc", "add", "dev", dev, "root", "handle", "7:", ...words.split(" "));
      const ifindex = String(indexOf(host, dev));
      const same = ({ handle, parent = "root" }: Json, message: Field) =>
        said(message, "tcm_ifindex") === ifindex && said(message, "tcm_handle") === handle &&
        said(message, "tcm_parent") === parent;
      const show = ["tc", "-j", "-s", "-d", "qdisc", "show", "dev", dev];
      kinds += compare(host, { show, type: RTM_GETQDISC, fields: tcmsg(0, 0), same }, [TC_WORDS]) > 0 ? 1 : 0;
      host.configure([`link delete ${dev}`]);
    });
  }
  host.run("tc", "qdisc", "add", "dev", "base", "clsact");
  const base = indexOf(host, "base");
  for (const [index, words] of FILTERS.entries()) {
    await t.step(`a filter: ${words}`, () => {
      const prio = String(index + 1);
      host.run("tc", "filter", "add", "dev", "base", "egress", "prio", prio, ...words.split(" "));
      const show = ["tc", "-j", "-s", "-d", "filter", "show", "dev", "base", "egress", "prio", prio];
      const same = ({ options }: Json, message: Field) =>
        said(message, "tcm_info").startsWith(`pref ${prio} `) &&
        (options === undefined) === (find(message, "tcm_handle")?.value === 0) &&
        (handleOf(options) === undefined || said(message, "tcm_handle") === handleOf(options));
      kinds += compare(host, { show, type: RTM_GETTFILTER, fields: tcmsg(base, 0xfffffff3), same }, [TC_WORDS]) > 1
        ? 1
        : 0;
      // With many, Linux 6.1 leaves out the matchall filter for which a message of the list has no room.
      host.run("tc", "filter", "delete", "dev", "base", "egress", "prio", prio);
    });
  }
  assert(kinds >= 40, `${kinds} kinds`);
});

/** Qdiscs with classes, each with what adds those that do not come with it. */
const CLASSES: Readonly<Record<string, readonly string[]>> = {
  "htb default 30": [
    "7: classid 7:1 htb rate 1mbit",
    "7:1 classid 7:10 htb rate 1kbit",
    "7:1 classid 7:ffff htb rate 1kbit",
  ],
  "hfsc default 1f": ["7: classid 7:1f hfsc sc rate 1mbit"],
  "drr": ["7: classid 7:a drr"],
  "prio bands 16": [],
};

Deno.test("decode() says of each class what tc class show calls it and its parent", async () => {
  await loadModules(["sch_htb", "sch_hfsc", "sch_drr"]);
  using host = new Host();
  host.configure(["link add c0 type ifb", "link set c0 up"]);
  for (const [words, classes] of Object.entries(CLASSES)) {
    host.run("tc", "qdisc", "replace", "dev", "c0", "root", "handle", "7:", ...words.split(" "));
    for (const each of classes) host.run("tc", "class", "add", "dev", "c0", "parent", ...each.split(" "));
    const lines = host.run("tc", "class", "show", "dev", "c0").trim().split("\n");
    const shown = lines.map((line) => /^class \w+ \S+ (?:root|parent \S+)/.exec(line)?.[0]);
    const fields = tcmsg(indexOf(host, "c0"), 0);
    const decoded = dump(host, { type: RTM_GETTCLASS, fields }).map((message) => {
      const parent = said(message, "tcm_parent");
      const where = parent === "root" ? parent : `parent ${parent}`;
      return `class ${said(message, "TCA_KIND")} ${said(message, "tcm_handle")} ${where}`;
    });
    assert(shown.length > classes.length - 1 && decoded.length > 0, words);
    assertEquals(decoded.toSorted(), shown.toSorted(), words);
    host.run("tc", "qdisc", "delete", "dev", "c0", "root");
  }
});
