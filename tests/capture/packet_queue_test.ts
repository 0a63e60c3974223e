import { assertEquals } from "@std/assert";
import { PacketQueue } from "../../capture/gate_capture.ts";
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
  assertEquals([queue.dropped, queue.waiting.length], [2, 0]);
});

Deno.test("PacketQueue counts the copies that were lost, and numbers the packets as if they had come", () => {
  const queue = new PacketQueue();
  queue.arrive(packet(1, 1));
  assertEquals(queue.arrive(packet(5, 5), 3).number, 5);
  assertEquals(queue.lostArrivals, 3);
  assertEquals([2, 5].map((number) => queue.leave(packet(number, 9)).arrival?.number), [undefined, 5]);
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
