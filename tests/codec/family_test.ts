// What the tables make of bytes, as people read it; and that they hang together.
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  decode,
  decodeAll,
  DecodeError,
  encode,
  type Field,
  formatMessage,
  formatSummary,
  readCapture,
} from "../../codec/family.ts";
import { DatagramWalker } from "../../codec/capture.ts";
import { MessageText } from "../../codec/message_text.ts";
import { contentsOf, numberNamed } from "../../codec/names.ts";
import { genericFamily, ROUTE_FAMILY } from "../../codec/spec/family.ts";
import { attribute, concat, FAMILY, message, TCMSG, text, words } from "./bytes.ts";
import { CAPTURED, REQUESTS } from "./captured.ts";
import { readTree } from "./reference_tree.ts";

/** The lines that `formatMessage` has of the fields of these names, without their offsets. */
function lines(bytes: Uint8Array, ...names: string[]): string[] {
  return formatMessage(decode(bytes)).split("\n").map((line) => line.replace(/^ *\d+ +/, "").replace(/ {2,}/, " "))
    .filter((line) => names.includes(line.split(" ")[0]));
}

const u16 = (value: number) => new Uint8Array([value & 0xff, value >> 8]);
const network16 = (value: number) => new Uint8Array([value >> 8, value & 0xff]);
const FILTER = concat(TCMSG.subarray(0, 8), words(1, 0xfffffff2, 10 << 16 | 0x0008));

