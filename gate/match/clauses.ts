import {
  TCA_FLOWER_KEY_ARP_OP,
  TCA_FLOWER_KEY_ARP_OP_MASK,
  TCA_FLOWER_KEY_CT_FLAGS_ESTABLISHED,
  TCA_FLOWER_KEY_CT_FLAGS_NEW,
  TCA_FLOWER_KEY_CT_FLAGS_RELATED,
  TCA_FLOWER_KEY_CT_FLAGS_REPLY,
  TCA_FLOWER_KEY_ICMPV4_CODE,
  TCA_FLOWER_KEY_ICMPV4_CODE_MASK,
  TCA_FLOWER_KEY_ICMPV4_TYPE,
  TCA_FLOWER_KEY_ICMPV4_TYPE_MASK,
  TCA_FLOWER_KEY_ICMPV6_CODE,
  TCA_FLOWER_KEY_ICMPV6_CODE_MASK,
} from "../../codec/numbers.ts";
import { nearest } from "../../plug/nearest.ts";
import { type Prefix, readPrefix } from "./address.ts";
import type { Key } from "../../plug/filter.ts";
import { bits, type Cube, type Field, is, range } from "../../plug/match/cube.ts";
import { cubeOf } from "../../plug/match/flower.ts";
import * as fields from "../../plug/match/fields.ts";
import {
  all,
  type End,
  ETHER_TYPES,
  field,
  FRAGMENT,
  inBoth,
  IPV4,
  IPV6,
  MACS,
  PROTOCOLS,
  TCP_FLAGS,
  type TcpFlag,
  TOS,
  TTL,
  VLAN_ID,
} from "../../plug/match/fields.ts";
import { bytes } from "../../plug/match/packet.ts";
import { readPorts } from "./services.ts";
import { type Reader, wholeNumber, type Word } from "./reader.ts";

/** A word of the match language, with all that belongs to it. */
interface ClauseBase {
  /** The words that begin it. */
  readonly words: readonly string[];
  /** How it is written, for the docs: `port N`. */
  readonly syntax: string;
  /** What it means, for the docs. */
  readonly meaning: string;
  /** An expression with it. */
  readonly example: string;
  /** What it looks at. */
  readonly fields: readonly Field[];
}

/** One that says something of the source, of the destination, or where neither is named of one of them. */
export interface EndClause extends ClauseBase {
  /** Reads what follows the word. Returns what it means at an end. */
  readonly ofEnd: (reader: Reader, word: Word) => (end: End) => Cube[];
}

/** Any other. */
export interface PlainClause extends ClauseBase {
  /** Reads what follows the word. Returns what it means: packets that are in one of the cubes. */
  readonly read: (reader: Reader, word: Word) => Cube[];
}

/** A row of the table. */
export type Clause = EndClause | PlainClause;

const VLAN_MAX = 4094;
const ETH_P_8021Q = 0x8100;

const MAC = /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i;

function inTransport(at: number, protocol: "icmp" | "icmp6"): Pick<Field, "bytes" | "read" | "tcpdump"> {
  return {
    bytes: 1,
    tcpdump: (wanted) => fields.tested(`${protocol}[${at}]`, wanted),
    read: (packet) => fields.inTransport(packet, at, 1),
  };
}

const ICMP_FIELDS = {
  icmp: {
    type: field("ICMP type", [TCA_FLOWER_KEY_ICMPV4_TYPE, TCA_FLOWER_KEY_ICMPV4_TYPE_MASK], inTransport(0, "icmp")),
    code: field("ICMP code", [TCA_FLOWER_KEY_ICMPV4_CODE, TCA_FLOWER_KEY_ICMPV4_CODE_MASK], inTransport(1, "icmp")),
  },
  icmp6: {
    type: fields.ICMP6_TYPE,
    code: field("ICMPv6 code", [TCA_FLOWER_KEY_ICMPV6_CODE, TCA_FLOWER_KEY_ICMPV6_CODE_MASK], inTransport(1, "icmp6")),
  },
};
/** `ICMP_*` of `linux/icmp.h`, `ICMPV6_*` and `NDISC_*`. */
const ICMP_TYPES = {
  icmp: { "echo-reply": 0, unreachable: 3, redirect: 5, echo: 8, "time-exceeded": 11 },
  icmp6: {
    unreachable: 1,
    "packet-too-big": 2,
    "time-exceeded": 3,
    echo: 128,
    "echo-reply": 129,
    "router-solicitation": 133,
    "router-advertisement": 134,
    "neighbor-solicitation": 135,
    "neighbor-advertisement": 136,
    redirect: 137,
  },
};

