/** Requests about filters, links and clsact as bytes, and what a kernel answers to them. */

import { assertEquals } from "@std/assert";
import { decode, decodeAll, formatMessage, formatSummary } from "../../codec/family.ts";
import {
  encode,
  encodeRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  sendRegion,
  type TreeRequest,
  treeRequest,
} from "../../codec/mod.ts";

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
];

for (const [name, request, hex] of CASES) {
  Deno.test(`treeRequest() lays out ${name}`, () => assertEquals(hexOf(request), bytesOf(hex).toHex()));
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

Deno.test("formatMessage() shows a filter that a kernel dumped: its keys, its action, its hits", () => {
  const [head, filter] = decodeAll(bytesOf(DUMPED.join("")));
  assertEquals(
    formatSummary(head),
    'RTM_NEWTFILTER MULTI sequence 7 ifindex 1 handle 0x0 parent ffff:fff3 pref 1002 protocol 802.1Q KIND "flower"',
  );
  const lines = formatMessage(filter).split("\n").map((line) => line.replace(/^ *\d+ +/, "").replace(/ {2,}/, " "));
  for (
    const line of [
      "tcm_handle 0x504c0001 (1347158017)",
      "TCA_FLOWER_KEY_VLAN_ID 5",
      "TCA_FLOWER_KEY_VLAN_ETH_TYPE ETH_P_IP (2048)",
      "TCA_FLOWER_KEY_IP_PROTO IPPROTO_UDP (17)",
      "TCA_FLOWER_KEY_IPV4_SRC 10.0.0.0",
      "TCA_FLOWER_KEY_IPV4_SRC_MASK 255.0.0.0",
      "action TC_ACT_STOLEN (4)",
      "eaction TCA_EGRESS_REDIR (1)",
      "bytes 42",
      "install 175",
    ]
  ) assertEquals(lines.includes(line), true, `${line} is none of ${lines.join("\n")}`);
});

Deno.test("decodeAll() keeps each byte of the filters that a kernel dumped", () => {
  const bytes = bytesOf(DUMPED.join(""));
  assertEquals(decodeAll(bytes).map((tree) => encode(tree).toHex()).join(""), bytes.toHex());
});
