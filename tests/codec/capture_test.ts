import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  aboutPlugs,
  type CapturedMessage,
  CaptureReader,
  DecodeError,
  formatSummary,
  formatTime,
  readCapture,
} from "../../codec/family.ts";
import { attribute, concat, FAMILY, message, TCMSG, text, words } from "./bytes.ts";
import { REPLIES } from "./captured.ts";
import {
  block,
  cooked,
  describeInterface,
  enhanced,
  numbers,
  option,
  pcap as capture,
  pcapPacket,
  section,
} from "./captures.ts";
import { Random } from "./random.ts";

const PLUG = FAMILY["plug change"];
const ACK = concat(words(36, 2, 7, 9, 0), PLUG.subarray(0, 16));

/** What is compared of a captured message. */
function said({ timeNs, bytes, message, error }: CapturedMessage) {
  return [timeNs, bytes.toHex(), error?.message ?? message?.length];
}

Deno.test("readCapture() gives each message with its time, in either byte order, in micro- and nanoseconds", () => {
  for (const littleEndian of [true, false]) {
    const expected = (ns: bigint) => [[5_000_000_000n + ns, PLUG.toHex(), 60], [6_000_000_000n + ns, ACK.toHex(), 36]];
    const micro = readCapture(capture([PLUG, ACK], { littleEndian }));
    assertEquals([...micro].map(said), expected(7000n));
    const nano = readCapture(capture([PLUG, ACK], { littleEndian, magic: 0xa1b23c4d }));
    assertEquals([...nano].map(said), expected(7n));
  }
});

Deno.test("readCapture() gives every message of a datagram, when the file is part of a larger buffer", () => {
  const run = REPLIES[0].replies[0];
  const file = concat(new Uint8Array(3), capture([run])).subarray(3);
  const messages = [...readCapture(file)];
  assertEquals(messages.map(({ timeNs }) => timeNs), new Array(10).fill(5_000_007_000n));
  assertEquals(concat(...messages.map(({ bytes }) => bytes)).length, run.length);
});

Deno.test("readCapture() passes over protocols other than NETLINK_ROUTE and NETLINK_GENERIC, and packets without a header", () => {
  const short = concat(words(5, 7, 4, 4), words(0));
  const file = concat(capture([]), pcapPacket(cooked(PLUG, 4)), short, pcapPacket(cooked(ACK)));
  assertEquals([...readCapture(file)].map(({ bytes }) => bytes.length), [36]);
});

Deno.test("readCapture() says of a message that is cut short that it is, and goes on behind it", () => {
  const messages = [...readCapture(capture([concat(ACK, PLUG.subarray(0, 30)), PLUG]))];
  assertEquals(messages.map(said), [
    [5_000_007_000n, ACK.toHex(), 36],
    [
      5_000_007_000n,
      PLUG.subarray(0, 30).toHex(),
      "Cannot decode message at offset 0: length is 60, must be at most 30 (of the message at offset 36)",
    ],
    [6_000_007_000n, PLUG.toHex(), 60],
  ]);
});

Deno.test("readCapture() refuses what is no capture of netlink, and says what it is", () => {
  const refused = (file: Uint8Array) => {
    const { message, offset } = assertThrows(() => [...readCapture(file)], DecodeError);
    return [message, offset];
  };
  assertEquals(refused(new Uint8Array(0)), ["Cannot read capture at offset 0: 0 bytes are not a capture", 0]);
  assertEquals(refused(concat(text("This is a text about netlink"))), [
    "Cannot read capture at offset 0: it begins with 0x54686973, which neither pcap nor pcapng does",
    0,
  ]);
  assertEquals(refused(capture([], { linkType: 1 })), [
    "Cannot read capture: its link type is 1, must be 253: netlink, captured on an nlmon device",
    0,
  ]);
});

