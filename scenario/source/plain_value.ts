import type { Scalar } from "../plan.ts";

/**
 * What a scalar without quotes means: nothing, `true`, `false`, a number, or a text. A number is one only as it would be
 * printed: `0.10`, `007` and `0x1f` are texts, so that a command gets what stands in the file.
 */
export function plainValue(text: string): Scalar | null {
  if (text === "" || text === "~" || text === "null") return null;
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d/.test(text) && String(Number(text)) === text ? Number(text) : text;
}