/** Of Ethernet and IPv4 flower knows these two alone. */
const ARP_OPS = { request: 1, reply: 2 };
const ARP_OP = field("ARP operation", [TCA_FLOWER_KEY_ARP_OP, TCA_FLOWER_KEY_ARP_OP_MASK], {
  bytes: 1,
  tcpdump: (wanted) => fields.tested("arp[7]", wanted),
  read: ({ frame, network, etherType }) => etherType === ETHER_TYPES.arp ? bytes(frame, network + 7, 1) : undefined,
});

/** The states of a connection by the words of nft and iptables, where these have them. */
const CT_STATES = {
  new: TCA_FLOWER_KEY_CT_FLAGS_NEW,
  established: TCA_FLOWER_KEY_CT_FLAGS_ESTABLISHED,
  related: TCA_FLOWER_KEY_CT_FLAGS_RELATED,
  reply: TCA_FLOWER_KEY_CT_FLAGS_REPLY,
};

const DSCP_TEXT = "a number from 0 to 63, or ef, af11 to af43, cs0 to cs7";
/** The names of RFC 2474, 2597 and 3246. */
const DSCP: Readonly<Record<string, number>> = Object.fromEntries([
  ["ef", 46],
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((precedence) => [`cs${precedence}`, 8 * precedence]),
  ...[1, 2, 3, 4].flatMap((each) => [1, 2, 3].map((drop) => [`af${each}${drop}`, 8 * each + 2 * drop])),
]);

const ADDRESS_FIELDS = [fields.ADDRESSES.src, fields.ADDRESSES.dst].flatMap((sizes) => [...sizes[4], ...sizes[16]])
  .map(({ field }) => field);

/** IP protocols that `proto` knows by name and that are no words by themselves, as in `/etc/protocols`. */
const MORE_PROTOCOLS = {
  ipip: 4,
  egp: 8,
  dccp: 33,
  ipv6: 41,
  rsvp: 46,
  gre: 47,
  eigrp: 88,
  ospf: 89,
  l2tp: 115,
  udplite: 136,
};