Deno.test("readCapture() gives what stands before the end, when the file ends within a packet", () => {
  const whole = capture([PLUG, ACK]);
  const first = 24 + 32 + PLUG.length;
  for (let length = first + 1; length < whole.length; length++) {
    const messages: CapturedMessage[] = [];
    const error = assertThrows(() => {
      for (const message of readCapture(whole.subarray(0, length))) messages.push(message);
    }, DecodeError);
    assertEquals(messages.length, 1);
    assertEquals(error.offset, length < first + 16 ? first : first + 16);
  }
  assertEquals([...readCapture(whole.subarray(0, first))].length, 1);
});

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("readCapture() reads pcapng in either byte order: ticks, offsets, comments, every kind of packet", () => {
  for (const littleEndian of [true, false]) {
    const form = { littleEndian };
    const of = (type: number, ...value: number[]) => option(type, Uint8Array.from(value), littleEndian);
    const offset = littleEndian ? [10, 0, 0, 0, 0, 0, 0, 0] : [0, 0, 0, 0, 0, 0, 0, 10];
    const note = option(1, utf8("öfter als einmal"), littleEndian);
    const file = concat(
      section(littleEndian),
      block(10, utf8("decryption secrets"), littleEndian),
      describeInterface(form),
      describeInterface({ ...form, options: [option(2, utf8("nlmon0"), littleEndian), of(9, 9), of(14, ...offset)] }),
      describeInterface({ ...form, options: [of(9, 0x80 | 10), of(0)] }),
      describeInterface({ ...form, linkType: 1 }),
      enhanced(cooked(PLUG), { ...form, ticks: 5_000_001n }),
      enhanced(cooked(ACK), { ...form, index: 1, ticks: 1n << 33n | 3n, options: [note, of(0)] }),
      enhanced(utf8("an Ethernet frame"), { ...form, index: 3 }),
      enhanced(cooked(ACK), { ...form, index: 2, ticks: 1536n }),
      block(3, concat(numbers([16 + ACK.length], littleEndian), cooked(ACK)), littleEndian),
      block(2, oldPacket(cooked(PLUG), littleEndian), littleEndian),
    );
    const messages = [...readCapture(file)];
    assertEquals(messages.map(({ timeNs, message }) => [timeNs, message?.length]), [
      [5_000_001_000n, 60],
      [18_589_934_595n, 36],
      [1_500_000_000n, 36],
      [0n, 36],
      [9_000_000_000n, 60],
    ]);
    assertEquals(messages.map(({ comment }) => comment), [
      undefined,
      "öfter als einmal",
      undefined,
      undefined,
      undefined,
    ]);
  }
});

/** The body of a packet block of before: interface 0, no drops, 9 s. */
function oldPacket(bytes: Uint8Array, littleEndian: boolean): Uint8Array {
  const head = [0, 0, 9_000_000, bytes.length, bytes.length];
  return concat(numbers(head, littleEndian), bytes, new Uint8Array(-bytes.length & 3));
}

Deno.test("readCapture() takes each section of pcapng by its own order and its own interfaces", () => {
  const sections = [true, false].map((littleEndian) =>
    concat(section(littleEndian), describeInterface({ littleEndian }), enhanced(cooked(PLUG), { littleEndian }))
  );
  assertEquals([...readCapture(concat(...sections))].map(({ message }) => message?.length), [60, 60]);
  const { message } = assertThrows(() => [...readCapture(concat(section(), enhanced(cooked(PLUG))))], DecodeError);
  assertEquals(message, "Cannot read capture at offset 28: a packet of interface 0, of 0 that the section describes");
});

/** What is wrong with each block of pcapng. */
const BAD_BLOCKS: readonly (readonly [file: Uint8Array, said: string])[] = [
  [concat(section(), numbers([6, 8]), new Uint8Array(4)), "at offset 32: a block of 8 bytes"],
  [concat(section(), numbers([6, 33]), new Uint8Array(33)), "at offset 32: a block of 33 bytes"],
  [
    concat(section(), numbers([6, 0x7ffffff0]), new Uint8Array(33)),
    "at offset 28: a packet of 2147483632 bytes, must be at most 16777216",
  ],
  [
    concat(section(), describeInterface(), block(6, numbers([0, 0, 0, 400, 400]))),
    "at offset 52: a block of 32 bytes, must have at least 432",
  ],
  [concat(section(), block(1, numbers([1]))), "at offset 32: a block of 16 bytes, must have at least 20"],
  [
    concat(numbers([0x0a0d0d0a, 28, 7]), new Uint8Array(16)),
    "at offset 8: a section that does not say how its numbers are ordered",
  ],
];

