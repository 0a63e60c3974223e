// The tree of a message as the second decoder sees it; see reference_decoder.
import { afterEcho, isExtended } from "./reference_decoder.ts";
import { type Attribute, need, Reader } from "./reference_reader.ts";

type Value = number | bigint | string | Uint8Array;

/** What is compared of a tree. */
export interface Node {
  kernelName: string;
  offset: number;
  length: number;
  attributeType?: number;
  value?: Value;
  fields?: Node[];
}

/** A struct's fields: the kernel's names, each with its bytes, negative where it is signed. */
type Struct = readonly (readonly [kernelName: string, bytes: number])[];

const HEADER: Struct = [["nlmsg_len", 4], ["nlmsg_type", 2], ["nlmsg_flags", 2], ["nlmsg_seq", 4], ["nlmsg_pid", 4]];
const BODIES: Readonly<Record<string, Struct>> = {
  qdisc: [["tcm_family", 1], ["tcm__pad1", 1], ["tcm__pad2", 2], ["tcm_ifindex", -4], ["tcm_handle", 4], [
    "tcm_parent",
    4,
  ], ["tcm_info", 4]],
  link: [["ifi_family", 1], ["__ifi_pad", 1], ["ifi_type", 2], ["ifi_index", -4], ["ifi_flags", 4], ["ifi_change", 4]],
  route: [
    ["rtm_family", 1],
    ["rtm_dst_len", 1],
    ["rtm_src_len", 1],
    ["rtm_tos", 1],
    ["rtm_table", 1],
    [
      "rtm_protocol",
      1,
    ],
    ["rtm_scope", 1],
    ["rtm_type", 1],
    ["rtm_flags", 4],
  ],
};
const QUEUE: Struct = [["qlen", 4], ["backlog", 4], ["drops", 4], ["requeues", 4], ["overlimits", 4]];
const OLD: Struct = [["bytes", 8], ["packets", 4], ["drops", 4], ["overlimits", 4], ["bps", 4], ["pps", 4], [
  "qlen",
  4,
], ["backlog", 4]];
const MIRRED_PARMS: Struct = [["index", 4], ["capab", 4], ["action", -4], ["refcnt", -4], ["bindcnt", -4], [
  "eaction",
  -4,
], ["ifindex", 4]];
const TIMES: Struct = [["install", 8], ["lastuse", 8], ["expires", 8], ["firstuse", 8]];
const PLUG: Struct = [["action", -4], ["limit", 4]];

const FLOWER_NAMES =
  "UNSPEC CLASSID INDEV ACT KEY_ETH_DST KEY_ETH_DST_MASK KEY_ETH_SRC KEY_ETH_SRC_MASK KEY_ETH_TYPE KEY_IP_PROTO KEY_IPV4_SRC KEY_IPV4_SRC_MASK KEY_IPV4_DST KEY_IPV4_DST_MASK KEY_IPV6_SRC KEY_IPV6_SRC_MASK KEY_IPV6_DST KEY_IPV6_DST_MASK KEY_TCP_SRC KEY_TCP_DST KEY_UDP_SRC KEY_UDP_DST FLAGS KEY_VLAN_ID KEY_VLAN_PRIO KEY_VLAN_ETH_TYPE KEY_ENC_KEY_ID KEY_ENC_IPV4_SRC KEY_ENC_IPV4_SRC_MASK KEY_ENC_IPV4_DST KEY_ENC_IPV4_DST_MASK KEY_ENC_IPV6_SRC KEY_ENC_IPV6_SRC_MASK KEY_ENC_IPV6_DST KEY_ENC_IPV6_DST_MASK KEY_TCP_SRC_MASK KEY_TCP_DST_MASK KEY_UDP_SRC_MASK KEY_UDP_DST_MASK KEY_SCTP_SRC_MASK KEY_SCTP_DST_MASK KEY_SCTP_SRC KEY_SCTP_DST KEY_ENC_UDP_SRC_PORT KEY_ENC_UDP_SRC_PORT_MASK KEY_ENC_UDP_DST_PORT KEY_ENC_UDP_DST_PORT_MASK KEY_FLAGS KEY_FLAGS_MASK KEY_ICMPV4_CODE KEY_ICMPV4_CODE_MASK KEY_ICMPV4_TYPE KEY_ICMPV4_TYPE_MASK KEY_ICMPV6_CODE KEY_ICMPV6_CODE_MASK KEY_ICMPV6_TYPE KEY_ICMPV6_TYPE_MASK KEY_ARP_SIP KEY_ARP_SIP_MASK KEY_ARP_TIP KEY_ARP_TIP_MASK KEY_ARP_OP KEY_ARP_OP_MASK KEY_ARP_SHA KEY_ARP_SHA_MASK KEY_ARP_THA KEY_ARP_THA_MASK KEY_MPLS_TTL KEY_MPLS_BOS KEY_MPLS_TC KEY_MPLS_LABEL KEY_TCP_FLAGS KEY_TCP_FLAGS_MASK KEY_IP_TOS KEY_IP_TOS_MASK KEY_IP_TTL KEY_IP_TTL_MASK KEY_CVLAN_ID KEY_CVLAN_PRIO KEY_CVLAN_ETH_TYPE KEY_ENC_IP_TOS KEY_ENC_IP_TOS_MASK KEY_ENC_IP_TTL KEY_ENC_IP_TTL_MASK KEY_ENC_OPTS KEY_ENC_OPTS_MASK IN_HW_COUNT KEY_PORT_SRC_MIN KEY_PORT_SRC_MAX KEY_PORT_DST_MIN KEY_PORT_DST_MAX KEY_CT_STATE KEY_CT_STATE_MASK KEY_CT_ZONE KEY_CT_ZONE_MASK KEY_CT_MARK KEY_CT_MARK_MASK KEY_CT_LABELS KEY_CT_LABELS_MASK KEY_MPLS_OPTS KEY_HASH KEY_HASH_MASK KEY_NUM_OF_VLANS";