/** Every word of the language, in the order of the docs. */
export const CLAUSES: readonly Clause[] = [
  {
    words: ["ip", "ip6", "arp", "rarp"],
    syntax: "ip, ip6, arp, rarp, arp op request, arp op reply",
    meaning: "IPv4, IPv6, ARP or RARP; of ARP the questions or the answers",
    example: "ip6",
    fields: [fields.ETHER_TYPE, ARP_OP],
    read: (reader, { text }) => {
      const type = is(fields.ETHER_TYPE, ETHER_TYPES[text as keyof typeof ETHER_TYPES]);
      if (text !== "arp" || !reader.takeIf("op")) return [type];
      return [all(type, is(ARP_OP, oneOf(ARP_OPS, reader)))];
    },
  },
  {
    words: ["tcp", "udp", "sctp", "esp", "ah", "pim"],
    syntax: "tcp, udp, sctp, esp, ah, pim",
    meaning: "This protocol, over IPv4 and over IPv6",
    example: "udp",
    fields: [fields.PROTOCOL],
    read: (_, { text }) => inBoth(is(fields.PROTOCOL, PROTOCOLS[text as keyof typeof PROTOCOLS])),
  },
  {
    words: ["igmp", "vrrp"],
    syntax: "igmp, vrrp",
    meaning: "This protocol, over IPv4",
    example: "igmp",
    fields: [fields.PROTOCOL],
    read: (_, { text }) => [all(IPV4, is(fields.PROTOCOL, PROTOCOLS[text as keyof typeof PROTOCOLS]))],
  },
  {
    words: ["icmp", "icmp6"],
    syntax: "icmp, icmp6, icmp type N, icmp code N",
    meaning: "ICMP over IPv4, ICMPv6 over IPv6; of a type or a code, by number or name: `echo`, `echo-reply`, " +
      "`unreachable`, `time-exceeded`, `redirect`; of ICMPv6 also `packet-too-big`, `neighbor-solicitation` and the like",
    example: "icmp type echo",
    fields: [...Object.values(ICMP_FIELDS.icmp), ...Object.values(ICMP_FIELDS.icmp6)],
    read: (reader, { text }) => [all(...icmp(reader, text as "icmp" | "icmp6"))],
  },
  {
    words: ["proto"],
    syntax: "proto N",
    meaning: "The IP protocol with this number or name, over IPv4 and IPv6; `ip proto N` for IPv4 alone",
    example: "ip proto 47",
    fields: [fields.PROTOCOL],
    read: (reader) => {
      const expected = "a protocol's number from 0 to 255, or its name: tcp, udp, gre and so on";
      const word = reader.take(expected);
      const name = word.text.replace(/^\\/, "");
      const names: Readonly<Record<string, number>> = { ...MORE_PROTOCOLS, ...PROTOCOLS };
      const number = Object.hasOwn(names, name) ? names[name] : wholeNumber(name, 255);
      if (number === undefined) {
        throw reader.fault(word, expected, { hint: nearest(name, Object.keys(names)) });
      }
      return inBoth(is(fields.PROTOCOL, number));
    },
  },
  {
    words: ["host"],
    syntax: "[src|dst] host ADDR",
    meaning: "The address of either end, or of the one named: IPv4 (in ARP too, as in tcpdump) or IPv6. " +
      "`ADDR/LEN` is a network",
    example: "ip dst host 10.0.0.1",
    fields: ADDRESS_FIELDS,
    ofEnd: (reader) => {
      const expected = "an IPv4 or IPv6 address, perhaps with /LEN (names are not looked up)";
      const prefix = readPrefix(reader, { word: reader.take(expected), expected });
      return (end) => atAddress(end, prefix);
    },
  },
  {
    words: ["net"],
    syntax: "[src|dst] net ADDR/LEN",
    meaning: "A network of either end, or of the one named; `net 10.1` is `net 10.1.0.0/16`; `mask 255.0.0.0` may " +
      "stand in place of `/8`",
    example: "src net 10.0.0.0/8",
    fields: ADDRESS_FIELDS,
    ofEnd: (reader) => {
      const expected = "a network, as 10.0.0.0/8 or fd00::/64";
      const prefix = readPrefix(reader, { word: reader.take(expected), expected, isNet: true });
      return (end) => atAddress(end, prefix);
    },
  },
  {
    words: ["port", "portrange"],
    syntax: "[src|dst] port N, portrange N-M",
    meaning:
      "The port of either end, or of the one named, of TCP, UDP and SCTP unless one of them is named: a number, a " +
      "range, or a name from `/etc/services`",
    example: "tcp dst port http",
    fields: Object.values(fields.PORTS),
    ofEnd: (reader) => {
      const { first, last, protocols } = readPorts(reader);
      const ported = protocols.flatMap((protocol) => inBoth(is(fields.PROTOCOL, PROTOCOLS[protocol])));
      return (end) => ported.map((cube) => all(cube, range(fields.PORTS[end], first, last)));
    },
  },
  {
    words: Object.keys(TCP_FLAGS),
    syntax: "syn, ack, fin, rst, psh, urg, ece, cwr",
    meaning: "TCP with this flag set; `not ack` for one that must not be set",
    example: "syn and not ack",
    fields: [fields.TCP_FLAGS_FIELD],
    read: (_, { text }) => fields.tcpFlags(TCP_FLAGS[text as TcpFlag], TCP_FLAGS[text as TcpFlag]),
  },
  {
    words: ["flags"],
    syntax: "flags LIST",
    meaning: "TCP with several flags, `!` before those that must not be set",
    example: "tcp flags syn,!ack",
    fields: [fields.TCP_FLAGS_FIELD],
    read: (reader) => readFlags(reader),
  },
  {
    words: ["ether"],
    syntax: "ether [src|dst|host] MAC, ether proto N, ether broadcast, ether multicast",
    meaning: "The MAC address of either end, or of the one named; the EtherType",
    example: "ether dst 02:00:00:00:00:01",
    fields: Object.values(MACS),
    read: (reader) => readEther(reader),
  },
  {
    words: ["broadcast", "multicast"],
    syntax: "broadcast, multicast",
    meaning: "Sent to the broadcast MAC address, or to any group of hosts",
    example: "udp and broadcast",
    fields: [MACS.dst],
    read: (_, { text }) =>
      text === "broadcast" ? [is(MACS.dst, 0xffffffffffffn)] : [bits(MACS.dst, 1n << 40n, 1n << 40n)],
  },
  {
    words: ["vlan"],
    syntax: "vlan, vlan N",
    meaning: "With an 802.1Q tag, of any VLAN or of this one; what stands beside it is looked for behind the tag",
    example: "vlan 12 and tcp",
    fields: [VLAN_ID],
    read: (reader) => {
      const tagged = is(fields.TAGGED, 1);
      if (!/^[0-9]/.test(reader.peek() ?? "")) return [tagged];
      const word = reader.take("");
      const id = wholeNumber(word.text, VLAN_MAX);
      if (id === undefined) throw reader.fault(word, `a VLAN's number from 0 to ${VLAN_MAX}`);
      return [all(tagged, is(VLAN_ID, id))];
    },
  },
  {
    words: ["tos"],
    syntax: "tos N",
    meaning: "The whole byte of IPv4's type of service, of IPv6's traffic class",
    example: "tos 0x10",
    fields: [TOS],
    read: (reader) => inBoth(is(TOS, readNumber(reader, "a type of service from 0 to 255", 255))),
  },
  {
    words: ["ttl"],
    syntax: "ttl N",
    meaning: "IPv4's time to live, IPv6's hop limit",
    example: "ttl 1",
    fields: [TTL],
    read: (reader) => inBoth(is(TTL, readNumber(reader, "a time to live from 0 to 255", 255))),
  },
  {
    words: ["fragment"],
    syntax: "fragment",
    meaning: "A part of a larger IP packet; no other word than those of IP and of MAC addresses sees into one",
    example: "ip and fragment",
    fields: [FRAGMENT],
    read: () => inBoth(bits(FRAGMENT, 1, 1)),
  },
  {
    words: ["mark"],
    syntax: "mark N, mark N/MASK",
    meaning: "The mark that nft, iptables or another program gave the packet, or those of its bits that the mask has",
    example: "mark 7/0xff",
    fields: [fields.MARK],
    read: (reader) => {
      const expected = "a mark from 0 to 0xffffffff, perhaps with /MASK";
      const word = reader.take(expected);
      const [first, second = "0xffffffff", ...more] = word.text.split("/");
      const [value, mask] = [first, second].map((part) => wholeNumber(part, 0xffffffff));
      if (value === undefined || !mask || more.length > 0) throw reader.fault(word, expected);
      return [bits(fields.MARK, value, mask)];
    },
  },
  {
    words: ["ct"],
    syntax: "ct new, ct established, ct related, ct reply",
    meaning:
      "What connection tracking has found of the connection: that this is its first packet, that both ends have " +
      "sent some, that it belongs to another one; of its packets those that answer. For packets that leave",
    example: "tcp and ct new",
    fields: [fields.CT_STATE],
    read: (reader) => {
      const state = oneOf(CT_STATES, reader);
      return [bits(fields.CT_STATE, state, state)];
    },
  },
  {
    words: ["dscp"],
    syntax: "dscp N",
    meaning:
      "The six bits of Differentiated Services, of IPv4 and IPv6: a number, or `ef`, `af11` to `af43`, `cs0` to `cs7`",
    example: "udp and dscp ef",
    fields: [TOS],
    read: (reader) => {
      const word = reader.take(DSCP_TEXT);
      const named = Object.hasOwn(DSCP, word.text) ? DSCP[word.text] : undefined;
      const number = named ?? wholeNumber(word.text, 63);
      if (number === undefined) throw reader.fault(word, DSCP_TEXT, { hint: nearest(word.text, Object.keys(DSCP)) });
      return inBoth(bits(TOS, number << 2, 0xfc));
    },
  },
  {
    words: ["nd"],
    syntax: "nd",
    meaning:
      "Neighbour discovery, by which hosts find each other with IPv6 as by ARP with IPv4: ICMPv6 of types 133 to 137",
    example: "arp or nd",
    fields: [fields.ICMP6_TYPE],
    read: () =>
      [is(fields.ICMP6_TYPE, 133), bits(fields.ICMP6_TYPE, 134, 0xfe), bits(fields.ICMP6_TYPE, 136, 0xfe)]
        .map((types) => all(IPV6, is(fields.PROTOCOL, PROTOCOLS.icmp6), types)),
  },
];

