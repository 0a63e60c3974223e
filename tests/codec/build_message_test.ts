// Messages from values by their names, against what tc and ip sent of the same, as strace saw it.
import { assertEquals, assertThrows } from "@std/assert";
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
  assertThrows(build("RTM_NEWLINK", { body: { index: 1 } }), TypeError, "struct ifinfomsg: it has no member index");
  assertThrows(build("RTM_NEWLINK", { attributes: { MTU: "x" } }), TypeError, "IFLA_MTU: it must hold a number");
  assertThrows(build("RTM_NEWLINK", { attributes: { IFNAME: 7 } }), TypeError, "IFLA_IFNAME: it must hold a string");
  assertThrows(
    build("RTM_NEWLINK", { attributes: { OPERSTATE: "ON" } }),
    TypeError,
    "one of UNKNOWN, NOTPRESENT, DOWN",
  );
});
