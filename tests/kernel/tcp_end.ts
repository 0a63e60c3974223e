/**
 * One end of a TCP transfer, as a program:
 *
 * - `tcp_end.ts receive ADDRESS PORT` says `listening` when it is, then accepts one connection;
 * - `tcp_end.ts send ADDRESS PORT BYTES` connects, and sends.
 *
 * When the connection ends, either writes the count and the SHA-256 of its bytes as a line of JSON.
 *
 * @module
 */

import { createHash } from "node:crypto";

const CHUNK_BYTES = 64 * 1024;

/** What passed through one end. */
export interface Passed {
  bytes: number;
  sha256: string;
}

/** Counts and hashes what flows through. */
function measure(): { stream: TransformStream<Uint8Array<ArrayBuffer>>; passed: () => Passed } {
  const hash = createHash("sha256");
  let bytes = 0;
  const stream = new TransformStream<Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      controller.enqueue(chunk);
    },
  });
  return { stream, passed: () => ({ bytes, sha256: hash.digest("hex") }) };
}

async function receive(address: Deno.TcpListenOptions): Promise<Passed> {
  using listener = Deno.listen(address);
  console.log("listening");
  const connection = await listener.accept();
  const { stream, passed } = measure();
  await connection.readable.pipeThrough(stream).pipeTo(new WritableStream());
  return passed();
}

async function send(address: Deno.ConnectOptions, count: number): Promise<Passed> {
  const connection = await Deno.connect(address);
  const { stream, passed } = measure();
  await ReadableStream.from(randomChunks(count)).pipeThrough(stream).pipeTo(connection.writable);
  return passed();
}

function* randomChunks(count: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let left = count; left > 0; left -= CHUNK_BYTES) {
    yield crypto.getRandomValues(new Uint8Array(Math.min(left, CHUNK_BYTES)));
  }
}

const [role, hostname, port, count] = Deno.args;
const address = { hostname, port: Number(port) };
const passed = role === "send" ? await send(address, Number(count)) : await receive(address);
console.log(JSON.stringify(passed));