/** What an attribute holds: a string, a number, a struct, attributes, or bytes where nothing is said. */
type Holds = "string" | "number" | Struct | Nest;

interface Nest {
  prefix: string;
  names: string;
  holds: Readonly<Record<string, Holds>>;
  /** What all the others hold. */
  rest?: Holds;
}

const STATS: Nest = {
  prefix: "TCA_STATS_",
  names: "UNSPEC BASIC RATE_EST QUEUE APP RATE_EST64 PAD BASIC_HW PKT64",
  holds: {
    BASIC: [["bytes", 8], ["packets", 4]],
    BASIC_HW: [["bytes", 8], ["packets", 4]],
    RATE_EST: [["bps", 4], ["pps", 4]],
    RATE_EST64: [["bps", 8], ["pps", 8]],
    QUEUE,
    PKT64: "number",
  },
};
const MIRRED: Nest = {
  prefix: "TCA_MIRRED_",
  names: "UNSPEC TM PARMS PAD BLOCKID",
  holds: { TM: TIMES, PARMS: MIRRED_PARMS },
};
const ACTION: Nest = {
  prefix: "TCA_ACT_",
  names: "UNSPEC KIND OPTIONS INDEX STATS PAD COOKIE FLAGS HW_STATS USED_HW_STATS IN_HW_COUNT",
  holds: { KIND: "string", INDEX: "number", STATS, IN_HW_COUNT: "number" },
};
const ACTIONS: Nest = { prefix: "TCA_ACT_", names: "TAB", holds: { TAB: ACTION }, rest: ACTION };
const FLOWER: Nest = {
  prefix: "TCA_FLOWER_",
  names: FLOWER_NAMES,
  holds: { ACT: ACTIONS, KEY_IP_PROTO: "number", KEY_VLAN_ID: "number", FLAGS: "number", IN_HW_COUNT: "number" },
};
/** What options hold, by the kind that stands before them. */
const OPTIONS: Readonly<Record<string, Holds>> = { plug: PLUG, flower: FLOWER, mirred: MIRRED };
const SPACES: Readonly<Record<string, Nest>> = {
  qdisc: {
    prefix: "TCA_",
    names:
      "UNSPEC KIND OPTIONS STATS XSTATS RATE FCNT STATS2 STAB PAD DUMP_INVISIBLE CHAIN HW_OFFLOAD INGRESS_BLOCK EGRESS_BLOCK DUMP_FLAGS EXT_WARN_MSG",
    holds: {
      KIND: "string",
      STATS: OLD,
      STATS2: STATS,
      CHAIN: "number",
      HW_OFFLOAD: "number",
      INGRESS_BLOCK: "number",
      EGRESS_BLOCK: "number",
      EXT_WARN_MSG: "string",
    },
  },
  link: {
    prefix: "IFLA_",
    names:
      "UNSPEC ADDRESS BROADCAST IFNAME MTU LINK QDISC STATS COST PRIORITY MASTER WIRELESS PROTINFO TXQLEN MAP WEIGHT OPERSTATE LINKMODE LINKINFO NET_NS_PID IFALIAS NUM_VF VFINFO_LIST STATS64 VF_PORTS PORT_SELF AF_SPEC GROUP NET_NS_FD EXT_MASK PROMISCUITY NUM_TX_QUEUES NUM_RX_QUEUES CARRIER PHYS_PORT_ID CARRIER_CHANGES PHYS_SWITCH_ID LINK_NETNSID PHYS_PORT_NAME PROTO_DOWN GSO_MAX_SEGS GSO_MAX_SIZE PAD XDP EVENT NEW_NETNSID IF_NETNSID CARRIER_UP_COUNT CARRIER_DOWN_COUNT NEW_IFINDEX MIN_MTU MAX_MTU PROP_LIST ALT_IFNAME PERM_ADDRESS PROTO_DOWN_REASON PARENT_DEV_NAME PARENT_DEV_BUS_NAME GRO_MAX_SIZE TSO_MAX_SIZE TSO_MAX_SEGS ALLMULTI DEVLINK_PORT GSO_IPV4_MAX_SIZE GRO_IPV4_MAX_SIZE DPLL_PIN MAX_PACING_OFFLOAD_HORIZON",
    holds: {
      IFNAME: "string",
      QDISC: "string",
      IFALIAS: "string",
      MTU: "number",
      LINK: "number",
      MASTER: "number",
      TXQLEN: "number",
      GSO_MAX_SIZE: "number",
      LINKINFO: {
        prefix: "IFLA_INFO_",
        names: "UNSPEC KIND DATA XSTATS SLAVE_KIND SLAVE_DATA",
        holds: { KIND: "string" },
      },
    },
  },
  route: {
    prefix: "RTA_",
    names:
      "UNSPEC DST SRC IIF OIF GATEWAY PRIORITY PREFSRC METRICS MULTIPATH PROTOINFO FLOW CACHEINFO SESSION MP_ALGO TABLE MARK MFC_STATS VIA NEWDST PREF ENCAP_TYPE ENCAP EXPIRES PAD UID TTL_PROPAGATE IP_PROTO SPORT DPORT NH_ID",
    holds: { OIF: "number", PRIORITY: "number", TABLE: "number" },
  },
  answer: {
    prefix: "NLMSGERR_ATTR_",
    names: "UNUSED MSG OFFS COOKIE POLICY MISS_TYPE MISS_NEST",
    holds: {
      MSG: "string",
      OFFS: "number",
      MISS_TYPE: "number",
      MISS_NEST: "number",
      POLICY: {
        prefix: "NL_POLICY_TYPE_ATTR_",
        names:
          "UNSPEC TYPE MIN_VALUE_S MAX_VALUE_S MIN_VALUE_U MAX_VALUE_U MIN_LENGTH MAX_LENGTH POLICY_IDX POLICY_MAXTYPE BITFIELD32_MASK PAD MASK",
        holds: { UNSPEC: [] },
        rest: "number",
      },
    },
  },
};

