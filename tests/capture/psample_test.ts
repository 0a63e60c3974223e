import { assert, assertEquals, assertThrows } from "@std/assert";
import { askForPsample, onlyGroups, readFamily, readSample } from "../../capture/psample.ts";
import { NetlinkError } from "../../linux/netlink_error.ts";
import { attribute, concat, message, text, wideWords, words } from "../codec/bytes.ts";
import { Random } from "../codec/random.ts";

const half = (value: number) => new Uint8Array(new Uint16Array([value]).buffer);
const header = (command: number) => Uint8Array.of(command, 1, 0, 0);
const FAMILY = { id: 27, packets: 9 };
const group = (name: string, id: number) => concat(attribute(1, text(name)), attribute(2, words(id)));

const ANSWER = message(
  16,
  0,
  header(1),
  attribute(2, text("psample")),
  attribute(1, half(27)),
  attribute(7, attribute(1, group("config", 8)), attribute(2, group("packets", 9))),
);

Deno.test("askForPsample() asks the controller of generic netlink for the family by its name", () => {
  assertEquals(
    askForPsample(1).toHex(),
    "20000000100001000100000000000000" + "03010000" + "0c00020070" + "73616d706c6500",
  );
});

Deno.test("readFamily() reads the numbers of psample and of its group, or that there is none", () => {
  assertEquals(readFamily(ANSWER), FAMILY);
  assertEquals(readFamily(message(2, 0, words(-2), new Uint8Array(16))), undefined);
  assertThrows(() => readFamily(message(2, 0, words(-1), new Uint8Array(16))), NetlinkError);
});

const PACKET = Uint8Array.from({ length: 30 }, (_, index) => index);
const SAMPLE = message(
  27,
  0,
  header(0),
  attribute(0, half(3)),
  attribute(5, words(1)),
  attribute(2, words(1514)),
  attribute(3, words(0x50000001)),
  attribute(4, words(7)),
  attribute(13, wideWords(1_795_660_127_123_456_789n)),
  attribute(6, PACKET),
);

Deno.test("readSample() reads the copy of a packet", () => {
  assertEquals(readSample(SAMPLE, FAMILY), {
    group: 0x50000001,
    sequence: 7,
    length: 1514,
    timeNs: 1_795_660_127_123_456_789n,
    bytes: PACKET,
  });
  assertEquals(readSample(SAMPLE, { id: 28, packets: 9 }), undefined);
});

Deno.test("readSample() gives nothing of what is cut off or damaged, and never throws: 20,000 mutants", () => {
  for (let seed = 1; seed <= 20_000; seed++) {
    const random = new Random(seed);
    const bytes = SAMPLE.slice(0, random.below(3) === 0 ? random.below(SAMPLE.length) : SAMPLE.length);
    for (let count = random.below(4); count > 0 && bytes.length > 0; count--) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    const sample = readSample(bytes, FAMILY);
    assert(sample === undefined || sample.bytes.length <= bytes.length, `seed ${seed}`);
  }
});

/** Runs a program of classic BPF as the kernel does, as far as these have instructions. */
function accepts(program: ReturnType<typeof onlyGroups>, message: Uint8Array): boolean {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  let [a, x] = [0, 0];
  for (let at = 0;; at++) {
    const [code, ifSo, ifNot, value] = program[at];
    if (code === 0x00) a = value;
    else if (code === 0x01) x = value;
    else if (code === 0x07) x = a;
    else if (code === 0x20 && value === 0xfffff00c) a = attributeAt(view, { from: a, type: x });
    else if (code === 0x40) a = view.getUint32(x + value);
    else if (code === 0x54) a = (a & value) >>> 0;
    else if (code === 0x15) at += a === value ? ifSo : ifNot;
    else if (code === 0x06) return value !== 0;
    else throw new Error(`no instruction ${code}`);
  }
}

/** `SKF_AD_NLATTR`: where an attribute stands; 0 where there is none. */
function attributeAt(view: DataView, { from, type }: { from: number; type: number }): number {
  for (let at = from; at + 4 <= view.byteLength;) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > view.byteLength) return 0;
    if (view.getUint16(at + 2, true) === type) return at;
    at += length + 3 & ~3;
  }
  return 0;
}

Deno.test("onlyGroups() lets the samples of some groups through, and no other message", () => {
  const sampleOf = (group: number) => message(27, 0, header(0), attribute(0, half(3)), attribute(3, words(group)));
  const program = onlyGroups(0x40000104, 4);
  const groups = [0x40000103, 0x40000104, 0x40000107, 0x40000108, 0x50000104, 0x04010040, 0];
  assertEquals(groups.map((group) => accepts(program, sampleOf(group))), [
    false,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  assertEquals([accepts(program, ANSWER), accepts(program, SAMPLE)], [false, false]);
  assertEquals(accepts(onlyGroups(0x50000000, 4), SAMPLE), true);
});
