// Makes a large capture of an nlmon device out of recorded messages, each with values of its own.
import { readCapture } from "../../codec/capture.ts";

const VECTORS = new URL("../../tests/codec/vectors/", import.meta.url);
const COOKED = Uint8Array.of(0, 4, 3, 56, ...new Uint8Array(12));

/** The messages that were recorded: of plugs and gates, and dumps of qdiscs and links. */
async function recorded(): Promise<Uint8Array[]> {
  const capture = await Deno.readFile(new URL("plug_and_gate.pcap", VECTORS));
  return [...readCapture(capture)].map(({ bytes }) => bytes.slice());
}

/** Writes a capture of at least `size` bytes. Returns how many messages it has. */
export async function writeSynthetic(file: string, size: number): Promise<number> {
  const messages = await recorded();
  using target = await Deno.open(file, { write: true, create: true, truncate: true });
  target.writeSync(bytesOf([0xa1b2c3d4, 0x40002, 0, 0, 0x40000, 253]));
  let [written, count] = [0, 0];
  while (written < size) {
    const round = messages.map((message) => packet(message, count++));
    const part = new Uint8Array(await new Blob(round).arrayBuffer());
    target.writeSync(part);
    written += part.length;
  }
  return count;
}

/** A packet of one message, with its own sequence number and, where it has a body, its own device. */
function packet(message: Uint8Array, index: number): Uint8Array<ArrayBuffer> {
  const length = COOKED.length + message.length;
  const bytes = new Uint8Array(16 + length);
  bytes.set(bytesOf([1_795_000_000 + Math.floor(index / 1000), index % 1000 * 1000, length, length]));
  bytes.set(COOKED, 16);
  bytes.set(message, 16 + COOKED.length);
  const view = new DataView(bytes.buffer, 16 + COOKED.length);
  view.setUint32(8, index, true);
  const isAnswer = view.getUint16(4, true) < 16;
  if (!isAnswer && message.length >= 24) view.setUint32(20, 1 + index % 5000, true);
  return bytes;
}

function bytesOf(words: readonly number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Uint32Array(words).buffer);
}
