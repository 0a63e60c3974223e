// Messages from values by their names, against what tc and ip sent of the same, as strace saw it.
import { assertEquals, assertThrows } from "@std/assert";
import {
  ETH_P_ALL,
  IFF_UP,
  IN6_ADDR_GEN_MODE_NONE,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  RTM_NEWLINK,
  RTM_NEWQDISC,
} from "../../codec/assembly/constants.ts";
import { sendRegion } from "../../codec/exchange.ts";
import { TC_H_CLSACT } from "../../codec/handle.ts";
import { encodeRequest, type Request } from "../../codec/request.ts";
import { treeRequest } from "../../codec/tree_request.ts";
import { createFilter, FIRST_FILTER, hookOf, sampleFilter } from "../../plug/filter.ts";
import { buildMessage, decode, encode, formatMessage, type MessageInput, ROUTE_FAMILY } from "../../codec/family.ts";

function hexOf(name: string, input: MessageInput): string {
  return encode(buildMessage(ROUTE_FAMILY, name, input)).toHex();
}

Deno.test("buildMessage() makes what ip link add type ifb sends", () => {
  const attributes = { IFNAME: "plug-web", LINKINFO: { KIND: "ifb" } };
  assertEquals(
    hexOf("RTM_NEWLINK", { flags: 0x605, sequence: 0x6b01752f, attributes }),
    "3c000000100005062f75016b00000000000000000000000000000000000000000d000300706c75672d77656200000000" +
      "0c0012000800010069666200",
  );
});

Deno.test("buildMessage() makes what tc filter add flower sends, numbers in the order that each has", () => {
  const parms = { action: "STOLEN", eaction: "EGRESS_REDIR", ifindex: 2 };
  const bytes = encode(buildMessage(ROUTE_FAMILY, "RTM_NEWTFILTER", {
    flags: 0x605,
    sequence: 7,
    body: { ifindex: 1, parent: 0xfffffff3, info: 0xc0000008 },
    attributes: {
      KIND: "flower",
      OPTIONS: {
        KEY_ETH_TYPE: "IP",
        KEY_IP_PROTO: "TCP",
        KEY_TCP_DST: 80,
        ACT: [{ KIND: "mirred", OPTIONS: { PARMS: parms } }],
      },
    },
  }));
  assertEquals(
    bytes.toHex(),
    "840000002c00050607000000000000000000000001000000" + "00000000f3ffffff080000c0" + "0b000100666c6f7765720000" +
      "54000200" + "0600080008000000" + "0500090006000000" + "0600130000500000" +
      "38000300" + "34000100" + "0b0001006d69727265640000" + "24000200" + "20000200" +
      "00000000" + "00000000" + "04000000" + "00000000" + "00000000" + "01000000" + "02000000",
  );
});

Deno.test("buildMessage() puts attributes behind the struct of a kind, and flags without a value", () => {
  const attributes = { KIND: "netem", OPTIONS: { limit: 9, RATE64: 5_000_000_000n } };
  const text = formatMessage(decode(encode(buildMessage(ROUTE_FAMILY, "RTM_NEWQDISC", { attributes }))));
  assertEquals(/limit +9\n/.test(text) && /TCA_NETEM_RATE64 +5000000000/.test(text), true, text);
  const blackhole = { attributes: { ID: 3, BLACKHOLE: true } } as const;
  assertEquals(hexOf("RTM_NEWNEXTHOP", blackhole).slice(48), "0800010003000000" + "04000400");
});

Deno.test("buildMessage() says what the tables do not have, and what must be held", () => {
  const build = (name: string, input: MessageInput) => () => buildMessage(ROUTE_FAMILY, name, input);
  assertThrows(build("RTM_NEWTHING", {}), TypeError, "Cannot build RTM_NEWTHING: there is no such message");
  assertThrows(build("RTM_NEWLINK", { attributes: { NAME: "x" } }), TypeError, "Cannot build IFLA_NAME: there is no");
  const misplaced: object = { attribute: { MTU: 3 } };
  assertThrows(build("RTM_NEWLINK", misplaced), TypeError, "flags, sequence, body, attributes, not attribute");
  assertThrows(build("RTM_NEWLINK", { body: { index: 1 } }), TypeError, "struct ifinfomsg: it has no member index");
  assertThrows(build("RTM_NEWLINK", { attributes: { MTU: "x" } }), TypeError, "IFLA_MTU: it must hold a number");
  assertThrows(build("RTM_NEWLINK", { attributes: { IFNAME: 7 } }), TypeError, "IFLA_IFNAME: it must hold a string");
  assertThrows(
    build("RTM_NEWLINK", { attributes: { OPERSTATE: "ON" } }),
    TypeError,
    "one of UNKNOWN, NOTPRESENT, DOWN",
  );
});

