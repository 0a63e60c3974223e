import {
  type Request,
  RTM_DELQDISC,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  TC_H_ROOT,
  treeRequest,
} from "../../codec/mod.ts";
import { concat, FAMILY, words } from "../codec/bytes.ts";
import { CAPTURED, REPLIES, REQUESTS } from "../codec/captured.ts";
import { readMessages } from "../codec/reference_decoder.ts";
import { Refused } from "../codec/reference_reader.ts";
import { readTree } from "../codec/reference_tree.ts";

/**
 * The vectors of `runner.mjs` as JSON: what the kernel, tc and libnl really said, a message for each way to say each
 * thing, and each of them cut short anywhere, with what the second decoder makes of them; requests, with what tc sends;
 * a capture.
 */
export function vectorsJson(): string {
  return JSON.stringify({ decodings: decodings(), encodings: ENCODINGS, captures: CAPTURES }, plain);
}

function decodings() {
  const whole = [
    ...CAPTURED.map((bytes, index) => [`captured message ${index}`, bytes] as const),
    ...REPLIES.flatMap(({ name, replies }) => replies.map((bytes) => [name, bytes] as const)),
    ...Object.entries(FAMILY),
  ];
  return [...whole, ...CAPTURED.slice(0, 30).flatMap(cutShort)].map(([name, bytes]) => ({
    name,
    hex: bytes.toHex(),
    tree: outcome(() => readTree(bytes)),
    messages: outcome(() => readMessages(bytes)),
  }));
}

function cutShort(bytes: Uint8Array, index: number) {
  return Array.from({ length: bytes.length }, (_, length) => {
    return [`captured message ${index} of ${length} bytes`, bytes.subarray(0, length)] as const;
  });
}

/** What the second decoder returns, or the offset at which it refuses. */
function outcome(decoder: () => unknown): unknown {
  try {
    return decoder();
  } catch (error) {
    if (error instanceof Refused) return { refusedAt: error.offset };
    throw error;
  }
}

/** What JSON cannot carry, as the runner writes it too. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return { integer: String(value) };
  return value instanceof Uint8Array ? { hex: value.toHex() } : value;
}

const PLUG = { type: RTM_NEWQDISC, ifindex: 1, handle: 0, parent: TC_H_ROOT } as const;

/** Requests, and the bytes that tc and ip send for them, with an ACK asked for. */
const ENCODINGS: readonly { name: string; request: Request; sequence: number; hex: string }[] = [
  {
    name: "tc qdisc change dev lo root plug block",
    request: { ...PLUG, plug: { action: 0, limit: 0 } },
    sequence: 0x6b01319c,
    hex: REQUESTS[2].bytes.toHex(),
  },
  {
    name: "tc qdisc del dev lo handle 1: root",
    request: { ...PLUG, type: RTM_DELQDISC, handle: 0x10000 },
    sequence: 0x6b01319c,
    hex: REQUESTS[7].bytes.toHex(),
  },
  {
    name: "ip link show dev lo",
    request: { type: RTM_GETLINK, ifindex: 1 },
    sequence: 7,
    hex: "2000000012000500070000000000000000000000010000000000000000000000",
  },
  {
    name: "ip link set dev lo up",
    request: treeRequest({ type: RTM_NEWLINK, ifindex: 1, up: true }),
    sequence: 7,
    hex: "2000000010000500070000000000000000000000010000000100000001000000",
  },
];

const change = REQUESTS[2].bytes;
const length = 16 + change.length;
const packet = concat(words(1_700_000_000, 42, length, length), new Uint8Array(16), change);
const CAPTURES = [{
  name: "a capture of tc qdisc change dev lo root plug block",
  hex: concat(words(0xa1b2c3d4, 0x40002, 0, 0, 0x40000, 253), packet).toHex(),
  summaries: [
    "1700000000000042000 RTM_NEWQDISC REQUEST|ACK sequence 1795240348 ifindex 1 handle 0: parent root " +
    'KIND "plug" action TCQ_PLUG_BUFFER limit 0',
  ],
}];