Deno.test("readCapture() says where a block of pcapng is malformed", () => {
  for (const [file, said] of BAD_BLOCKS) {
    const { message } = assertThrows(() => [...readCapture(file)], DecodeError);
    assertEquals(message, `Cannot read capture ${said}`);
  }
});

Deno.test("readCapture() says how much of a packet was not captured", () => {
  const [first, last] = [...readCapture(capture([concat(ACK, PLUG), ACK], { snapLength: 16 + 36 + 40 }))];
  assertEquals([first.message?.length, first.missing], [36, undefined]);
  assertEquals([last.bytes.length, last.missing, last.error?.name], [40, 20, "DecodeError"]);
});

Deno.test("CaptureReader reads the same, whatever the parts are that a capture comes in", () => {
  const snapped = { snapLength: 60 };
  const files = [
    capture([PLUG, ACK, PLUG]),
    concat(section(), describeInterface(), enhanced(cooked(PLUG), snapped), enhanced(cooked(ACK))),
  ];
  for (const file of files) {
    const whole = [...readCapture(file)].map(said);
    for (let seed = 1; seed <= 300; seed++) {
      const random = new Random(seed);
      const reader = new CaptureReader();
      const part = new Uint8Array(100);
      const messages: unknown[] = [];
      for (let at = 0; at < file.length;) {
        const length = Math.min(random.below(90), file.length - at);
        part.set(file.subarray(at, at + length));
        for (const message of reader.read(part.subarray(0, length))) messages.push(said(message));
        part.fill(0xee);
        at += length;
      }
      reader.end();
      assertEquals(messages, whole, `seed ${seed}`);
    }
  }
});

/** What a capture of these datagrams has about plugs. */
function summaries(...datagrams: Uint8Array[]): string[] {
  const messages = [...aboutPlugs(readCapture(capture(datagrams)))];
  return messages.map(({ message, error }) => message ? formatSummary(message) : `${error?.name}`);
}

const FLAGS = 5;
const request = (type: number, kind: string) => message(type, FLAGS, TCMSG, attribute(1, text(kind)));
const link = (flags: number, index: number, ...attributes: Uint8Array[]) =>
  message(16, flags, words(0, index, 0, 0), ...attributes);
const answerTo = (request: Uint8Array) => message(2, 0x100, words(0), request.subarray(0, 16));
const IFB = attribute(18, attribute(1, text("ifb")));

Deno.test("aboutPlugs() gives what is about plugs, clsact, flower filters, and the answers to that", () => {
  assertEquals(
    summaries(PLUG, answerTo(PLUG), request(36, "clsact"), request(45, "flower"), message(37, FLAGS, TCMSG)).length,
    5,
  );
});

Deno.test("aboutPlugs() passes over other kinds, requests to be told, and the answers to those", () => {
  const others = [request(36, "fq_codel"), request(44, "bpf"), message(38, 0x301, TCMSG), FAMILY["link"]];
  assertEquals(summaries(...others.flatMap((other) => [other, answerTo(other)]), FAMILY["end of a dump"]), []);
});

Deno.test("aboutPlugs() gives what is done to an ifb device by its index, once its kind was met, and no list", () => {
  const [listed, made, up, other] = [link(2, 5, IFB), link(FLAGS, 0, IFB), link(FLAGS, 5), link(2, 6)];
  assertEquals(summaries(listed, made, up, other, link(FLAGS, 6)), [
    'RTM_NEWLINK REQUEST|ACK sequence 7 ifindex 0 INFO_KIND "ifb"',
    "RTM_NEWLINK REQUEST|ACK sequence 7 ifindex 5",
  ]);
});

