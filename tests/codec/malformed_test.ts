import { assert, assertEquals, assertThrows } from "@std/assert";
import { decode } from "../../codec/family.ts";
import { DecodeError, decodeReceived, receiveRegion } from "../../codec/mod.ts";
import { attribute, FAMILY, message, TCMSG, text, words } from "./bytes.ts";
import { CAPTURED } from "./captured.ts";
import { disagreement } from "./differential.ts";
import { attributeOffsets } from "./mutate.ts";

const ALL = [...CAPTURED, ...Object.values(FAMILY)];

function refusal(bytes: Uint8Array): { message: string; offset: number } {
  const { message, offset } = assertThrows(() => decode(bytes), DecodeError);
  receiveRegion.set(bytes);
  const received = assertThrows(() => decodeReceived(bytes.length), DecodeError);
  assertEquals([received.message, received.offset], [message, offset]);
  return { message, offset };
}

Deno.test("decode() says what is wrong and where, for each thing that can be", () => {
  const cases: readonly (readonly [bytes: Uint8Array, offset: number, said: string])[] = [
    [new Uint8Array(15), 0, "Cannot decode message at offset 0: 15 bytes are left, a header needs 16"],
    [words(15, 36, 0, 0), 0, "Cannot decode message at offset 0: length is 15, must be at least 16"],
    [words(20, 36, 0, 0), 0, "Cannot decode message at offset 0: length is 20, must be at most 16"],
    [words(0x80000000, 36, 0, 0), 0, "Cannot decode message at offset 0: length is 2147483648, must be at most 16"],
    [message(36, 2), 0, "Cannot decode message at offset 0: length is 16, its type needs 36"],
    [message(16, 2, words(1)), 0, "Cannot decode message at offset 0: length is 20, its type needs 32"],
    [message(24, 2), 0, "Cannot decode message at offset 0: length is 16, its type needs 28"],
    [message(2, 2, words(0)), 0, "Cannot decode message at offset 0: length is 20, its type needs 36"],
    [
      message(36, 2, TCMSG, new Uint8Array(3)),
      36,
      "Cannot decode attribute at offset 36: 3 bytes are left, a header needs 4",
    ],
    [message(36, 2, TCMSG, words(0)), 36, "Cannot decode attribute at offset 36: length is 0, must be at least 4"],
    [message(36, 2, TCMSG, words(9)), 36, "Cannot decode attribute at offset 36: length is 9, must be at most 4"],
    [
      message(2, 0, words(-1 >>> 0), words(60, 36, 0, 0)),
      20,
      "Cannot decode message at offset 20: length is 60, must be at most 16",
    ],
  ];
  for (const [bytes, offset, said] of cases) assertEquals(refusal(bytes), { message: said, offset });
});

Deno.test("decodeReceived() refuses an attribute too short for what it must hold, which decode() shows as far as it goes", () => {
  for (const inner of [attribute(1, words(1, 2)), attribute(3, words(1)), attribute(8, words(1))]) {
    const bytes = message(36, 2, TCMSG, attribute(1, text("plug")), attribute(7, inner));
    receiveRegion.set(bytes);
    const error = assertThrows(() => decodeReceived(bytes.length), DecodeError, "payload has");
    assertEquals(error.offset, 52);
    const short = decode(bytes).fields?.at(-1)?.fields?.[0];
    assert(short?.value !== undefined || short?.fields?.[0].value !== undefined);
  }
});

Deno.test("decode() and decodeReceived() say of every truncation what a second decoder says", () => {
  for (const bytes of ALL) {
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.slice(0, length);
      assertEquals(disagreement(cut), undefined, cut.toHex());
      if (length < 16) continue;
      new DataView(cut.buffer).setUint32(0, length, true);
      assertEquals(disagreement(cut), undefined, cut.toHex());
    }
  }
});

Deno.test("decode() and decodeReceived() say of every length field, set wrong, what a second decoder says", () => {
  for (const bytes of ALL) {
    for (const at of [0, ...attributeOffsets(bytes)]) {
      const length = new DataView(bytes.buffer).getUint16(at, true);
      for (const wrong of [0, 1, 3, 4, length - 1, length + 1, 0xffff]) {
        const changed = bytes.slice();
        new DataView(changed.buffer).setUint16(at, wrong, true);
        assertEquals(disagreement(changed), undefined, changed.toHex());
      }
    }
  }
});

Deno.test("decode() and decodeReceived() say of sizes around every power of two what a second decoder says", () => {
  for (let power = 16; power <= 65536; power *= 2) {
    for (const length of [power - 1, power, power + 1]) {
      if (length < 44 || length > 65536) continue;
      const bytes = new Uint8Array(length);
      bytes.set(message(36, 2, TCMSG, attribute(1, text("x")).subarray(0, 6)));
      const view = new DataView(bytes.buffer);
      view.setUint32(0, length, true);
      view.setUint16(36, Math.min(length - 36, 0xffff), true);
      assertEquals(disagreement(bytes), undefined, `${length}`);
    }
  }
});

Deno.test("decode() takes time in proportion, when a message is nothing but empty attributes", () => {
  const bytes = message(36, 2, TCMSG, ...Array.from({ length: 16000 }, () => attribute(9)));
  assertEquals(decode(bytes).fields?.length, 16012);
  receiveRegion.set(bytes);
  assertEquals(decodeReceived(bytes.length).length, 1);
});

Deno.test("decode() is not led astray by what lies behind a message", () => {
  const bytes = FAMILY["every attribute of a qdisc"];
  const followed = new Uint8Array(bytes.length + 64).fill(0xff);
  followed.set(bytes);
  assertEquals(decode(followed), decode(bytes));
});