Deno.test("decode() shows addresses, hardware addresses and flags as people write them", () => {
  const body = new Uint8Array([2, 24, 0x80, 0, 3, 0, 0, 0]);
  const address = message(20, 2, body, attribute(2, new Uint8Array([10, 0, 0, 1])), attribute(8, words(0x280)));
  assertEquals(lines(address, "ifa_family", "ifa_flags", "IFA_LOCAL", "IFA_FLAGS"), [
    "ifa_family AF_INET (2)",
    "ifa_flags PERMANENT (128)",
    "IFA_LOCAL 10.0.0.1",
    "IFA_FLAGS PERMANENT|NOPREFIXROUTE (640)",
  ]);
  const ipv6 = new Uint8Array([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  const neighbour = new Uint8Array([10, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0x80, 1]);
  const lladdr = attribute(2, new Uint8Array([2, 0, 0, 0, 0, 0xab]));
  assertEquals(lines(message(28, 2, neighbour, attribute(1, ipv6), lladdr), "NDA_DST", "NDA_LLADDR", "ndm_state"), [
    "ndm_state REACHABLE (2)",
    "NDA_DST 2001:db8::1",
    "NDA_LLADDR 02:00:00:00:00:ab",
  ]);
});

Deno.test("decode() shows numbers in the order that their types have, and encode() writes them back", () => {
  const options = attribute(2, attribute(18, network16(80)), attribute(23, u16(5)), attribute(8, network16(0x86dd)));
  const bytes = message(44, 2, FILTER, attribute(1, text("flower")), options);
  assertEquals(lines(bytes, "TCA_FLOWER_KEY_TCP_SRC", "TCA_FLOWER_KEY_VLAN_ID", "TCA_FLOWER_KEY_ETH_TYPE"), [
    "TCA_FLOWER_KEY_TCP_SRC 80",
    "TCA_FLOWER_KEY_VLAN_ID 5",
    "TCA_FLOWER_KEY_ETH_TYPE ETH_P_IPV6 (34525)",
  ]);
  assertEquals(encode(decode(bytes)), bytes);
});

Deno.test("decode() shows a filter's handle as its kind has it, its preference and its protocol", () => {
  const filter = (kind: string, handle: number) => {
    const place = concat(TCMSG.subarray(0, 8), words(handle, 0xfffffff2, 10 << 16 | 0x0008));
    return formatSummary(decode(message(44, 2, place, attribute(1, text(kind)))));
  };
  const rest = "parent ffff:fff2 pref 10 protocol ip KIND";
  assertEquals(filter("flower", 1), `RTM_NEWTFILTER MULTI sequence 7 ifindex 3 handle 0x1 ${rest} "flower"`);
  assertEquals(filter("u32", 0x80000800), `RTM_NEWTFILTER MULTI sequence 7 ifindex 3 handle 800::800 ${rest} "u32"`);
  assertEquals(filter("u32", 0x80012000), `RTM_NEWTFILTER MULTI sequence 7 ifindex 3 handle 800:12 ${rest} "u32"`);
});

Deno.test("decode() reads a number in network order where the flags of its attribute say so", () => {
  const link = (type: number, ...payload: number[]) =>
    message(16, 1, new Uint8Array(16), attribute(type, Uint8Array.from(payload)));
  const said = (bytes: Uint8Array) => {
    const tree = decode(bytes);
    assertEquals(encode(tree).toHex(), bytes.toHex());
    assertEquals(plain(tree), plain(readTree(bytes)));
    const walker = new DatagramWalker();
    walker.begin(bytes);
    walker.next();
    const text = new MessageText();
    text.fields(walker.rows);
    return [tree.fields?.at(-1)?.value, text.toString().split("\n").at(-1)];
  };
  assertEquals(said(link(0x4004, 0, 0, 5, 0xdc)), [1500, "32  IFLA_MTU     1500, NLA_F_NET_BYTEORDER"]);
  assertEquals(said(link(4, 0xdc, 5, 0, 0)), [1500, "32  IFLA_MTU     1500"]);
  assertEquals(said(link(0x4042, 0, 0, 0, 0, 0, 0, 0, 9)), [
    9n,
    "32  IFLA_MAX_PACING_OFFLOAD_HORIZON  9, NLA_F_NET_BYTEORDER",
  ]);
  assertEquals(said(link(0x4010, 6, 0, 0, 0))[0], 0x6000000);
});

Deno.test("decode() says NLA_F_NESTED and NLA_F_NET_BYTEORDER, and shows no padding that is zero", () => {
  const bytes = message(
    36,
    5,
    TCMSG,
    attribute(1, text("plug")),
    attribute(0xc002, words(1, 2)),
    attribute(0x400b, words(1)),
  );
  assertEquals(formatMessage(decode(bytes)).split("\n").slice(-5), [
    '36  TCA_KIND     "plug"',
    "48  TCA_OPTIONS  12 bytes, NLA_F_NESTED|NLA_F_NET_BYTEORDER",
    "52    action     TCQ_PLUG_RELEASE_ONE (1)",
    "56    limit      2",
    "60  TCA_CHAIN    16777216, NLA_F_NET_BYTEORDER",
  ]);
});

Deno.test("decode() finds the kind wherever the kernel finds it: behind what depends on it, and the last of several", () => {
  const limit = attribute(2, words(1000));
  const bytes = message(36, 2, TCMSG, attribute(1, text("plug")), limit, attribute(1, text("pfifo")));
  assertEquals(lines(bytes, "limit"), ["limit 1000"]);
  const encap = message(
    24,
    2,
    new Uint8Array([2, 32, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]),
    attribute(22, attribute(1, new Uint8Array([0, 6, 0x41, 0]))),
    attribute(21, u16(1)),
  );
  assertEquals(lines(encap, "MPLS_IPTUNNEL_DST", "RTA_ENCAP_TYPE"), [
    "MPLS_IPTUNNEL_DST 100",
    "RTA_ENCAP_TYPE LWTUNNEL_ENCAP_MPLS (1)",
  ]);
});

Deno.test("decode() takes the legal short requests of every object that can be asked for", () => {
  for (const [type, { name, asks }] of Object.entries(ROUTE_FAMILY.messages)) {
    const bytes = message(Number(type), 0x301, new Uint8Array([2]));
    if (!asks) continue;
    assertEquals(lines(bytes, "rtgen_family"), ["rtgen_family AF_INET (2)"], name);
    assertEquals(encode(decode(bytes)), bytes, name);
  }
});

Deno.test("decode() of generic netlink knows the controller, and psample by the number that it is given", () => {
  const request = message(16, 5, new Uint8Array([3, 1, 0, 0]), attribute(2, text("psample")));
  assertEquals(
    formatSummary(decode(request, genericFamily())),
    'GENL_ID_CTRL REQUEST|ACK sequence 7 cmd CTRL_CMD_GETFAMILY ATTR_FAMILY_NAME "psample"',
  );
  const sample = message(31, 0, new Uint8Array([0, 1, 0, 0]), attribute(3, words(8)), attribute(14, u16(0x800)));
  const shown = formatMessage(decode(sample, genericFamily({ 31: "psample" }))).split("\n").slice(-2);
  assertEquals(shown, ["20  PSAMPLE_ATTR_SAMPLE_GROUP  8", "28  PSAMPLE_ATTR_PROTO         ETH_P_IP (2048)"]);
  assertEquals(decode(sample, genericFamily()).fields?.at(-1)?.name, "rest");
});

Deno.test("decode() shows numbers of 64 bits as they are, which no number of JavaScript need be", () => {
  const [sci, other] = [new Uint8Array([0x36, 0xe9, 0xf, 0x40, 0x87, 0x52, 0, 0xb]), new Uint8Array(8).fill(0xfd)];
  const suite = (first: number) => new Uint8Array([1, 0, 0, 1, 0, first, 0x80, 0]);
  const link = (sci: Uint8Array, suite: Uint8Array) =>
    message(
      16,
      0,
      new Uint8Array(16),
      attribute(18, concat(attribute(1, text("macsec")), attribute(2, concat(attribute(1, sci), attribute(4, suite))))),
    );
  assertEquals(lines(link(sci, suite(2)), "IFLA_MACSEC_SCI", "IFLA_MACSEC_CIPHER_SUITE"), [
    "IFLA_MACSEC_SCI 0x36e90f408752000b (3956710517444313099)",
    "IFLA_MACSEC_CIPHER_SUITE MACSEC_DEFAULT_CIPHER_ID (36030996058996737)",
  ]);
  assertEquals(lines(link(other, suite(3)), "IFLA_MACSEC_SCI", "IFLA_MACSEC_CIPHER_SUITE"), [
    "IFLA_MACSEC_SCI 0xfdfdfdfdfdfdfdfd (18302063728033398269)",
    "IFLA_MACSEC_CIPHER_SUITE 0x80030001000001 (36032095570624513)",
  ]);
  const printed = new MessageText();
  const walker = new DatagramWalker();
  walker.begin(link(sci, suite(2)));
  assert(walker.next());
  printed.fields(walker.rows);
  assertEquals(printed.toString(), formatMessage(decode(link(sci, suite(2)))));
});

Deno.test("decode() has what precedes a fault, where it throws", () => {
  const bytes = FAMILY["plug change"].slice();
  bytes[48] = 3;
  const error = assertThrows(() => decodeAll(concat(FAMILY["ack"], bytes)), DecodeError);
  assertEquals([error.offset, error.messages.length], [FAMILY["ack"].length + 48, 1]);
  assertEquals(error.partial?.fields?.at(-2)?.value, "plug");
});

Deno.test("decode() says what it wants, when it is given something else", () => {
  const wrong = (value: unknown) => () => decode(value as Uint8Array);
  assertThrows(wrong("zz"), TypeError, 'Cannot decode the string "zz": a message is a Uint8Array');
  assertThrows(wrong(undefined), TypeError, "Cannot decode undefined: a message is a Uint8Array");
  assertThrows(wrong([1, 2]), TypeError, "a message is a Uint8Array");
  assertThrows(() => decodeAll("zz" as unknown as Uint8Array), TypeError, "a message is a Uint8Array");
  const capture = (value: unknown) => () => [...readCapture(value as Uint8Array)];
  assertThrows(capture("a.pcap"), TypeError, 'Cannot read the string "a.pcap": a capture is a Uint8Array');
  assertThrows(capture(undefined), TypeError, "Cannot read undefined: a capture is a Uint8Array, what its file holds");
  for (const value of ["zz", null, undefined, 5]) {
    assertThrows(() => encode(value as unknown as Field), TypeError, "a message has fields, as decode makes them");
  }
});

Deno.test("encode() is the inverse of decode(), of every message of the family and each one captured", () => {
  for (const bytes of [...Object.values(FAMILY), ...CAPTURED]) {
    const again = encode(decode(bytes));
    assertEquals(again, bytes.slice(0, again.length), bytes.toHex());
  }
});

Deno.test("numberNamed() knows attributes, values, bits and messages by their names", () => {
  const found = ["TCA_FLOWER_KEY_TCP_SRC", "RTM_NEWNEIGH", "IFF_LOWER_UP", "TC_ACT_SHOT", "NETEM_LOSS_GE", "nothing"]
    .map((name) => numberNamed(name, ROUTE_FAMILY));
  assertEquals(found, [18, 28, 0x10000, 2, 2, undefined]);
});

Deno.test("the tables give no number and no name twice in a space, and every name to one number", () => {
  const { spaces, names } = contentsOf(ROUTE_FAMILY);
  assert(spaces.size > 150 && names.size > 60);
  for (const { prefix, attributes } of spaces) {
    const numbers = attributes.map(({ number }) => number);
    assertEquals(new Set(numbers).size, numbers.length, prefix);
  }
  const meant = new Map<string, number>();
  for (const { attributes } of spaces) {
    for (const { kernelName, number } of attributes) {
      assertEquals(meant.get(kernelName) ?? number, number, kernelName);
      meant.set(kernelName, number);
    }
  }
});

Deno.test("decode() and the second decoder agree on an attribute of every number in every space", () => {
  for (const [type, { body, space }] of Object.entries(ROUTE_FAMILY.messages)) {
    for (const { number } of (typeof space === "function" ? space(2, true) : space).attributes) {
      for (const size of [0, 1, 2, 4, 8, 16, 64, 200]) {
        const bytes = message(Number(type), 2, new Uint8Array(body.size), attribute(number, new Uint8Array(size)));
        assertEquals(outcome(() => plain(decode(bytes))), outcome(() => plain(readTree(bytes))), bytes.toHex());
      }
    }
  }
});

function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return (error as DecodeError).offset;
  }
}

interface Compared {
  kernelName: string;
  offset: number;
  length: number;
  value?: unknown;
  fields?: Compared[];
}

/** What both decoders say. */
function plain({ kernelName, offset, length, value, fields }: Compared): unknown {
  return { kernelName, offset, length, value, fields: fields?.map(plain) };
}

Deno.test("the captured requests of tc and libnl are decoded to the last byte", () => {
  for (const { bytes, command } of REQUESTS) {
    assertEquals(
      JSON.stringify(decode(bytes), (_key, value) => typeof value === "bigint" ? `${value}` : value).includes('"rest"'),
      false,
      command,
    );
  }
});
