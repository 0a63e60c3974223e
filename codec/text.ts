/** Keeps a byte order mark: no byte may be lost. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text of bytes `start` to `end`; names are nearly always ASCII and short, which this favours. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) {
    if (bytes[at] > 0x7f) return decoder.decode(bytes.subarray(start, end));
    text += String.fromCharCode(bytes[at]);
  }
  return text;
}
