/** Requests about filters, links and clsact as bytes, and what a kernel answers to them. */

import { assertEquals, assertThrows } from "@std/assert";
import { decode, decodeAll } from "../../codec/family.ts";
import {
  DecodeError,
  encode,
  encodeRequest,
  ETH_P_ALL,
  type FilterMessage,
  type FlowerKeys,
  isFilter,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  readFilter,
  readReceived,
  receiveRegion,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_DELTFILTER,
  RTM_GETLINK,
  RTM_GETTFILTER,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWTFILTER,
  sendRegion,
  type TreeRequest,
  treeRequest,
} from "../../codec/mod.ts";

const EGRESS = 0xfffffff3;
const HANDLE = 0x504c0001;
const NEW = NLM_F_CREATE | NLM_F_EXCL;

function hexOf(request: TreeRequest): string {
  return sendRegion.slice(0, encodeRequest(treeRequest(request), { at: 0, sequence: 7 })).toHex();
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(hex.replaceAll(/\s+/g, ""));
}

/** What `tc` 6.1 and `ip` 6.1 sent, as strace saw it. */
const SENT = [
  `3c000000100005062f75016b00000000 00000000000000000000000000000000 0d000300706c75672d77656200000000
   0c00120007000100 69666200`,
  `38000000100005003075016b00000000 00000000020000000100000001000000 18001400706c756763746c2031206c69
   6d69743d31303030`,
  `30000000240005063175016b00000000 00000000010000000000fffff1ffffff 000000000b000100636c736163740000`,
  `9c0000002c0005063175016b00000000 000000000100000001000000f3ffffff 080000c00b000100666c6f7765720000
   6c000200050009000600000006001300 005000000600470000020000 06004800
   00170000380003003400010 00b000100 6d697272656400002400028020000200
   00000000000000000400000000000000 00000000010000000200000008001600 000000000600080008000000`,
  `e40000002c0005063275016b00000000 000000000100000001000000f3ffffff 86dd02c00b000100666c6f7765720000
   b4000200050009001100000006005700 0050000006005800005a000014000e00 fd000000000000000000000000000000
   14000f00ffffffffffffffff00000000 0000000014001000fd00000000000000 000000000000000114001100ffffffff
   ffffffffffffffffffffffff38000300 340001000b0001006d69727265640000 24000280200002000000000000000000
   04000000000000000000000001000000 02000000080016000000000006000800 86dd0000`,
  `440000002d0005003375016b00000000 000000000100000001000000f3ffffff 86dd02c00b000100666c6f7765720000
   14000200080016000000000006000800 86dd0000`,
  `240000002e0001033375016b00000000 000000000100000000000000f3ffffff 00000000`,
];

for (const [index, hex] of SENT.entries()) {
  Deno.test(`decode() keeps each byte of what tc and ip send, request ${index}`, () => {
    assertEquals(encode(decode(bytesOf(hex))).toHex(), bytesOf(hex).toHex());
  });
}

Deno.test("decode() names a filter's keys, its action and where that leads", () => {
  const [, , , tree] = SENT.map((hex) => decode(bytesOf(hex)));
  const names = JSON.stringify(tree, (name, value) => name === "fields" || name === "kernelName" ? value : value);
  for (const name of ["RTM_NEWTFILTER", "TCA_FLOWER_KEY_TCP_DST", "TCA_ACT_KIND", "TCA_MIRRED_PARMS", "eaction"]) {
    assertEquals(names.includes(name), true, name);
  }
});