const NAMES = new Map<Nest, string[]>();

function nameOf(nest: Nest, type: number): string {
  const names = NAMES.get(nest) ?? nest.names.split(" ");
  NAMES.set(nest, names);
  return names[type] ?? String(type);
}

/** The tree of the message at the start of `bytes`. */
export function readTree(bytes: Uint8Array): Node {
  const reader = new Reader(bytes);
  const length = reader.message(0, bytes.length);
  const fields = structNodes(reader, 0, HEADER);
  fields.push(...bodyNodes(reader, length));
  return { kernelName: "struct nlmsghdr", offset: 0, length, fields };
}

function aboutOf(type: number): string | undefined {
  if ((type >= 36 && type <= 38) || (type >= 44 && type <= 46)) return "qdisc";
  if (type >= 16 && type <= 18) return "link";
  return type >= 24 && type <= 26 ? "route" : undefined;
}

function bodyNodes(reader: Reader, end: number): Node[] {
  const type = reader.u16(4);
  if (type === 2) return errorNodes(reader, end);
  if (type === 3) return doneNodes(reader, end);
  const about = aboutOf(type);
  if (about === undefined) return restNodes(reader, 16, end);
  const size = sizeOf(BODIES[about]);
  need(0, end, 16 + size);
  return [
    ...structNodes(reader, 16, BODIES[about]),
    ...attributeNodes(reader, 16 + size, end, new Context(SPACES[about])),
  ];
}

function errorNodes(reader: Reader, end: number): Node[] {
  need(0, end, 36);
  const from = Math.min(afterEcho(reader, 0, end), end);
  const request: Node = { kernelName: "msg", offset: 20, length: from - 20, fields: echoNodes(reader, from) };
  return [...structNodes(reader, 16, [["error", -4]]), request, ...answerNodes(reader, from, end)];
}

function doneNodes(reader: Reader, end: number): Node[] {
  if (end < 20) return restNodes(reader, 16, end);
  return [...structNodes(reader, 16, [["error", -4]]), ...answerNodes(reader, 20, end)];
}

