/** The beginning of an array of bytes in C, as `encode --format c` and `xxd -i` write it. */
const ARRAY = /=\s*\{\s*0x/i;
/** An array from its brace on, or what stands between two, or a comment. */
const PARTS = /(=\s*\{)([^}]*)\}|[^=]+|=/g;

/**
 * A text in which nothing but the numbers of the arrays in C is left, each where it was; `undefined` where there is no
 * array.
 */
export function arraysAlone(text: string): string | undefined {
  if (!ARRAY.test(text)) return undefined;
  const withoutComments = text.replaceAll(/\/\*.*?\*\/|\/\/.*?$/gms, blank);
  return withoutComments.replaceAll(PARTS, (part, start?: string, inside?: string) => {
    return inside === undefined || start === undefined ? blank(part) : `${blank(start)}${inside} `;
  });
}

/** The text with a space for each letter, its lines kept. */
function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, " ");
}