const CASES: [name: string, request: TreeRequest, hex: string][] = [
  [
    "a new ifb",
    { type: RTM_NEWLINK, flags: NEW, ifindex: 0, name: "plug-web", kind: "ifb", txqueuelen: 20556 },
    `44000000100005060700000000000000 00000000000000000000000000000000 0d000300706c75672d77656200000000
     08000d004c500000 0c00120008000100 69666200`,
  ],
  [
    "a link's alias, and up",
    { type: RTM_NEWLINK, ifindex: 0, name: "plug-web", alias: "abc", up: true },
    `38000000100005000700000000000000 00000000000000000100000001000000 0d000300706c75672d77656200000000
     0800140061626300`,
  ],
  [
    "a link that makes itself no address, as ip link set addrgenmode none does",
    { type: RTM_NEWLINK, ifindex: 5, addressless: true },
    "30000000100005000700000000000000 00000000050000000000000000000000 10001a000c000a000500080001000000",
  ],
  [
    "a link to delete",
    { type: RTM_DELLINK, ifindex: 5 },
    "20000000110005000700000000000000 00000000050000000000000000000000",
  ],
  [
    "a question for a link by its name",
    { type: RTM_GETLINK, ifindex: 0, name: "lo" },
    "28000000120005000700000000000000 00000000000000000000000000000000 070003006c6f0000",
  ],
  [
    "a new clsact, as tc sends it",
    { type: RTM_NEWQDISC, flags: NEW, ifindex: 1, clsact: true },
    "30000000240005060700000000000000 00000000010000000000fffff1ffffff 000000000b000100636c736163740000",
  ],
  [
    "a clsact to delete",
    { type: RTM_DELQDISC, ifindex: 1, clsact: true },
    "30000000250005000700000000000000 00000000010000000000fffff1ffffff 000000000b000100636c736163740000",
  ],
  [
    "a dump of the filters of a hook",
    {
      type: RTM_GETTFILTER,
      flags: NLM_F_DUMP,
      ifindex: 1,
      handle: 0,
      parent: EGRESS,
      priority: 0,
      protocol: 0,
    },
    "240000002e0001030700000000000000 000000000100000000000000f3ffffff 00000000",
  ],
  [
    "a filter to delete",
    {
      type: RTM_DELTFILTER,
      ifindex: 1,
      handle: HANDLE,
      parent: EGRESS,
      priority: 1000,
      protocol: ETH_P_ALL,
      isFlower: true,
    },
    "300000002d0005000700000000000000 000000000100000001004c50f3ffffff 0003e8030b000100666c6f7765720000",
  ],
];

for (const [name, request, hex] of CASES) {
  Deno.test(`treeRequest() lays out ${name}`, () => assertEquals(hexOf(request), bytesOf(hex).toHex()));
}

function filter(keys: FlowerKeys): TreeRequest {
  const flower = { keys, redirectTo: 2 };
  const place = { ifindex: 1, handle: HANDLE, parent: EGRESS, priority: 1000, protocol: ETH_P_ALL };
  return { type: RTM_NEWTFILTER, flags: NEW, ...place, flower };
}

const HEAD = (length: string, options: string) =>
  `${length}0000002c0005060700000000000000 000000000100000001004c50f3ffffff 0003e8030b000100666c6f7765720000
   ${options}000200`;
const ACTION = `38000300340001000b0001006d69727265640000 24000200200002000000000000000000
   04000000000000000000000001000000 02000000`;

const KEYS: [name: string, keys: FlowerKeys, hex: string][] = [
  ["all packets", {}, `${HEAD("6c", "3c")}${ACTION}`],
  [
    "TCP flags of one port over IPv4",
    {
      etherType: 0x0800,
      ipProtocol: 6,
      destinationPorts: { first: 80, last: 80 },
      tcpFlags: { set: 2, mask: 0x17 },
    },
    `${HEAD("94", "64")}0600080008000000 0500090006000000 0600130000500000 0600470000020000 0600480000170000${ACTION}`,
  ],
  [
    "a range of UDP ports of an IPv6 network",
    {
      etherType: 0x86dd,
      ipProtocol: 17,
      source: { address: bytesOf("fd000000000000000000000000000000"), length: 8 },
      sourcePorts: { first: 80, last: 90 },
    },
    `${HEAD("b4", "84")}0600080086dd0000 0500090011000000 14000e00fd000000000000000000000000000000
      14000f00ff000000000000000000000000000000 0600570000500000 06005800005a0000${ACTION}`,
  ],
  [
    "one SCTP port of an IPv4 host in a VLAN",
    {
      vlanId: 5,
      etherType: 0x0800,
      ipProtocol: 132,
      destination: { address: bytesOf("0a000001"), length: 31 },
      sourcePorts: { first: 9, last: 9 },
    },
    `${HEAD("a4", "74")}0600080081000000 0600190008000000 0600170005000000 0500090084000000
      08000c000a000001 08000d00fffffffe 0600290000090000${ACTION}`,
  ],
];

