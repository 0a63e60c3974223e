import { UsageError } from "../usage_error.ts";

/** The error for text that is no message: it says where, by line and column, both from 1 on. */
export function mistakeAt(text: string, index: number, why: string): UsageError {
  const before = text.slice(0, index).split("\n");
  const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
  return new UsageError(`cannot read the message at ${place}: ${why}`);
}
