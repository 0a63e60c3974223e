import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  aboutPlugs,
  type CapturedMessage,
  DecodeError,
  formatSummary,
  formatTime,
  readCapture,
} from "../../codec/mod.ts";
import { attribute, concat, FAMILY, message, TCMSG, text, words } from "./bytes.ts";
import { REPLIES } from "./captured.ts";
import { Random } from "./random.ts";

/** How a capture is written. */
interface Form {
  littleEndian?: boolean;
  magic?: number;
  linkType?: number;
}

/** Numbers of 32 bits in one order or the other. */
function numbers(values: readonly number[], littleEndian: boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => view.setUint32(index * 4, value, littleEndian));
  return new Uint8Array(view.buffer);
}

/** `pcap_file_header`, and each datagram behind `pcap_pkthdr` and the cooked header; the first at 5 s and 7 ticks. */
function capture(
  datagrams: readonly Uint8Array[],
  { littleEndian = true, magic = 0xa1b2c3d4, linkType = 253 }: Form = {},
): Uint8Array<ArrayBuffer> {
  const header = numbers([magic, 0x40002, 0, 0, 0x40000, linkType], littleEndian);
  return concat(header, ...datagrams.map((datagram, index) => packet(datagram, { index, littleEndian })));
}

function packet(
  datagram: Uint8Array,
  { index = 0, littleEndian = true, protocol = 0 }: { index?: number; littleEndian?: boolean; protocol?: number } = {},
): Uint8Array {
  const length = 16 + datagram.length;
  const cooked = Uint8Array.of(0, 4, 3, 56, ...new Uint8Array(10), protocol >> 8, protocol & 0xff);
  return concat(numbers([5 + index, 7, length, length], littleEndian), cooked, datagram);
}

const PLUG = FAMILY["plug change"];
const ACK = concat(words(36, 2, 7, 9, 0), PLUG.subarray(0, 16));

/** What is compared of a captured message. */
function said({ timeNs, bytes, message, error }: CapturedMessage) {
  return [timeNs, bytes.toHex(), message?.length ?? error?.message];
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

Deno.test("readCapture() passes over other protocols than NETLINK_ROUTE, and packets without a header", () => {
  const short = concat(words(5, 7, 4, 4), words(0));
  const file = concat(capture([]), packet(PLUG, { protocol: 16 }), short, packet(ACK));
  assertEquals([...readCapture(file)].map(({ bytes }) => bytes.length), [36]);
});

Deno.test("readCapture() says of a message that is cut short that it is, and goes on behind it", () => {
  const messages = [...readCapture(capture([concat(ACK, PLUG.subarray(0, 30)), PLUG]))];
  assertEquals(messages.map(said), [
    [5_000_007_000n, ACK.toHex(), 36],
    [
      5_000_007_000n,
      PLUG.subarray(0, 30).toHex(),
      "Cannot decode message at offset 0: length is 60, must be at most 30",
    ],
    [6_000_007_000n, PLUG.toHex(), 60],
  ]);
});

Deno.test("readCapture() refuses what is no capture of netlink, and says what it is", () => {
  const refused = (file: Uint8Array) => {
    const { message, offset } = assertThrows(() => [...readCapture(file)], DecodeError);
    return [message, offset];
  };
  assertEquals(refused(new Uint8Array(0)), ["Cannot read capture at offset 0: 0 bytes are no pcap file", 0]);
  assertEquals(refused(concat(text("This is a text about netlink"))), [
    "Cannot read capture at offset 0: it begins with 0x54686973, which no pcap file does",
    0,
  ]);
  assertEquals(refused(concat(words(0x0a0d0d0a), new Uint8Array(24))), [
    "Cannot read capture at offset 0: it is pcapng; make it pcap with: editcap -F pcap IN OUT",
    0,
  ]);
  assertEquals(refused(capture([], { linkType: 1 })), [
    "Cannot read capture at offset 20: its link type is 1, must be 253: netlink, captured on an nlmon device",
    20,
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

Deno.test("readCapture() and aboutPlugs() refuse with a DecodeError or not at all, on 500 mutated captures", async () => {
  const whole = await Deno.readFile(new URL("vectors/plug_and_gate.pcap", import.meta.url));
  for (let seed = 1; seed <= 500; seed++) {
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
