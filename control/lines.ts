/** How long a line may be, in characters: of a longer one the beginning is given, with so much more than is allowed. */
export const LINE_MAX = 1 << 20;

/** Yields each line of a stream of UTF-8 text once it is whole, without its end; the last also where it has none. */
export async function* readLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = text.split("\n");
    parts[0] = rest + parts[0];
    // What is too long is not kept: it is refused by its length.
    rest = (parts.pop() ?? "").slice(0, LINE_MAX + 1);
    yield* parts;
  }
  if (rest !== "") yield rest;
}