for (const [name, keys, hex] of KEYS) {
  Deno.test(`treeRequest() lays out a filter for ${name}, which decodes to the same keys`, () => {
    const written = hexOf(filter(keys));
    assertEquals(written, bytesOf(hex).toHex());
    assertEquals(received(bytesOf(written))[0].keys, keys);
  });
}

function received(bytes: Uint8Array): FilterMessage[] {
  receiveRegion.set(bytes);
  const records = readReceived(bytes.length);
  const filters: FilterMessage[] = [];
  while (records.next()) if (isFilter(records)) filters.push(readFilter(records));
  return filters;
}

/** What Linux 6.1 dumped of `protocol 802.1Q pref 1002 flower vlan_id 5 ...`; three packets of 42 bytes were put in. */
const DUMPED = [
  "380000002c00020007000000e4020000000000000100000000000000f3ffffff8100ea030b000100" +
  "666c6f776572000008000b0000000000",
  "380100002c00020007000000e4020000000000000100000001004c50f3ffffff8100ea030b000100666c6f776572000008000b0000000000" +
  "00010200060008000800000006001700050000000600190008000000050009001100000008000a000a00000008000b00ff00000008001600" +
  "080000000800560000000000bc000300b80001000b0001006d69727265640000040005005000040004000600140001002a00000000000000" +
  "0300000000000000040006001400070000000000000000000000000000000000040006001800030000000000000000000000000000000000" +
  "0000000008000a00000000004c00020020000200030000000000000004000000010000000100000001000000020000000400030024000100" +
  "af00000000000000af0000000000000000000000000000000000000000000000",
];

Deno.test("readFilter() reads a filter that a kernel dumped: its keys, its hits and its age", () => {
  const [head, filter] = received(bytesOf(DUMPED.join("")));
  assertEquals([head.handle, head.priority, head.keys], [0, 1002, undefined]);
  assertEquals(filter, {
    about: "filter",
    type: RTM_NEWTFILTER,
    flags: 2,
    sequence: 7,
    ifindex: 1,
    handle: HANDLE,
    parent: EGRESS,
    priority: 1002,
    protocol: 0x8100,
    kind: "flower",
    keys: {
      vlanId: 5,
      etherType: 0x0800,
      ipProtocol: 17,
      source: { address: bytesOf("0a000000"), length: 8 },
    },
    redirectsTo: 2,
    bytes: 42,
    packets: 3,
    ageMs: 1750,
  });
});

Deno.test("decodeAll() keeps each byte of the filters that a kernel dumped", () => {
  const bytes = bytesOf(DUMPED.join(""));
  assertEquals(decodeAll(bytes).map((tree) => encode(tree).toHex()).join(""), bytes.toHex());
});

Deno.test("readFilter() says that a filter compares something else, where it has keys without a name here", () => {
  // TCA_FLOWER_KEY_IP_TTL in place of the protocol, and a mask that is no prefix.
  const ttl = DUMPED[1].replace("0500090011000000", "05004b0040000000");
  assertEquals(received(bytesOf(ttl))[0].keys?.others, true);
  const mask = DUMPED[1].replace("08000b00ff000000", "08000b00ff00ff00");
  assertEquals(received(bytesOf(mask))[0].keys?.others, true);
});

Deno.test("readFilter() throws a DecodeError, at whichever attribute of a filter is cut short", () => {
  const whole = bytesOf(DUMPED[1]);
  // From behind the chain on: what comes before is whole attributes, which may be all there is.
  for (let length = 57; length < whole.length; length++) {
    const cut = whole.slice(0, length);
    new DataView(cut.buffer).setUint32(0, length, true);
    assertThrows(() => received(cut), DecodeError);
  }
});
