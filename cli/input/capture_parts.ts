import { cannotRead } from "./read_all.ts";

const PART_LEN = 1 << 16;
/** The first two bytes of gzip. */
const GZIP = [0x1f, 0x8b];

/**
 * The bytes of a capture, part by part, from a file or from standard input where it is `-`; what gzip has compressed is
 * decompressed. A part is written over when the next is asked for.
 *
 * @throws {Error} where it cannot be read
 */
export async function* captureParts(file: string): AsyncGenerator<Uint8Array, void> {
  using input = openInput(file);
  const parts = partsOf(input.source, file);
  const first = parts.next().value ?? new Uint8Array(0);
  if (!GZIP.every((byte, at) => first[at] === byte)) {
    yield first;
    yield* parts;
    return;
  }
  yield* decompressed(copies(first, parts), file);
}

async function* decompressed(parts: Iterable<Uint8Array>, file: string): AsyncGenerator<Uint8Array, void> {
  const [{ createGunzip }, { pipeline, Readable }] = await Promise.all([import("node:zlib"), import("node:stream")]);
  try {
    yield* pipeline(Readable.from(parts), createGunzip(), () => {});
  } catch (cause) {
    if (cause instanceof Error && !("code" in cause)) throw cause;
    const name = file === "-" ? "standard input" : file;
    throw new Error(`Cannot decompress all of ${name}: ${(cause as Error).message}`, { cause });
  }
}

interface Source {
  readSync(bytes: Uint8Array): number | null;
}

function openInput(file: string): Disposable & { source: Source } {
  if (file === "-") return { source: Deno.stdin, [Symbol.dispose]: () => {} };
  try {
    const source = Deno.openSync(file);
    return { source, [Symbol.dispose]: () => source.close() };
  } catch (error) {
    throw cannotRead(file, error);
  }
}

function* partsOf(source: Source, file: string): Generator<Uint8Array, void> {
  const part = new Uint8Array(PART_LEN);
  const read = () => {
    try {
      return source.readSync(part);
    } catch (error) {
      throw cannotRead(file, error);
    }
  };
  for (let length = read(); length !== null; length = read()) yield part.subarray(0, length);
}

/** The parts, each in memory of its own, since a stream reads ahead. */
function* copies(first: Uint8Array, parts: Iterable<Uint8Array>): Generator<Uint8Array, void> {
  yield first.slice();
  for (const part of parts) yield part.slice();
}