/** What a request that is laid out by hand is sent as, with the sequence number 7. */
function sentHex(request: Request): string {
  return sendRegion.slice(0, encodeRequest(request, { at: 0, sequence: 7 })).toHex();
}

/** The same message by the tables, which every request is to be. */
function tablesHex({ type, flags = 0 }: Request, input: MessageInput): string {
  return hexOf(ROUTE_FAMILY.messages[type].name, { flags: flags | NLM_F_REQUEST | NLM_F_ACK, sequence: 7, ...input });
}

Deno.test("treeRequest() lays out links and clsact as the tables do", () => {
  const link = treeRequest({
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    ifindex: 7,
    name: "plug-web",
    kind: "ifb",
    txqueuelen: 1000,
    alias: "a note",
    addressless: true,
    up: true,
  });
  assertEquals(
    sentHex(link),
    tablesHex(link, {
      body: { ifindex: 7, flags: IFF_UP, change: IFF_UP },
      attributes: {
        IFNAME: "plug-web",
        TXQLEN: 1000,
        IFALIAS: "a note",
        AF_SPEC: { INET6: { ADDR_GEN_MODE: IN6_ADDR_GEN_MODE_NONE } },
        LINKINFO: { KIND: "ifb" },
      },
    }),
  );
  const clsact = treeRequest({ type: RTM_NEWQDISC, flags: NLM_F_CREATE | NLM_F_EXCL, ifindex: 7, clsact: true });
  const place = { ifindex: 7, handle: 0xffff0000, parent: TC_H_CLSACT };
  assertEquals(sentHex(clsact), tablesHex(clsact, { body: place, attributes: { KIND: "clsact" } }));
});

Deno.test("createFilter() and sampleFilter() lay out filters as the tables do", () => {
  const place = { ifindex: 7, parent: hookOf("ingress"), priority: 1000, handle: FIRST_FILTER };
  const keys = [{ type: 8, value: Uint8Array.of(8, 0) }, { type: 9, value: Uint8Array.of(6) }];
  const compared = { kind: "flower", keys } as const;
  const info = 1000 << 16 | 0x300;
  const body = { ifindex: 7, parent: hookOf("ingress"), handle: FIRST_FILTER, info };
  const matched = { KEY_ETH_TYPE: "IP", KEY_IP_PROTO: "TCP" };
  const redirect = { index: 0, action: "STOLEN", eaction: "EGRESS_REDIR", ifindex: 9 };
  const cookie = Uint8Array.of(1, 2, 3);
  const created = createFilter(place, { compared, redirectTo: 9, kept: cookie });
  const mirred = { KIND: "mirred", OPTIONS: { PARMS: redirect }, COOKIE: cookie };
  assertEquals(
    sentHex(created),
    tablesHex(created, { body, attributes: { KIND: "flower", OPTIONS: { ...matched, ACT: [mirred] } } }),
  );
  const there = {
    ...place,
    protocol: ETH_P_ALL,
    chain: 0,
    kind: "flower",
    actions: [{ kind: "mirred", index: 0, mirred: { what: 1, ifindex: 9 }, packets: 0, bytes: 0, ageMs: 0, cookie }],
  };
  // One that is there already is named by its index
  const samplings = [{ group: 4, truncBytes: 20, index: 3 }, { group: 5, truncBytes: 96 }];
  const sampled = sampleFilter(there, { compared, samplings });
  const samples = samplings.map(({ group, truncBytes, index = 0 }) => ({
    KIND: "sample",
    OPTIONS: { PARMS: { index, action: "PIPE" }, RATE: 1, TRUNC_SIZE: truncBytes, PSAMPLE_GROUP: group },
  }));
  assertEquals(
    sentHex(sampled),
    tablesHex(sampled, { body, attributes: { KIND: "flower", OPTIONS: { ...matched, ACT: [...samples, mirred] } } }),
  );
});
