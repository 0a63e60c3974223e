import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  decode,
  decodeAll,
  DecodeError,
  type Field,
  fieldAt,
  formatMessage,
  formatSummary,
  numberNamed,
  ROUTE_FAMILY,
} from "../../codec/family.ts";
import { attribute, concat, FAMILY, IFINFOMSG, message, TCMSG, text, wideWords, words } from "./bytes.ts";
import { CAPTURED, REPLIES, REQUESTS } from "./captured.ts";

/** A tree as lines: depth, offset, length, name, value, meaning. */
function drawn(field: Field, depth = 0): string[] {
  const value = field.value instanceof Uint8Array ? field.value.toHex() : field.value;
  const line = [field.offset, field.length, field.name, value, field.meaning].filter((part) => part !== undefined);
  const inner = field.fields?.flatMap((each) => drawn(each, depth + 1)) ?? [];
  return [`${"  ".repeat(depth)}${line.join(" ")}`.trimEnd(), ...inner];
}

/** The field of this kernel name. */
function find(field: Field, kernelName: string): Field | undefined {
  if (field.kernelName === kernelName) return field;
  for (const inner of field.fields ?? []) {
    const found = find(inner, kernelName);
    if (found) return found;
  }
  return undefined;
}

Deno.test("decode() draws a captured request field by field", () => {
  assertEquals(drawn(decode(REQUESTS[8].bytes)), [
    "0 60 message",
    "  0 4 len 60",
    "  4 2 type 36 RTM_NEWQDISC",
    "  6 2 flags 1541 REQUEST|ACK|EXCL|CREATE",
    "  8 4 sequence 1795240347",
    "  12 4 portId 3258989723",
    "  16 1 family 0 AF_UNSPEC",
    "  17 1 pad1 0",
    "  18 2 pad2 0",
    "  20 4 ifindex 1",
    "  24 4 handle 0 0:",
    "  28 4 parent 4294967295 root",
    "  32 4 info 0",
    "  36 9 KIND plug",
    "  45 3 padding 000000",
    "  48 12 OPTIONS",
    "    52 4 action 3 TCQ_PLUG_LIMIT",
    "    56 4 limit 32768",
  ]);
});

Deno.test("decode() says all of a class, and of a qdisc whose handle has a minor number", () => {
  for (const type of [36, 40]) {
    const handles = [0x10000, 0x10010, 0x1ffff, 0x80010001, 0].map((handle) => {
      const tree = decode(message(type, 0, words(0, 3, handle, 0x10001, 0)));
      return find(tree, "tcm_handle")?.meaning;
    });
    assertEquals(handles, ["1:", "1:10", "1:ffff", "8001:1", "0:"]);
  }
});

