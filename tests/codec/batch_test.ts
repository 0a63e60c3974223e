import { assertEquals, assertThrows } from "@std/assert";
import {
  BATCH_MAX,
  encodeBatch,
  encodeRequest,
  PreparedChanges,
  type QdiscRequest,
  RTM_DELQDISC,
  RTM_NEWQDISC,
  sendRegion,
  setBatchRecord,
  TC_H_ROOT,
  TCQ_PLUG_BUFFER,
  TCQ_PLUG_LIMIT,
  TCQ_PLUG_RELEASE_ONE,
} from "../../codec/mod.ts";

function place(index: number) {
  return { ifindex: index + 1, handle: 0x504c0000, parent: TC_H_ROOT };
}

function request(index: number): QdiscRequest {
  if (index % 3 === 0) return { type: RTM_DELQDISC, ...place(index) };
  const plug = index % 3 === 1 ? "no options" : { action: TCQ_PLUG_LIMIT, limit: index * 1000 };
  return { type: RTM_NEWQDISC, flags: 0x600, ...place(index), plug };
}

/** The same requests, one call each. */
function oneByOne(requests: readonly QdiscRequest[], sequence: number): string {
  let at = 0;
  requests.forEach((each, index) => at += encodeRequest(each, { at, sequence: sequence + index >>> 0 }));
  return sendRegion.subarray(0, at).toHex();
}

/** The numbers around every power of two that a batch can count. */
const COUNTS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257]
  .concat([511, 512, 513, 1023, BATCH_MAX]);

Deno.test("encodeBatch() writes literal bytes, when two requests differ in kind", () => {
  setBatchRecord(0, { type: RTM_NEWQDISC, ...place(0), plug: { action: TCQ_PLUG_RELEASE_ONE, limit: 0 } });
  setBatchRecord(1, { type: RTM_DELQDISC, ...place(1) });
  assertEquals(encodeBatch(2, 5), 96);
  assertEquals(
    sendRegion.subarray(0, 96).toHex(),
    "3c00000024000500050000000000000000000000010000" + "0000004c50ffffffff00000000" + "09000100706c756700000000" +
      "0c0002000100000000000000" + "240000002500050006000000000000000000000002000000" + "00004c50ffffffff00000000",
  );
});

Deno.test("encodeBatch() writes what encodeRequest() writes one at a time, for as many as fit", () => {
  for (const count of COUNTS) {
    const requests = Array.from({ length: count }, (_, index) => request(index));
    requests.forEach((each, index) => setBatchRecord(index, each));
    const batch = sendRegion.subarray(0, encodeBatch(count, 0xfffffff0)).toHex();
    assertEquals(batch, oneByOne(requests, 0xfffffff0));
  }
});

Deno.test("encodeBatch() and setBatchRecord() refuse what is out of range", () => {
  for (const count of [-1, BATCH_MAX + 1, 0x7fffffff]) {
    assertThrows(() => encodeBatch(count, 1), RangeError, `Cannot encode ${count} requests at once`);
  }
  for (const index of [-1, BATCH_MAX, 0.5]) {
    assertThrows(() => setBatchRecord(index, request(0)), RangeError, `index is ${index}`);
  }
  assertThrows(() => setBatchRecord(0, { ...request(0), parent: -1 }), RangeError, "parent is -1");
});

Deno.test("PreparedChanges.patch() sets action, limit and sequence in all of them, and nothing else", () => {
  for (const count of COUNTS) {
    const changes = new PreparedChanges(Array.from({ length: count }, (_, index) => place(index)));
    for (const [action, limit, sequence] of [[TCQ_PLUG_BUFFER, 0, 1], [TCQ_PLUG_LIMIT, 0xfedcba98, 0xffffffff]]) {
      const patched = sendRegion.subarray(0, changes.patch({ action, limit, sequence })).toHex();
      const plug = { action, limit };
      const same = Array.from(
        { length: count },
        (_, index) => ({ type: RTM_NEWQDISC, ...place(index), plug } as const),
      );
      assertEquals(patched, oneByOne(same, sequence));
    }
  }
});

Deno.test("PreparedChanges.patch() encodes anew, when something else was encoded in between", () => {
  const options = { action: TCQ_PLUG_RELEASE_ONE, limit: 0, sequence: 9 };
  const [one, other] = [new PreparedChanges([place(1), place(2)]), new PreparedChanges([place(3)])];
  const expected = sendRegion.slice(0, one.patch(options));
  other.patch(options);
  assertEquals(sendRegion.slice(0, one.patch(options)), expected);
  encodeRequest(request(0), { at: 0, sequence: 1 });
  assertEquals(sendRegion.slice(0, one.patch(options)), expected);
  encodeRequest({ type: 18, ifindex: 0 }, { at: 0, sequence: 1 });
  assertEquals(sendRegion.slice(0, one.patch(options)), expected);
  encodeBatch(1, 1);
  assertEquals(sendRegion.slice(0, one.patch(options)), expected);
});

Deno.test("PreparedChanges refuses what is out of range", () => {
  const changes = new PreparedChanges([place(0)]);
  assertThrows(() => changes.patch({ action: 4, limit: 0, sequence: 1 }), RangeError, "action is 4");
  assertThrows(() => changes.patch({ action: 0, limit: -1, sequence: 1 }), RangeError, "limit is -1");
  assertThrows(() => changes.patch({ action: 0, limit: 0, sequence: 2 ** 32 }), RangeError, "sequence is 4294967296");
  const many = Array.from({ length: BATCH_MAX + 1 }, (_, index) => place(index));
  assertThrows(() => new PreparedChanges(many), RangeError, `index is ${BATCH_MAX}`);
});