/** All that the words look at, each once; a VLAN tag's type and what is behind it apart. */
export const CLAUSE_FIELDS: readonly Field[] = [...new Set(CLAUSES.flatMap((clause) => clause.fields))]
  .filter(({ attributes }) => attributes !== undefined);

/** The packets that somebody's filter matches; see `cubeOf`. */
export function cubeOfFilter(filter: { protocol: number; keys?: readonly Key[] }): Cube {
  return cubeOf(filter, CLAUSE_FIELDS);
}

/** An address where it stands in IPv4, ARP or IPv6. */
function atAddress(end: End, { address, length }: Prefix): Cube[] {
  const size = address.length === 4 ? 4 : 16;
  const whole = 8n * BigInt(size);
  const mask = (1n << whole) - (1n << whole - BigInt(length));
  const value = address.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
  return fields.ADDRESSES[end][size].map(({ field, family }) => all(family, bits(field, value, mask)));
}

function icmp(reader: Reader, name: "icmp" | "icmp6"): Cube[] {
  const said = [name === "icmp" ? IPV4 : IPV6, is(fields.PROTOCOL, PROTOCOLS[name])];
  for (const what of ["type", "code"] as const) {
    if (!reader.takeIf(what)) continue;
    const types: Readonly<Record<string, number>> = what === "type" ? ICMP_TYPES[name] : {};
    const expected = ["a number from 0 to 255", ...Object.keys(types)].join(", ");
    const word = reader.take(expected);
    const number = Object.hasOwn(types, word.text) ? types[word.text] : wholeNumber(word.text, 255);
    if (number === undefined) throw reader.fault(word, expected, { hint: nearest(word.text, Object.keys(types)) });
    said.push(is(ICMP_FIELDS[name][what], number));
  }
  return said;
}

