import { assertEquals } from "@std/assert";
import { PacketQueue, PacketStore } from "../../capture/packet_queue.ts";
import { Random } from "../codec/random.ts";

const packet = (number: number, timeNs: number, length = 60) => ({
  timeNs: BigInt(timeNs),
  length,
  bytes: Uint8Array.of(number >> 8, number & 0xff, 1, 2, 3),
});

Deno.test("PacketQueue joins what leaves with what came, in the order in which it came", () => {
  const queue = new PacketQueue();
  [1, 2, 3].forEach((number) => queue.arrive(packet(number, number)));
  const left = queue.leave(packet(1, 100));
  assertEquals([left.arrival?.number, left.arrival?.timeNs, left.timeNs], [1, 1n, 100n]);
  assertEquals(queue.waiting.map(({ number }) => number), [2, 3]);
});

Deno.test("PacketQueue takes packets that say the same in the order in which they came", () => {
  const queue = new PacketQueue();
  [1, 2].forEach((at) => queue.arrive(packet(7, at)));
  assertEquals([3, 4, 5].map((at) => queue.leave(packet(7, at)).arrival?.number), [1, 2, undefined]);
});

Deno.test("PacketQueue does not know a packet that came before the capture, and counts what was dropped", () => {
  const queue = new PacketQueue();
  [1, 2, 3].forEach((number) => queue.arrive(packet(number, number)));
  assertEquals(queue.leave(packet(99, 10)).arrival, undefined);
  assertEquals(queue.leave(packet(3, 11)).arrival?.number, 3);
  assertEquals([queue.skipped, queue.waiting.length], [2, 0]);
});

Deno.test("PacketQueue takes what leaves a queue of two ranks before others for what went first, and none for dropped", () => {
  const queue = new PacketQueue({ isRanked: true });
  queue.count(1, 0n);
  [2, 3, 4, 5].forEach((number) => queue.arrive(packet(number, number)));
  assertEquals([5, 3].map((number) => queue.leave(packet(number, 10)).arrival?.number), [5, 3]);
  assertEquals([queue.waiting.map(({ number }) => number), queue.size, queue.skipped], [[2, 4], 3, 0]);
  assertEquals(queue.leave(packet(99, 11)).number, 1);
  assertEquals([2, 4].map((number) => queue.leave(packet(number, 12)).arrival?.number), [2, 4]);
  assertEquals([queue.size, queue.skipped], [0, 0]);
});

Deno.test("PacketQueue knows what was discarded no more, and what came behind it by its number", () => {
  const queue = new PacketQueue();
  queue.count(2, 0n);
  [3, 4, 5].forEach((number) => queue.arrive(packet(number, number)));
  queue.discard(4);
  assertEquals([queue.waiting.map(({ number }) => number), queue.size, queue.skipped], [[5], 1, 0]);
  assertEquals(queue.leave(packet(3, 9)).arrival, undefined);
  assertEquals(queue.leave(packet(5, 10)).arrival?.number, 5);
  queue.discard(1);
});

Deno.test("PacketQueue counts the copies that were lost, and numbers the packets as if they had come", () => {
  const queue = new PacketQueue();
  queue.arrive(packet(1, 1));
  assertEquals(queue.arrive(packet(5, 5), 3).number, 5);
  assertEquals(queue.lostArrivals, 3);
  assertEquals([2, 5].map((number) => queue.leave(packet(number, 9)).arrival?.number), [undefined, 5]);
  assertEquals(queue.skipped, 1);
});

Deno.test("PacketQueue does not take a packet for one that came later, or had another length", () => {
  const queue = new PacketQueue();
  queue.arrive(packet(1, 50));
  queue.arrive(packet(2, 1, 61));
  assertEquals([packet(1, 49), packet(2, 51, 60)].map((each) => queue.leave(each).arrival), [undefined, undefined]);
});

Deno.test("PacketQueue joins each packet with itself, whatever is lost on the way to it: 2,000 random captures", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const random = new Random(seed);
    const queue = new PacketQueue();
    const held: number[] = [];
    let missing = 0;
    const seen = new Set<number>();
    for (let number = 1; number <= 40; number++) {
      if (random.below(5) === 0) missing++;
      else {
        queue.arrive(packet(number, number), missing);
        seen.add(number);
        missing = 0;
      }
      if (random.below(8) > 0) held.push(number);
      for (let count = random.below(3); count > 0 && held.length > 0; count--) {
        const next = held.shift()!;
        const { arrival } = queue.leave(packet(next, 1000 + number));
        assertEquals(arrival?.number, seen.has(next) ? next : undefined, `seed ${seed}`);
      }
    }
  }
});

