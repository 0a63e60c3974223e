// What iproute2 and libnl really sent, and what a real kernel (Linux 6.1) really answered.
import { RARE } from "./rare_messages.ts";
import requests from "./vectors/requests.json" with { type: "json" };
import dumps from "./vectors/dumps.json" with { type: "json" };
import replies from "./vectors/replies.json" with { type: "json" };

/** A captured request and the command that sent it. */
export interface CapturedRequest {
  command: string;
  bytes: Uint8Array<ArrayBuffer>;
}

export const REQUESTS: readonly CapturedRequest[] = requests.map(({ command, hex }) => ({
  command,
  bytes: Uint8Array.fromHex(hex),
}));

/** What the kernel answered to a request, datagram by datagram. */
export interface CapturedReply {
  name: string;
  request: Uint8Array<ArrayBuffer>;
  replies: Uint8Array<ArrayBuffer>[];
}

export const REPLIES: readonly CapturedReply[] = replies.map(({ name, request, replies }) => ({
  name,
  request: Uint8Array.fromHex(request),
  replies: replies.map((hex) => Uint8Array.fromHex(hex)),
}));

/** What tc said of the state of which the first reply is a dump. */
export const TC_JSON = replies[0].tc_json ?? [];

/** A message of each kind that a kernel (Linux 6.1) dumped: devices, qdiscs, filters, actions, addresses, routes, rules. */
export const DUMPS: readonly { name: string; bytes: Uint8Array<ArrayBuffer> }[] = dumps.map(({ name, hex }) => ({
  name,
  bytes: Uint8Array.fromHex(hex),
}));

/** Every captured message by itself, its padding up to the next included. */
export const CAPTURED: readonly Uint8Array<ArrayBuffer>[] = [
  ...REQUESTS.map(({ bytes }) => bytes),
  ...REPLIES.flatMap(({ request, replies }) => [request, ...replies.flatMap(split)]),
  ...DUMPS.map(({ bytes }) => bytes),
  ...RARE,
];

function split(run: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] {
  const messages: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < run.length;) {
    const length = new DataView(run.buffer, at).getUint32(0, true);
    messages.push(run.slice(at, at + length));
    at += length + 3 & ~3;
  }
  return messages;
}