/** The number of the word that comes next, which must be one of these. */
function oneOf(words: Readonly<Record<string, number>>, reader: Reader): number {
  const expected = Object.keys(words).join(", ").replace(/, (\w+)$/, " or $1");
  const word = reader.take(expected);
  if (Object.hasOwn(words, word.text)) return words[word.text];
  throw reader.fault(word, expected, { hint: nearest(word.text, Object.keys(words)) });
}

function readNumber(reader: Reader, expected: string, most: number): number {
  const word = reader.take(expected);
  const number = wholeNumber(word.text, most);
  if (number === undefined) throw reader.fault(word, expected);
  return number;
}

function readFlags(reader: Reader): Cube[] {
  const list = reader.take("TCP flags, such as syn,!ack");
  const names = Object.keys(TCP_FLAGS);
  let [set, mask, position] = [0, 0, list.position];
  for (const text of list.text.split(",")) {
    const name = text.replace(/^!/, "");
    const here = { text, position };
    if (!Object.hasOwn(TCP_FLAGS, name)) {
      throw reader.fault(here, `${names.slice(0, -1).join(", ")} or ${names.at(-1)}, perhaps with !`, {
        hint: nearest(name, names),
      });
    }
    const bit = TCP_FLAGS[name as TcpFlag];
    if (mask & bit) throw reader.fault(here, `${name} only once`);
    mask |= bit;
    if (!text.startsWith("!")) set |= bit;
    position += text.length + 1;
  }
  return fields.tcpFlags(set, mask);
}

function readEther(reader: Reader): Cube[] {
  const expected = "src, dst or host and a MAC address, proto, broadcast or multicast";
  const word = reader.take(expected);
  switch (word.text) {
    case "broadcast":
      return [is(MACS.dst, 0xffffffffffffn)];
    case "multicast":
      return [bits(MACS.dst, 1n << 40n, 1n << 40n)];
    case "proto":
      return [etherType(readEtherType(reader))];
    case "src":
    case "dst":
      reader.takeIf("host");
      return [is(MACS[word.text], readMac(reader))];
    case "host": {
      const mac = readMac(reader);
      return [is(MACS.src, mac), is(MACS.dst, mac)];
    }
  }
  throw reader.fault(word, expected, {
    hint: nearest(word.text, ["src", "dst", "host", "proto", "broadcast", "multicast"]),
  });
}

function etherType(number: number): Cube {
  return number === ETH_P_8021Q ? is(fields.TAGGED, 1) : is(fields.ETHER_TYPE, number);
}

function readMac(reader: Reader): bigint {
  const expected = "a MAC address, as 02:00:00:00:00:01";
  const word = reader.take(expected);
  if (!MAC.test(word.text)) throw reader.fault(word, expected);
  return BigInt(`0x${word.text.split(":").map((byte) => byte.padStart(2, "0")).join("")}`);
}

function readEtherType(reader: Reader): number {
  const expected = "an EtherType from 0x600 to 0xffff, or ip, ip6, arp, rarp";
  const word = reader.take(expected);
  const name = word.text.replace(/^\\/, "");
  if (Object.hasOwn(ETHER_TYPES, name)) return ETHER_TYPES[name as keyof typeof ETHER_TYPES];
  const number = wholeNumber(name, 0xffff) ?? 0;
  if (number < 0x600) throw reader.fault(word, expected);
  return number;
}