Deno.test("decode() draws every attribute of a qdisc", () => {
  assertEquals(drawn(decode(FAMILY["every attribute of a qdisc"])).slice(13), [
    "  36 8 KIND tbf",
    "  44 20 OPTIONS",
    "    48 16 TBF_PARMS",
    "      52 12 rate",
    "        52 1 cell_log 1",
    "        53 1 linklayer 0 TC_LINKLAYER_UNAWARE",
    "        54 2 overhead 0",
    "        56 2 cell_align 2",
    "        58 2 mpu 0",
    "        60 4 rate 3",
    "  64 8 XSTATS 05000000",
    "  72 8 RATE",
    "    76 1 interval 6",
    "    77 1 ewma_log 0",
    "    78 2 rest 0000",
    "  80 8 FCNT 7",
    "  88 92 STATS2",
    "    92 20 STATS_BASIC",
    "      96 8 bytes 4294967301",
    "      104 4 packets 11",
    "      108 4 pad 00000000",
    "    112 12 STATS_RATE_EST",
    "      116 4 bps 8",
    "      120 4 pps 9",
    "    124 24 STATS_QUEUE",
    "      128 4 qlen 1",
    "      132 4 backlog 2",
    "      136 4 drops 3",
    "      140 4 requeues 4",
    "      144 4 overlimits 5",
    "    148 20 STATS_RATE_EST64",
    "      152 8 bps 1",
    "      160 8 pps 2",
    "    168 12 STATS_PKT64 77",
    "  180 44 STATS",
    "    184 8 bytes 99",
    "    192 4 packets 21",
    "    196 4 drops 22",
    "    200 4 overlimits 23",
    "    204 4 bps 24",
    "    208 4 pps 25",
    "    212 4 qlen 26",
    "    216 4 backlog 27",
    "    220 4 pad 00000000",
    "  224 40 STAB",
    "    228 28 STAB_BASE",
    "      232 1 cell_log 1",
    "      233 1 size_log 0",
    "      234 2 cell_align 0",
    "      236 4 overhead 2",
    "      240 4 linklayer 3",
    "      244 4 mpu 4",
    "      248 4 mtu 5",
    "      252 4 tsize 6",
    "    256 8 STAB_DATA",
    "      260 2 [0] 1",
    "      262 2 [1] 2",
    "  264 4 PAD",
    "  268 4 DUMP_INVISIBLE  set",
    "  272 8 CHAIN 12",
    "  280 5 HW_OFFLOAD 1",
    "  285 3 padding 000000",
    "  288 8 INGRESS_BLOCK 14",
    "  296 8 EGRESS_BLOCK 15",
    "  304 23 EXT_WARN_MSG Warning: it is hot",
    "  327 1 padding 00",
  ]);
});

Deno.test("decode() says the text of a string without NUL and keeps its bytes, which encode() gives back", () => {
  const tree = decode(FAMILY["link of strings without NUL"]);
  assertEquals(drawn(tree).slice(12).filter((line) => !line.includes("padding")), [
    '  32 8 IFNAME 6c616e30 "lan0"',
    '  40 14 IFALIAS 746f205ac3bc72696368 "to Zürich"',
    '  56 11 QDISC 66710000000000 "fq"',
    "  68 10 PHYS_PORT_NAME 701b5b33316d",
    "  80 8 ALT_IFNAME 61006200",
    "  88 4 PARENT_DEV_NAME",
    "  92 24 LINKINFO",
    '    96 8 INFO_KIND 766c616e "vlan"',
    "    104 12 INFO_DATA",
    "      108 8 VLAN_ID 5",
  ]);
  assertMatch(formatMessage(tree), /IFLA_IFNAME +"lan0"\n.*IFLA_IFALIAS +"to Zürich"\n.*IFLA_QDISC +"fq"\n/);
  assertMatch(formatMessage(tree), /PHYS_PORT_NAME +701b5b33316d\n.*ALT_IFNAME +61006200\n.*PARENT_DEV_NAME +empty\n/);
  assertMatch(formatSummary(tree), / IFNAME "lan0" INFO_KIND "vlan"$/);
});

