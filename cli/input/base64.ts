const FORM = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * The bytes of base64, broken into lines or not; `undefined` where the text is not base64 of something that begins
 * with a message's length. Without that, a mistake in hex would be base64.
 */
export function base64Bytes(text: string): Uint8Array | undefined {
  const letters = text.replaceAll(/\s+/g, "").replaceAll("-", "+").replaceAll("_", "/");
  if (/^[0-9a-f]*$/i.test(letters) || letters.length % 4 === 1 || !FORM.test(letters)) return undefined;
  const bytes = Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0));
  const length = bytes.length < 4 ? 0 : new DataView(bytes.buffer).getUint32(0, true);
  return length >= 16 && length <= bytes.length ? bytes : undefined;
}
