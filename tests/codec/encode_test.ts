import { assertEquals, assertThrows } from "@std/assert";
import { decode as decodeOf, encode, type Family, type Field, type FieldInput } from "../../codec/family.ts";
import { LINK_MESSAGES } from "../../codec/spec/link.ts";
import { plug, QDISC_MESSAGES } from "../../codec/spec/qdisc.ts";
import {
  attribute,
  BASIC,
  FAMILY,
  IFINFOMSG,
  message,
  QUEUE,
  TC_STATS,
  TCMSG,
  text,
  wideWords,
  words,
} from "./bytes.ts";
import { CAPTURED } from "./captured.ts";
import { difference } from "./difference.ts";
import { attributeOffsets, mutate } from "./mutate.ts";
import { Random } from "./random.ts";

/** Links and plugs alone: what else random bytes may be has no form that they could break. */
const FEW: Family = { messages: { ...LINK_MESSAGES, ...QDISC_MESSAGES }, kinds: { qdisc: { plug } } };
const decode = (bytes: Uint8Array) => decodeOf(bytes, FEW);

function header(type: number): FieldInput[] {
  return [
    { name: "len", value: 0 },
    { name: "type", value: type, length: 2 },
    { name: "flags", value: 5, length: 2 },
    { name: "sequence", value: 7 },
    { name: "portId", value: 9 },
  ];
}

Deno.test("encode() gives back the bytes that decode() was given, for every captured message", () => {
  for (const bytes of CAPTURED) assertEquals(encode(decode(bytes)).toHex(), bytes.toHex());
});

Deno.test("encode() gives back the bytes that decode() was given, for every message of the family", () => {
  for (const [name, bytes] of Object.entries(FAMILY)) assertEquals(encode(decode(bytes)).toHex(), bytes.toHex(), name);
});

Deno.test("encode() gives back the bytes of whatever can be decoded, of 100,000 mutants", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  const random = new Random(seed);
  const bases = [...CAPTURED, ...Object.values(FAMILY)].map((bytes) => ({
    bytes,
    attributes: attributeOffsets(bytes),
  }));
  for (let count = 0; count < 100_000; count++) {
    const bytes = mutate(random.pick(bases), random);
    const tree = decodable(bytes);
    if (tree && difference(encode(tree), bytes.subarray(0, tree.length))) {
      throw new Error(`seed ${seed}: ${encode(tree).toHex()} of ${bytes.toHex()}`);
    }
  }
});

function decodable(bytes: Uint8Array): Field | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

Deno.test("encode() lays out a message from names and values: lengths, headers and padding follow", () => {
  const bytes = encode({
    name: "message",
    fields: [
      ...header(36),
      { name: "tcmsg", value: TCMSG },
      { name: "KIND", attributeType: 1, value: "tbf_" },
      {
        name: "STATS2",
        attributeType: 7,
        fields: [
          { name: "QUEUE", attributeType: 3, fields: [1, 2, 3, 4, 5].map((value) => ({ name: "number", value })) },
          { name: "PKT64", attributeType: 8, value: 77n, length: 12 },
          { name: "APP", attributeType: 4, value: new Uint8Array([1, 2, 3, 4, 5]) },
        ],
      },
      { name: "HW_OFFLOAD", attributeType: 12, value: 1, length: 5 },
    ],
  });
  const stats = attribute(7, QUEUE, attribute(8, wideWords(77n)), attribute(4, new Uint8Array([1, 2, 3, 4, 5])));
  const expected = message(36, 5, TCMSG, attribute(1, text("tbf_")), stats, attribute(12, new Uint8Array([1])));
  assertEquals(bytes.toHex(), expected.toHex());
});

Deno.test("encode() writes the lengths anew, when a value of a decoded tree has changed", () => {
  const longer = change(decode(FAMILY["plug change"]), "KIND", "pfifo_head_drop");
  const options = attribute(2, words(1, 4096));
  // The three bytes of padding that were there have no place any more.
  assertEquals(encode(longer).toHex(), message(36, 5, TCMSG, attribute(1, text("pfifo_head_drop")), options).toHex());
  const shorter = change(decode(FAMILY["plug change"]), "KIND", "p");
  assertEquals(encode(shorter).toHex(), message(36, 5, TCMSG, attribute(1, text("p")), options).toHex());
});

function change(tree: Field, name: string, value: string): Field {
  return { ...tree, fields: tree.fields?.map((field) => field.name === name ? { ...field, value } : field) };
}

Deno.test("encode() leaves the last attribute unpadded, when an empty padding says so", () => {
  const kind = { name: "KIND", attributeType: 1, value: "plug" };
  const tcmsg = { name: "tcmsg", value: TCMSG };
  const padding = { name: "padding", value: new Uint8Array(0) };
  assertEquals(encode({ name: "message", fields: [...header(36), tcmsg, kind] }).length, 48);
  assertEquals(encode({ name: "message", fields: [...header(36), tcmsg, kind, padding] }).length, 45);
});