Deno.test("decode() names what is configured of a device for IPv4 and IPv6, and leaves other places their numbers", () => {
  const counted = Array.from({ length: 62 }, (_, index) => index);
  const inet = attribute(2, attribute(1, words(...counted.slice(0, 35))));
  const wide = wideWords(...counted.slice(0, 8).map(BigInt));
  const inet6 = attribute(
    10,
    attribute(1, words(0x80000050)),
    attribute(2, words(...counted)),
    attribute(3, wide),
    attribute(6, wide),
  );
  const tree = decode(message(16, 0, IFINFOMSG, attribute(26, inet, inet6)));
  assertEquals(find(tree, "IFLA_INET6_FLAGS")?.meaning, "RS_SENT|RA_MANAGED|READY");
  const names = (list: string) => find(tree, list)?.fields?.map(({ kernelName, name }) => kernelName || name) ?? [];
  const [inet4Names, inet6Names] = [names("IFLA_INET_CONF"), names("IFLA_INET6_CONF")];
  const all = [inet4Names, inet6Names, names("IFLA_INET6_STATS"), names("IFLA_INET6_ICMP6STATS")];
  assertEquals(all.map((list) => [list[0], list[7], ...list.slice(-2)]), [
    ["IPV4_DEVCONF_FORWARDING", "IPV4_DEVCONF_RP_FILTER", "[33]", "[34]"],
    ["DEVCONF_FORWARDING", "DEVCONF_RTR_SOLICITS", "[60]", "[61]"],
    ["IPSTATS_MIB_NUM", "[7]", "[6]", "[7]"],
    ["ICMP6_MIB_NUM", "[7]", "ICMP6_MIB_RATELIMITHOST", "[7]"],
  ]);
  // The numbers themselves are compared with the kernel's headers
  for (const place of counted.slice(0, 33)) assertEquals(numberNamed(inet4Names[place], ROUTE_FAMILY), place + 1);
  for (const place of counted.slice(0, 60)) assertEquals(numberNamed(inet6Names[place], ROUTE_FAMILY), place);
  assertMatch(formatMessage(tree), /DEVCONF_DISABLE_IPV6 +26\n/);
});

Deno.test("decode() draws statistics of hardware apart from those of software", () => {
  const tree = decode(FAMILY["statistics of hardware"]);
  assertEquals(find(tree, "TCA_STATS_BASIC_HW")?.fields?.map(({ value }) => value).slice(0, 2), [4n, 5]);
});

Deno.test("decode() draws a link, with its nest", () => {
  assertEquals(drawn(decode(FAMILY["link"])).slice(6), [
    "  16 1 family 0 AF_UNSPEC",
    "  17 1 pad 0",
    "  18 2 type 1 ARPHRD_ETHER",
    "  20 4 ifindex 3",
    "  24 4 flags 4163 UP|BROADCAST|RUNNING|MULTICAST",
    "  28 4 change 0",
    "  32 10 IFNAME veth0",
    "  42 2 padding 0000",
    "  44 8 MTU 1500",
    "  52 8 LINK 2",
    "  60 12 QDISC noqueue",
    "  72 8 MASTER 8",
    "  80 8 TXQLEN 1000",
    "  88 40 LINKINFO",
    "    92 9 INFO_KIND veth",
    "    101 3 padding 000000",
    "    104 24 INFO_DATA",
    "      108 20 INFO_PEER",
    "        112 1 family 0 AF_UNSPEC",
    "        113 1 pad 0",
    "        114 2 type 1 ARPHRD_ETHER",
    "        116 4 ifindex 3",
    "        120 4 flags 4163 UP|BROADCAST|RUNNING|MULTICAST",
    "        124 4 change 0",
    "  128 21 IFALIAS uplink ünïcode",
    "  149 3 padding 000000",
    "  152 8 GSO_MAX_SIZE 65536",
    "  160 7 99 000000",
    "  167 1 padding 00",
  ]);
});

Deno.test("decode() explains an extended answer by the request that it echoes", () => {
  assertEquals(drawn(decode(FAMILY["refusal with all that there is"])).slice(6), [
    "  16 4 error -22 EINVAL",
    "  20 60 request",
    "    20 4 len 60",
    "    24 2 type 36 RTM_NEWQDISC",
    "    26 2 flags 5 REQUEST|ACK",
    "    28 4 sequence 7",
    "    32 4 portId 9",
    "    36 1 family 0 AF_UNSPEC",
    "    37 1 pad1 0",
    "    38 2 pad2 0",
    "    40 4 ifindex 3",
    "    44 4 handle 65536 1:",
    "    48 4 parent 4294967295 root",
    "    52 4 info 2",
    "    56 9 KIND plug",
    "    65 3 padding 000000",
    "    68 12 OPTIONS",
    "      72 4 action 9",
    "      76 4 limit 0",
    "  80 15 ATTR_MSG Bad action",
    "  95 1 padding 00",
    "  96 8 ATTR_OFFS 52 action",
    "  104 9 ATTR_COOKIE 0102030405",
    "  113 3 padding 000000",
    "  116 36 ATTR_POLICY",
    "    120 8 POLICY_TYPE_ATTR_TYPE 4 NL_ATTR_TYPE_U32",
    "    128 12 POLICY_TYPE_ATTR_MIN_VALUE_U 0",
    "    140 12 POLICY_TYPE_ATTR_MAX_VALUE_U 3",
    "  152 8 ATTR_MISS_TYPE 2 TCA_OPTIONS",
    "  160 8 ATTR_MISS_NEST 36 TCA_KIND",
  ]);
});