Deno.test("aboutPlugs() gives a request about a device of which nothing is known", () => {
  const veth = link(FLAGS, 0, attribute(18, attribute(1, text("veth"))));
  assertEquals(summaries(veth, link(FLAGS, 5)), ["RTM_NEWLINK REQUEST|ACK sequence 7 ifindex 5"]);
});

Deno.test("formatTime() writes nanoseconds since 1970 in UTC", () => {
  assertEquals([0n, 1_700_000_000_000_000_789n].map(formatTime), [
    "1970-01-01T00:00:00.000000000Z",
    "2023-11-14T22:13:20.000000789Z",
  ]);
});

Deno.test("aboutPlugs() gives what cannot be decoded, which may be anything", () => {
  assertEquals(summaries(Uint8Array.of(1, 2, 3)), ["DecodeError"]);
});

Deno.test("readCapture() and aboutPlugs() refuse with a DecodeError or not at all, on 1,000 mutated captures", async () => {
  const pcap = await Deno.readFile(new URL("vectors/plug_and_gate.pcap", import.meta.url));
  const datagrams = [...readCapture(pcap)].map(({ bytes }) =>
    enhanced(cooked(bytes), { options: [option(1, utf8("x"))] })
  );
  const pcapng = concat(
    section(),
    describeInterface({ options: [option(9, Uint8Array.of(9))] }),
    ...datagrams.slice(0, 20),
  );
  for (let seed = 1; seed <= 1000; seed++) {
    const whole = seed % 2 === 0 ? pcap : pcapng;
    const random = new Random(seed);
    const file = whole.slice(0, random.below(10) === 0 ? random.below(whole.length) : whole.length);
    for (let count = random.below(6); count >= 0; count--) file[random.below(file.length)] = random.below(256);
    try {
      for (const { message, error } of aboutPlugs(readCapture(file))) assert(message || error, `seed ${seed}`);
    } catch (error) {
      assert(error instanceof DecodeError, `seed ${seed}: ${error}`);
    }
  }
});

Deno.test("aboutPlugs() gives an answer that comes behind 4,000 other requests, of a capture as long as one likes", () => {
  const requests = Array.from({ length: 20_000 }, (_, sequence) => {
    const bytes = PLUG.slice();
    new DataView(bytes.buffer).setUint32(8, sequence, true);
    return bytes;
  });
  const late = [answerTo(requests[16_000]), answerTo(requests[0]), answerTo(PLUG.slice().fill(0xff, 8, 12))];
  assertEquals(summaries(...requests, ...late).length, requests.length + 1);
});

/** A request for the family `psample`, and what the controller answers: its messages have the type 31. */
const ASKED = Uint8Array.fromHex("20000000100005000100000000000000030100000c0002007073616d706c6500");
const ANSWERED = Uint8Array.fromHex(
  "280000001000000001000000000000000102000006000100" + "1f0000000c0002007073616d706c6500",
);
/** A message of that family. */
const SAMPLE = Uint8Array.fromHex(
  "200000001f0000000000000000000000000100000600000007000000080002" + "0062000000".slice(2),
);

Deno.test("readCapture() reads generic netlink's controller, and psample once the controller has named it", () => {
  const sample = concat(SAMPLE);
  const file = concat(capture([]), ...[sample, ASKED, ANSWERED, sample].map((each) => pcapPacket(cooked(each, 16))));
  const messages = [...readCapture(file)];
  assertEquals(messages.map(({ message, isGeneric }) => [message && formatSummary(message), isGeneric]), [
    ["generic netlink family 31 sequence 0", true],
    ['GENL_ID_CTRL REQUEST|ACK sequence 1 cmd CTRL_CMD_GETFAMILY ATTR_FAMILY_NAME "psample"', true],
    ['GENL_ID_CTRL sequence 1 cmd CTRL_CMD_NEWFAMILY ATTR_FAMILY_NAME "psample"', true],
    ["psample sequence 0 cmd PSAMPLE_CMD_SAMPLE", true],
  ]);
  assertEquals([...aboutPlugs(messages)], []);
  assertEquals("isGeneric" in [...readCapture(capture([PLUG]))][0], false);
});
