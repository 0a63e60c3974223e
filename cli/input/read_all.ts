/**
 * The bytes of a file, or of standard input where it is `-`.
 *
 * @throws {Error} where there is no such file
 */
export function readAll(file: string): Uint8Array<ArrayBuffer> {
  if (file === "-") return readInput();
  try {
    return Deno.readFileSync(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`Cannot read ${file}: there is no such file`, { cause: error });
  }
}

function readInput(): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const part = new Uint8Array(1 << 16);
    const length = Deno.stdin.readSync(part);
    if (length === null) return joined(parts);
    parts.push(part.subarray(0, length));
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
