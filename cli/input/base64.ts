/** Four letters for three bytes; at the end two or three letters, with or without `=` up to four. */
const FORM = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/**
 * The bytes of base64, broken into lines or not; `undefined` where the text is not base64 of something that begins
 * with a message's length. Without that, a mistake in hex would be base64.
 */
export function base64Bytes(text: string): Uint8Array | undefined {
  const letters = text.replaceAll(/\s+/g, "").replaceAll("-", "+").replaceAll("_", "/");
  if (/^[0-9a-f]*$/i.test(letters) || !FORM.test(letters)) return undefined;
  const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
  const length = bytes.length < 4 ? 0 : new DataView(bytes.buffer).getUint32(0, true);
  return length >= 16 && length <= bytes.length ? bytes : undefined;
}
