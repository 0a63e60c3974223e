import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  CHUNK_MAX,
  DecodeError,
  decodeReceived,
  decodeSlots,
  type Message,
  readReceived,
  receiveRegion,
  SLOT_LEN,
  slotLengths,
  SLOTS_MAX,
  verifyAcks,
} from "../../codec/mod.ts";
import { readSlots } from "../../codec/received.ts";
import { attribute, BASIC, concat, FAMILY, message, QUEUE, TC_STATS, TCMSG, text, wideWords, words } from "./bytes.ts";
import { REPLIES, TC_JSON } from "./captured.ts";

function decoded(bytes: Uint8Array): Message[] {
  receiveRegion.set(bytes);
  return decodeReceived(bytes.length);
}

const STATS = {
  bytes: 0x100000005,
  packets: 11,
  backlogPackets: 1,
  backlogBytes: 2,
  drops: 3,
  requeues: 4,
  overlimits: 5,
};
const QDISC = { about: "qdisc", flags: 2, sequence: 7, ifindex: 3, handle: 0x10000, parent: 0xffffffff } as const;

Deno.test("decodeReceived() says of a qdisc every field, when the kernel sends it as on x86-64 or padded", () => {
  for (const [name, kind] of [["as x86-64 dumps it", "pfifo_fast"], ["as strict machines dump it", "plug"]]) {
    const bytes = FAMILY[`qdisc ${name}`];
    for (const _ of ["first seen", "known"]) {
      assertEquals(decoded(bytes), [{ ...QDISC, type: 36, kind, stats: STATS }]);
    }
  }
});

Deno.test("decodeReceived() takes packets from PKT64, wherever it stands", () => {
  const wide = attribute(8, wideWords(0x2_0000_0001n));
  for (const nest of [[BASIC, QUEUE, wide], [wide, BASIC, QUEUE]]) {
    const [said] = decoded(message(36, 2, TCMSG, attribute(1, text("plug")), attribute(7, ...nest)));
    assertEquals(said, { ...QDISC, type: 36, kind: "plug", stats: { ...STATS, packets: 0x200000001 } });
  }
});

Deno.test("decodeReceived() takes TCA_STATS where there is no TCA_STATS2", () => {
  const stats = {
    bytes: 99,
    packets: 21,
    drops: 22,
    overlimits: 23,
    backlogPackets: 26,
    backlogBytes: 27,
    requeues: 0,
  };
  const expected = { ...QDISC, type: 37, flags: 0, kind: "pfifo_fast", stats };
  assertEquals(decoded(FAMILY["old statistics alone"]), [expected as Message]);
  const [both] = decoded(message(36, 2, TCMSG, TC_STATS, attribute(7, QUEUE)));
  assertEquals(both.about === "qdisc" && both.stats?.drops, 3);
});

Deno.test("decodeReceived() says nothing of statistics that were not sent", () => {
  const [said] = decoded(message(36, 2, TCMSG, attribute(1, text("plug"))));
  assertEquals(said, { ...QDISC, type: 36, kind: "plug", stats: undefined });
});

Deno.test("decodeReceived() makes each kind once, and tells kinds apart that begin alike", () => {
  const kinds = [
    "mq",
    "tbf",
    "plug",
    "pfifo",
    "pfifo_fast",
    "pfifo_head_drop",
    "pfifo_head",
    "",
    "clsact",
    "k".repeat(300),
  ];
  const run = concat(...kinds.map((kind) => message(36, 2, TCMSG, attribute(1, text(kind)))));
  for (const _ of ["first seen", "known"]) {
    assertEquals(decoded(run).map((each) => each.about === "qdisc" && each.kind), kinds);
  }
  receiveRegion.set(FAMILY["plug change"]);
  const [first, second] = [readReceived(60), readReceived(60)];
  first.next();
  second.next();
  assertStrictEquals(first.kind, second.kind);
});

Deno.test("decodeReceived() says of a link every field", () => {
  assertEquals(decoded(FAMILY["link"]), [{
    about: "link",
    type: 16,
    flags: 2,
    sequence: 7,
    ifindex: 3,
    name: "veth0",
    linkFlags: 0x1043,
    kind: "veth",
    mtu: 1500,
    txqueuelen: 1000,
    gsoMaxSize: 65536,
    qdisc: "noqueue",
    alias: "uplink ünïcode",
    master: 8,
    arpType: 1,
    link: 2,
  }]);
});