Deno.test("decode() points at an attribute of the request, when the offset is that of its header", () => {
  const request = message(36, 5, TCMSG, attribute(1, text("plug")), attribute(2, words(9, 0)));
  const tree = decode(message(2, 0x200, words(-22 >>> 0), request, attribute(2, words(48))));
  assertEquals(find(tree, "NLMSGERR_ATTR_OFFS")?.meaning, "TCA_OPTIONS");
  const far = decode(message(2, 0x200, words(-22 >>> 0), request, attribute(2, words(4711))));
  assertEquals(find(far, "NLMSGERR_ATTR_OFFS")?.meaning, undefined);
});

Deno.test("decode() keeps as bytes what it cannot know: malformed echoes, odd sizes, foreign kinds", () => {
  const echo = find(decode(FAMILY["refusal of nonsense"]), "msg");
  assertEquals(echo?.fields?.at(-1)?.value, new Uint8Array([2, 0, 0, 0]));
  const odd = find(decode(message(36, 2, TCMSG, attribute(11, new Uint8Array(3)))), "TCA_CHAIN");
  assertEquals(odd?.value, new Uint8Array(3));
  const foreign = find(decode(message(36, 2, TCMSG, attribute(1, text("constructor")), attribute(2))), "TCA_OPTIONS");
  assertEquals(foreign?.value, new Uint8Array(0));
});

Deno.test("decode() shows a struct as far as it goes, when its attribute is too short for it", () => {
  const cut = decode(message(36, 2, TCMSG, attribute(1, text("plug")), attribute(2, new Uint8Array([1, 0, 0, 0, 7]))));
  assertEquals(drawn(cut).slice(-4, -1), [
    "  48 9 OPTIONS",
    "    52 4 action 1 TCQ_PLUG_RELEASE_ONE",
    "    56 1 rest 07",
  ]);
});

Deno.test("decode() gives each byte to one field, when all lengths are added up", () => {
  for (const bytes of [...CAPTURED, ...Object.values(FAMILY)]) assertEquals(leafBytes(decode(bytes)), bytes.length);
});

/** The bytes of all fields that hold none, and of the headers of attributes. */
function leafBytes({ length, attributeType, fields }: Field): number {
  if (!fields) return length;
  return fields.reduce((sum, field) => sum + leafBytes(field), attributeType === undefined ? 0 : 4);
}

Deno.test("decodeAll() decodes a run, and says where in it the fault is", () => {
  const run = REPLIES[0].replies[0];
  const messages = decodeAll(run);
  assertEquals(messages.map((each) => find(each, "TCA_KIND")?.value), [
    "noqueue",
    "plug",
    "prio",
    "netem",
    "pfifo",
    "plug",
    "tbf",
    "clsact",
    "noqueue",
    "plug",
  ]);
  const error = assertThrows(() => decodeAll(concat(run, new Uint8Array(3))), DecodeError);
  assertEquals(error.offset, run.length);
});

Deno.test("fieldAt() finds the innermost field, when given any offset", () => {
  const tree = decode(FAMILY["plug change"]);
  const names = [0, 21, 40, 45, 49, 52, 59, 60].map((offset) => fieldAt(tree, offset)?.name);
  assertEquals(names, ["len", "ifindex", "KIND", "padding", "OPTIONS", "action", "limit", undefined]);
});