function answerNodes(reader: Reader, from: number, end: number): Node[] {
  if (!isExtended(reader, 0)) return restNodes(reader, from, end);
  return attributeNodes(reader, from, end, new Context(SPACES.answer));
}

function echoNodes(reader: Reader, end: number): Node[] {
  const nodes = structNodes(reader, 20, HEADER);
  const about = aboutOf(reader.u16(24));
  const size = about === undefined ? 0 : sizeOf(BODIES[about]);
  if (about === undefined || end - 36 < size) return [...nodes, ...restNodes(reader, 36, end)];
  nodes.push(...structNodes(reader, 36, BODIES[about]));
  try {
    return [...nodes, ...attributeNodes(reader, 36 + size, end, new Context(SPACES[about]))];
  } catch {
    return [...nodes, ...restNodes(reader, 36 + size, end)];
  }
}

function sizeOf(struct: Struct): number {
  return struct.reduce((size, [, bytes]) => size + Math.abs(bytes), 0);
}

function structNodes(reader: Reader, from: number, struct: Struct): Node[] {
  let offset = from;
  return struct.map(([kernelName, bytes]) => {
    const length = Math.abs(bytes);
    const value = bytes < 0 ? reader.s32(offset) : numberAt(reader, offset, length);
    offset += length;
    return { kernelName, offset: offset - length, length, value };
  });
}

function numberAt(reader: Reader, at: number, length: number): number | bigint {
  if (length === 1) return reader.u8(at);
  if (length === 2) return reader.u16(at);
  return length === 4 ? reader.u32(at) : reader.u64(at);
}

function restNodes(reader: Reader, from: number, end: number): Node[] {
  return from < end ? [bytesNode(reader, from, end)] : [];
}

function bytesNode(reader: Reader, from: number, end: number): Node {
  return { kernelName: "", offset: from, length: end - from, value: reader.bytes.slice(from, end) };
}

/** A list of attributes being read, and the kind that it has named so far. */
class Context {
  readonly nest: Nest;
  kind = "";

  constructor(nest: Nest) {
    this.nest = nest;
  }
}

function attributeNodes(reader: Reader, from: number, end: number, context: Context): Node[] {
  const nodes: Node[] = [];
  for (let at = from; at < end;) {
    const attribute = reader.attribute(at, end);
    nodes.push(attributeNode(reader, attribute, context));
    if ((attribute.end - attribute.at) % 4 !== 0) nodes.push(bytesNode(reader, attribute.end, attribute.next));
    at = attribute.next;
  }
  return nodes;
}

function attributeNode(reader: Reader, attribute: Attribute, context: Context): Node {
  const { at, start, end, rawType, type } = attribute;
  const name = nameOf(context.nest, type);
  const node: Node = {
    kernelName: context.nest.prefix + name,
    offset: at,
    length: end - at,
    attributeType: rawType,
  };
  const hasKind = context.nest === SPACES.qdisc || context.nest === ACTION;
  if (hasKind && name === "KIND") context.kind = reader.text(attribute);
  let holds: Holds | undefined = Object.hasOwn(context.nest.holds, name) ? context.nest.holds[name] : undefined;
  if (holds === undefined && (Number(name) !== type || context.nest === ACTIONS)) holds = context.nest.rest;
  if (hasKind && name === "OPTIONS") {
    holds = Object.hasOwn(OPTIONS, context.kind) ? OPTIONS[context.kind] : undefined;
  }
  return { ...node, ...contents(reader, attribute, holds ?? "bytes") };

  function contents(reader: Reader, attribute: Attribute, holds: Holds | "bytes"): Partial<Node> {
    const size = end - start;
    if (holds === "string") return { value: exactText(reader, attribute) };
    if (holds === "number" && [1, 2, 4, 8].includes(size)) return { value: numberAt(reader, start, size) };
    if (Array.isArray(holds) && holds.length > 0 && size >= sizeOf(holds)) {
      return { fields: [...structNodes(reader, start, holds), ...restNodes(reader, start + sizeOf(holds), end)] };
    }
    if (typeof holds === "object" && "prefix" in holds) {
      return { fields: attributeNodes(reader, start, end, new Context(holds)) };
    }
    return { value: reader.bytes.slice(start, end) };
  }
}

/** The string, where it and one NUL are all that there is; else the bytes. */
function exactText(reader: Reader, { start, end }: Attribute): Value {
  const bytes = reader.bytes.slice(start, end);
  if (bytes.indexOf(0) !== bytes.length - 1 || bytes.length === 0) return bytes;
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, -1));
  return text.includes("\ufffd") ? bytes : text;
}