Deno.test("decodeReceived() says of a route where it leads, and of one with many ways the first nine", () => {
  const common = { about: "route", type: 24, flags: 2, sequence: 7, family: 2, routeType: 1 } as const;
  assertEquals(decoded(FAMILY["route"]), [{
    ...common,
    destinationLength: 0,
    table: 1000,
    priority: 100,
    ifindexes: [2],
    moreDevices: false,
  }]);
  assertEquals(decoded(FAMILY["route of several ways"]), [{
    ...common,
    destinationLength: 24,
    table: 254,
    priority: 0,
    ifindexes: [1, 2, 3, 4, 5, 6, 7, 8, 9],
    moreDevices: true,
  }]);
});

const ANSWER = {
  about: "answer",
  type: 2,
  sequence: 7,
  sentence: "",
  offset: 0,
  missingType: 0,
  missingNest: 0,
} as const;

Deno.test("decodeReceived() says of an answer what the kernel said", () => {
  assertEquals(decoded(FAMILY["ack"]), [{ ...ANSWER, flags: 0x100, errno: 0 }]);
  assertEquals(decoded(FAMILY["ack with a warning"]), [{ ...ANSWER, flags: 0x300, errno: 0, sentence: "Careful" }]);
  assertEquals(decoded(FAMILY["refusal with all that there is"]), [{
    ...ANSWER,
    flags: 0x200,
    errno: 22,
    sentence: "Bad action",
    offset: 52,
    missingType: 2,
    missingNest: 36,
  }]);
  assertEquals(decoded(FAMILY["end of a dump that failed"]), [{
    ...ANSWER,
    type: 3,
    flags: 0x202,
    errno: 4,
    sentence: "Interrupted",
  }]);
});

Deno.test("decodeReceived() says of captured refusals what tc would print", () => {
  const said = REPLIES.slice(1, 10).map(({ replies: [bytes] }) => {
    const [answer] = decoded(bytes);
    return answer.about === "answer" && [answer.errno, answer.sentence];
  });
  assertEquals(said, [
    [0, ""],
    [2, "Qdisc not found. To create specify NLM_F_CREATE flag"],
    [2, "Specified qdisc kind is unknown"],
    [19, ""],
    [17, "Exclusivity flag on, cannot modify"],
    [22, ""],
    [22, ""],
    [2, "Failed to find specified qdisc"],
    [2, "Cannot delete qdisc with handle of zero"],
  ]);
});

Deno.test("decodeReceived() says of a captured dump what tc says", () => {
  const said = decoded(REPLIES[0].replies[0]).map((each) =>
    each.about === "qdisc" && { kind: each.kind, handle: `${(each.handle >>> 16).toString(16)}:`, ...each.stats }
  );
  assertEquals(
    said,
    TC_JSON.map(({ kind, handle, bytes, packets, qlen, backlog, drops, requeues, overlimits }) => ({
      kind,
      handle,
      bytes,
      packets,
      backlogPackets: qlen,
      backlogBytes: backlog,
      drops,
      requeues,
      overlimits,
    })),
  );
});

Deno.test("Records says by its cursor what its messages say", () => {
  const run = REPLIES[0].replies[0];
  receiveRegion.set(run);
  const records = readReceived(run.length);
  for (const expected of decodeReceived(run.length)) {
    records.next();
    const { type, flags, sequence, ifindex, handle, parent, kind } = records;
    const { bytes, packets, backlogPackets, backlogBytes, drops, requeues, overlimits } = records;
    const stats = { bytes, packets, backlogPackets, backlogBytes, drops, requeues, overlimits };
    const said = { about: "qdisc" as const, type, flags, sequence, ifindex, handle, parent, kind };
    assertEquals({ ...said, stats: records.hasStats ? stats : undefined }, expected);
    assertEquals(records.message(), expected);
  }
  assertEquals(records.next(), false);
  assertEquals(records.moveTo(1).offset, 160);
});

Deno.test("decodeReceived() reads a run as long as the region takes, and refuses a longer one", () => {
  const empty = words(16, 1, 0, 0);
  const run = new Uint8Array(CHUNK_MAX);
  for (let at = 0; at < run.length; at += 16) run.set(empty, at);
  assertEquals(decoded(run).length, CHUNK_MAX / 16);
  assertThrows(() => decodeReceived(CHUNK_MAX + 1), DecodeError, "at most 65536 are decoded at once");
  assertThrows(() => decodeReceived(-1), TypeError, "Cannot decode -1: it is the length that was received");
});

/** Puts a datagram into each slot. */
function receive(...datagrams: Uint8Array[]): void {
  datagrams.forEach((bytes, slot) => {
    receiveRegion.set(bytes, slot * SLOT_LEN);
    slotLengths[slot] = bytes.length;
  });
}

function ack(sequence: number, flags = 0x100, errno = 0): Uint8Array {
  return words(36, 2 | flags << 16, sequence, 9, -errno >>> 0, 60, 36 | 5 << 16, sequence, 0);
}