Deno.test("encode() writes numbers of every width, with and without a sign", () => {
  const fields = [
    { name: "a", value: 255, length: 1 },
    { name: "b", value: -1, length: 1 },
    { name: "c", value: -2, length: 2 },
    { name: "d", value: -3 },
    { name: "e", value: 0xffffffff, length: 4 },
    { name: "f", value: -4n, length: 8 },
    { name: "g", value: 5, length: 8 },
  ];
  const bytes = encode({ name: "message", fields: [...header(80), ...fields] });
  assertEquals(bytes.subarray(16).toHex(), "fffffefffdfffffffffffffffcffffffffffffff0500000000000000");
});

Deno.test("encode() refuses what does not fit, and says what", () => {
  const refuse = (field: FieldInput, said: string) =>
    assertThrows(() => encode({ name: "message", fields: [...header(80), field] }), RangeError, said);
  refuse({ name: "limit", value: 2 ** 32 }, "Cannot encode limit: 4294967296 does not fit into 4 bytes");
  refuse({ name: "limit", value: -129, length: 1 }, "-129 does not fit into 1 bytes");
  refuse({ name: "limit", value: 0.5 }, "0.5 does not fit into 4 bytes");
  refuse({ name: "limit", value: 1n << 64n, length: 8 }, "does not fit into 8 bytes");
  refuse({ name: "limit", value: 1, length: 3 }, "Cannot encode limit: a number of 3 bytes, must have 1, 2, 4 or 8");
  refuse({ name: "big", attributeType: 1, value: new Uint8Array(65517) }, "must be from 16 to 65536");
  refuse({ name: "big", value: new Uint8Array(65521) }, "must be from 16 to 65536");
  refuse({ name: "many", fields: new Array(30000).fill({ name: "a", value: 0 }) }, "Cannot encode message");
  const empty = { name: "message", fields: [...header(80), { name: "limit" }] };
  assertThrows(() => encode(empty), TypeError, "Cannot encode limit as undefined: a value is a number");
  assertThrows(() => encode({ name: "message", fields: [] }), RangeError, "length is 0, must be from 16 to 65536");
  let deep: FieldInput = { name: "deepest", value: 0 };
  for (let depth = 0; depth < 40; depth++) deep = { name: "deep", fields: [deep] };
  refuse(deep, "more than 32 fields deep");
});

Deno.test("encode() fills the region to its last byte, and around every power of two up to it", () => {
  for (let power = 16; power <= 65536; power *= 2) {
    for (const length of [power - 1, power, power + 1]) {
      if (length < 16 || length > 65536) continue;
      const filled = encode({
        name: "message",
        fields: [...header(80), { name: "rest", value: new Uint8Array(length - 16) }],
      });
      assertEquals(filled.length, length);
      assertEquals(decode(filled).length, length);
    }
  }
});

/** A random valid message of each kind of the family. */
function anyMessage(random: Random): Uint8Array<ArrayBuffer> {
  const word = () => words(random.below(0xffffffff));
  const bytes = () => new Uint8Array(random.below(40)).map(() => random.below(256));
  const name = () => text(random.pick(["plug", "prio", "x", "fq_codel", "pfifo_head_drop", "ünï"]));
  const many = (kinds: readonly (() => Uint8Array)[]) =>
    Array.from({ length: random.below(8) }, () => random.pick(kinds)());
  const stats = () =>
    attribute(7, ...many([() => BASIC, () => QUEUE, () => attribute(8, wideWords(BigInt(random.below(99))))]));
  const qdisc = () => [
    attribute(1, name()),
    ...many([
      stats,
      () => TC_STATS,
      () => attribute(2, bytes()),
      () => attribute(11, word()),
      () => attribute(16, name()),
    ]),
  ];
  const link = () =>
    many([() => attribute(3, name()), () => attribute(4, word()), () => attribute(18, attribute(1, name()))]);
  const route = () => many([() => attribute(4, word()), () => attribute(1, word()), () => attribute(15, word())]);
  const answer = () => many([() => attribute(1, name()), () => attribute(2, word()), () => attribute(3, bytes())]);
  const request = message(36, 5, TCMSG, ...qdisc());
  return random.pick([
    () => message(random.pick([36, 37, 38]), random.below(0x1000), TCMSG, ...qdisc()),
    () => message(random.pick([16, 17, 18]), random.below(0x1000), IFINFOMSG, ...link()),
    () => message(random.pick([24, 25, 26]), random.below(0x1000), words(2, 254, 0), ...route()),
    () => message(2, 0x200, words(-1 - random.below(133)), request, ...answer()),
    () => message(3, 0x202, words(0), ...answer()),
  ])();
}

Deno.test("encode() and decode() are each other's inverse, for 20,000 random messages of every kind", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  const random = new Random(seed);
  for (let count = 0; count < 20_000; count++) {
    const bytes = anyMessage(random);
    const tree = decode(bytes);
    const again = encode(tree);
    const differs = difference(again, bytes) ?? difference(decode(again), tree);
    if (differs) throw new Error(`seed ${seed}: ${differs} in ${bytes.toHex()}`);
  }
});