Deno.test("PacketQueue numbers those that waited before it, and takes what leaves first for them, also where it says the same", () => {
  const queue = new PacketQueue();
  queue.count(2, 10n);
  assertEquals([20, 21].map((at) => queue.arrive(packet(7, at)).number), [3, 4]);
  assertEquals(queue.queued.map(({ number, count }) => [number, count]), [[1, 2], [3, 1], [4, 1]]);
  const left = [30, 31, 32, 33].map((at) => queue.leave(packet(7, at)));
  assertEquals(left.map(({ number }) => number), [1, 2, 3, 4]);
  assertEquals(left.map(({ arrival }) => arrival?.number), [undefined, undefined, 3, 4]);
  assertEquals(left.map(({ sinceNs }) => sinceNs), [10n, 10n, undefined, undefined]);
  assertEquals([queue.skipped, queue.size], [0, 0]);
});

Deno.test("PacketQueue finds its place again by what packets say, where some left that were not seen", () => {
  const queue = new PacketQueue();
  queue.count(5, 10n);
  [20, 21].forEach((at) => queue.arrive(packet(at, at)));
  queue.forget(4);
  const left = [20, 21].map((number) => queue.leave(packet(number, 40)));
  assertEquals(left.map(({ number, arrival }) => [number, arrival?.timeNs]), [[6, 20n], [7, 21n]]);
  assertEquals(queue.size, 0);
});

Deno.test("PacketQueue numbers what leaves of those whose copies were lost, and says since when they were there", () => {
  const queue = new PacketQueue();
  queue.arrive(packet(1, 1));
  queue.arrive(packet(4, 40), 2);
  const left = [1, 2, 3, 4].map((number) => queue.leave(packet(number, 100)));
  assertEquals(left.map(({ number }) => number), [1, 2, 3, 4]);
  assertEquals(left.map(({ arrival, sinceNs }) => arrival?.timeNs ?? sinceNs), [1n, 40n, 40n, 40n]);
});

Deno.test("PacketQueue puts the tag back that the kernel keeps beside a packet, and compares without it", () => {
  const queue = new PacketQueue();
  const frame = (timeNs: bigint) => ({ timeNs, length: 60, bytes: new Uint8Array(60).map((_, at) => at) });
  const tag = 0x8100_000c;
  // Of one filter it is known when the packet comes in, of another only when it leaves
  for (const cameWith of [tag, 0]) {
    const came = queue.arrive({ ...frame(1n), tag: cameWith });
    assertEquals(came.length, cameWith ? 64 : 60);
    const left = queue.leave({ ...frame(2n), tag });
    assertEquals([...left.bytes.subarray(10, 18)], [10, 11, 0x81, 0, 0, 12, 12, 13]);
    assertEquals([left.length, left.arrival?.length, left.arrival?.bytes], [64, 64, left.bytes]);
  }
});

Deno.test("PacketQueue stays quick where 100,000 packets wait and others leave before them", () => {
  const queue = new PacketQueue();
  queue.arrive(packet(0, 1));
  for (let number = 1; number <= 100_000; number++) queue.arrive(packet(number & 0xffff, number, 60 + number));
  for (let number = 1; number <= 20_000; number++) assertEquals(queue.leave(packet(1, 200_000, 59)).arrival, undefined);
  for (let number = 0; number <= 100_000; number++) {
    assertEquals(queue.leave(packet(number & 0xffff, 200_000, 60 + number)).arrival?.number, number + 1);
  }
});

Deno.test("PacketStore keeps what it was given, whatever comes after it", () => {
  const store = new PacketStore();
  const given = Array.from(
    { length: 1000 },
    (_, at) => new Uint8Array(at % 7 === 0 ? 20_000 : at % 256).fill(at % 251),
  );
  const kept = given.map((bytes) => store.keep(bytes));
  assertEquals(kept, given);
  kept[1].fill(255);
  assertEquals(kept.slice(2), given.slice(2));
});