Deno.test("verifyAcks() counts the ACKs in a row, when all are there", () => {
  receive(...Array.from({ length: SLOTS_MAX }, (_, index) => ack(0xfffffffe + index)));
  for (let count = 0; count <= SLOTS_MAX; count++) assertEquals(verifyAcks(count, 0xfffffffe), count);
});

Deno.test("verifyAcks() stops where something else is, whatever it is", () => {
  const others = [
    ack(2, 0x100, 22),
    ack(3),
    concat(ack(2), new Uint8Array(4)),
    message(3, 2, words(0)),
    FAMILY["ack with a warning"],
    ack(2).subarray(0, 35),
    new Uint8Array(0),
  ];
  for (const other of others) {
    receive(ack(1), other, ack(3));
    assertEquals(verifyAcks(3, 1), 1);
  }
});

Deno.test("verifyAcks() stops at the first that differs in length or in what it says, whichever slot it is in", () => {
  for (const other of [concat(ack(1), new Uint8Array(4)), ack(1, 0x100, 1)]) {
    for (let slot = 0; slot < 9; slot++) {
      receive(...Array.from({ length: 9 }, (_, index) => index < slot ? ack(1 + index) : other));
      assertEquals(verifyAcks(9, 1), slot);
    }
  }
});

Deno.test("readSlots() says of plain ACKs what it says of answers in general", () => {
  for (const count of [0, 1, 5, SLOTS_MAX]) {
    receive(...Array.from({ length: count }, (_, index) => ack(0xfffffff0 + index, 0x100)));
    const records = readSlots(count);
    for (let slot = 0; slot < count; slot++) {
      assertEquals(records.next(), true);
      const { type, flags, sequence, errno, offset } = records;
      const header = { type: 2, flags: 0x100, sequence: (0xfffffff0 + slot) >>> 0 };
      assertEquals({ type, flags, sequence, errno, offset }, { ...header, errno: 0, offset: slot * SLOT_LEN });
      assertEquals([records.word(12), records.word(32), records.word(36)], [9, 0, 0]);
      const nothing = { sentence: "", offset: 0, missingType: 0, missingNest: 0 };
      assertEquals(records.message(), { about: "answer", ...header, errno: 0, ...nothing });
    }
    assertEquals(records.next(), false);
    if (count > 0) assertEquals(records.moveTo(count - 1).offset, (count - 1) * SLOT_LEN);
  }
});

Deno.test("decodeSlots() says which request failed and why, after verifyAcks() has stopped", () => {
  receive(ack(7), FAMILY["refusal with all that there is"], ack(8));
  assertEquals(verifyAcks(3, 7), 1);
  const records = readSlots(3).moveTo(1);
  assertEquals([records.sequence, records.errno, records.offset], [7, 22, SLOT_LEN]);
  assertEquals(decodeSlots(3).map((each) => each.about === "answer" && [each.errno, each.sentence]), [
    [0, ""],
    [22, "Bad action"],
    [0, ""],
  ]);
});

Deno.test("decodeSlots() passes over a slot that was emptied, whatever is in it", () => {
  receive(ack(1), new Uint8Array(8).fill(0xff), ack(3));
  slotLengths[1] = 0;
  const empty = { about: "other", type: 0, flags: 0, sequence: 0 } as const;
  assertEquals(decodeSlots(3).slice(1, 2), [empty]);
});

Deno.test("decodeSlots() refuses a slot that is malformed, and says which", () => {
  receive(ack(1), ack(2).subarray(0, 20));
  assertThrows(() => decodeSlots(2), DecodeError, "length is 36, must be at most 20 (of slot 1)");
  receive(ack(1), concat(ack(2), ack(3)));
  assertThrows(() => decodeSlots(2), DecodeError, "(of slot 1)");
  receive(ack(1));
  slotLengths[0] = SLOT_LEN + 1;
  assertThrows(() => decodeSlots(1), DecodeError, "(of slot 0)");
  for (const count of [-1, SLOTS_MAX + 1, 0.5]) {
    assertThrows(() => decodeSlots(count), RangeError);
  }
  assertThrows(() => verifyAcks(SLOTS_MAX + 1, 1), RangeError, "count is 65, must be a whole number from 0 to 64");
});

Deno.test("readReceived() and decodeReceived() refuse what is no length", () => {
  for (const length of ["zz", undefined, {}, 0.5] as unknown as number[]) {
    assertThrows(() => readReceived(length), TypeError, "it is the length that was received");
    assertThrows(() => decodeReceived(length), TypeError, "it is the length that was received");
  }
});
