/** What one process measured: nanoseconds a message, by work. */
export type Results = Record<string, number>;

const WARM_UP_MS = 200;
const RUNS = 5;

/**
 * Measures what a call costs, in nanoseconds for each of its `items`: doubles the rounds until they take
 * 200 ms, which warms up too, and takes the fastest of five runs of a quarter of that.
 */
export function measure(items: number, work: (round: number) => number): number {
  let rounds = 1;
  while (time(rounds, work) < WARM_UP_MS) rounds *= 2;
  const times = Array.from({ length: RUNS }, () => time(Math.ceil(rounds / 4), work));
  return Math.min(...times) / Math.ceil(rounds / 4) / items * 1e6;
}

/** Where results go, so that no engine can find out that nobody needs them. */
export let sink = 0;

function time(rounds: number, work: (round: number) => number): number {
  const from = performance.now();
  for (let round = 0; round < rounds; round++) sink = sink + work(round) | 0;
  return performance.now() - from;
}

/** Prints what a process measured, for the process that started it. */
export function report(results: Results): void {
  for (const [work, nanoseconds] of Object.entries(results)) console.log(`${work} ${nanoseconds.toFixed(4)}`);
}

/** How many changes are acknowledged at once. */
export const ACKS = 64;
/** How far apart two datagrams are received. */
export const SLOT_LEN = 4160;
/** How many qdiscs a long dump has. */
export const DUMP = 10_000;
/** What a kernel puts into one datagram of a dump at most. */
const CHUNK_LEN = 32768;

/** Kinds as they come in a dump, with the bytes that the kernel sends for their options. */
const KINDS: readonly [kind: string, optionBytes: number | undefined][] = [
  ["plug", undefined],
  ["noqueue", undefined],
  ["pfifo_fast", 20],
  ["pfifo", 4],
  ["tbf", 40],
];

/**
 * One datagram of a dump, in the shape in which Linux on x86-64 sends it: TCA_KIND, TCA_OPTIONS where there are
 * any, TCA_HW_OFFLOAD, TCA_STATS2 with basic and queue, TCA_STATS. `count` is how many messages it holds.
 */
export function dumpChunk(): { bytes: Uint8Array; count: number } {
  const parts: Uint8Array[] = [];
  for (let room = CHUNK_LEN;;) {
    const [kind, optionBytes] = KINDS[parts.length % KINDS.length];
    const message = qdisc(parts.length + 1, kind, optionBytes);
    room -= message.length;
    if (room < 0) return { bytes: concat(parts), count: parts.length };
    parts.push(message);
  }
}

function qdisc(ifindex: number, kind: string, optionBytes: number | undefined): Uint8Array {
  const attributes = concat([
    attribute(1, new TextEncoder().encode(`${kind}\0`)),
    ...(optionBytes === undefined ? [] : [attribute(2, new Uint8Array(optionBytes))]),
    attribute(12, new Uint8Array(1)),
    attribute(7, concat([attribute(1, words(ifindex * 1500, 0, ifindex, 0)), attribute(3, words(3, 4542, 2, 1, 5))])),
    attribute(3, words(ifindex * 1500, 0, ifindex, 2, 5, 0, 0, 3, 4542, 0)),
  ]);
  const head = words(36 + attributes.length, 36 | 2 << 16, 1, 4711, 0, ifindex, 0x504c0000, 0xffffffff, 2);
  return concat([head, attributes]);
}

function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + payload.length + 3 & ~3);
  new Uint16Array(bytes.buffer, 0, 2).set([4 + payload.length, type]);
  bytes.set(payload, 4);
  return bytes;
}

/** The ACKs of `ACKS` changes with sequence numbers from 1 on, each in a slot of its own. */
export function acks(): Uint8Array {
  const bytes = new Uint8Array(ACKS * SLOT_LEN);
  for (let index = 0; index < ACKS; index++) {
    bytes.set(words(36, 2 | 0x100 << 16, index + 1, 4711, 0, 60, 36 | 5 << 16, index + 1, 0), index * SLOT_LEN);
  }
  return bytes;
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(values).buffer);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
