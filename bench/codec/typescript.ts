// Plain TypeScript: over an Int32Array for ACKs, over a DataView for dumps, as one would write it for this alone.
import { ACKS, acks, DUMP, dumpChunk, measure, report, type Results, SLOT_LEN } from "./input.ts";

const results: Results = {};
const { bytes, count } = dumpChunk();
const view = new DataView(bytes.buffer);
const decoder = new TextDecoder();
// First of all, as in our own process: nothing must have been compiled before.
results["first-dump"] = firstDump();

const words = new Int32Array(acks().buffer);
const lengths = new Int32Array(ACKS).fill(36);
const SLOT_WORDS = SLOT_LEN / 4;

results["acks-verified"] = measure(ACKS, () => {
  for (let slot = 0, at = 0; slot < ACKS; slot++, at += SLOT_WORDS) {
    if (
      lengths[slot] !== 36 || words[at] !== 36 || (words[at + 1] & 0xffff) !== 2 || words[at + 2] !== slot + 1 ||
      words[at + 4] !== 0
    ) return slot;
  }
  return ACKS;
});
results["acks-fields"] = measure(ACKS, () => {
  let sum = 0;
  for (let slot = 0, at = 0; slot < ACKS; slot++, at += SLOT_WORDS) {
    if (lengths[slot] < 36 || words[at] !== 36 || (words[at + 1] & 0xffff) !== 2) return slot;
    sum += words[at + 2] - words[at + 4];
  }
  return sum;
});

results["dump-cursor"] = measure(count, decodeDump);
results["dump-objects"] = measure(count, () => decodeObjects().length);
report(results);

function firstDump(): number {
  const from = performance.now();
  for (let left = DUMP; left > 0; left -= count) decodeDump();
  return (performance.now() - from) * 1e6;
}

/** Reads 11 fields of each message. */
function decodeDump(): number {
  let sum = 0;
  for (const q of qdiscs()) {
    sum ^= q.ifindex ^ q.handle ^ q.parent ^ q.kind.length ^ q.bytes ^ q.packets ^ q.qlen ^ q.backlog ^ q.drops ^
      q.requeues ^ q.overlimits;
  }
  return sum;
}

function decodeObjects() {
  return [...qdiscs()];
}

function qdiscs(): ReturnType<typeof qdisc>[] {
  const list = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < 36 || length > bytes.length - at) throw new RangeError("Malformed message");
    list.push(qdisc(at, at + length));
    at += length + 3 & ~3;
  }
  return list;
}

function qdisc(from: number, end: number) {
  const said = {
    ifindex: view.getInt32(from + 20, true),
    handle: view.getUint32(from + 24, true),
    parent: view.getUint32(from + 28, true),
    kind: "",
    bytes: 0,
    packets: 0,
    qlen: 0,
    backlog: 0,
    drops: 0,
    requeues: 0,
    overlimits: 0,
  };
  for (let at = from + 36; at < end;) {
    const length = view.getUint16(at, true);
    if (length < 4 || length > end - at) throw new RangeError("Malformed attribute");
    const type = view.getUint16(at + 2, true);
    if (type === 1) said.kind = decoder.decode(bytes.subarray(at + 4, at + length - 1));
    if (type === 7) readStats(said, at + 4, at + length);
    at += length + 3 & ~3;
  }
  return said;
}

function readStats(said: ReturnType<typeof qdisc>, from: number, end: number): void {
  for (let at = from; at < end;) {
    const length = view.getUint16(at, true);
    if (length < 4 || length > end - at) throw new RangeError("Malformed attribute");
    const type = view.getUint16(at + 2, true);
    if (type === 1 && length >= 16) {
      said.bytes = view.getUint32(at + 4, true) + view.getUint32(at + 8, true) * 0x100000000;
      said.packets = view.getUint32(at + 12, true);
    } else if (type === 3 && length >= 24) {
      said.qlen = view.getUint32(at + 4, true);
      said.backlog = view.getUint32(at + 8, true);
      said.drops = view.getUint32(at + 12, true);
      said.requeues = view.getUint32(at + 16, true);
      said.overlimits = view.getUint32(at + 20, true);
    }
    at += length + 3 & ~3;
  }
}
