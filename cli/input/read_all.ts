/**
 * The bytes of a file, or of standard input where it is `-`.
 *
 * @throws {Error} where it cannot be read
 */
export function readAll(file: string): Uint8Array<ArrayBuffer> {
  if (file === "-") return readInput();
  try {
    return Deno.readFileSync(file);
  } catch (error) {
    throw cannotRead(file, error);
  }
}

/** The error for a file that cannot be read. */
export function cannotRead(file: string, cause: unknown): unknown {
  if (cause instanceof Deno.errors.NotFound) return new Error(`Cannot read ${file}: there is no such file`, { cause });
  if (cause instanceof Deno.errors.IsADirectory) return new Error(`Cannot read ${file}: it is a folder`, { cause });
  return cause;
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
