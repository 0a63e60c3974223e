import { UsageError } from "../usage_error.ts";

/** The error for text that is no message: it says where, by line and column, both from 1 on. */
export function mistakeAt(text: string, index: number, why: string): UsageError {
  return new UsageError(`cannot read the message at ${placeOf(text, index)}: ${why}`);
}

/** Where in a text: `line 3, column 7`. */
export function placeOf(text: string, index: number): string {
  const before = text.slice(0, index).split("\n");
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}
