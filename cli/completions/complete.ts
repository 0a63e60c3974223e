import { candidates } from "./candidates.ts";
import { shellWords } from "./shell_words.ts";
import { machine } from "./surroundings.ts";

/**
 * Answers a shell that completes a command line: first what it is to offer, `words`, `files` or `command`, then the
 * words, a line each, with a tab and a summary behind them.
 *
 * @param words `words` and the words behind the program's name up to the cursor; or `bash` and the line up to there,
 * since bash splits words at `=` and `:` too, and takes back only what stands behind these.
 */
export function complete([form, ...rest]: readonly string[]): string {
  const words = form === "bash" ? shellWords((rest[0] ?? "").trimStart()).slice(1) : rest;
  const found = candidates(words, machine);
  if (found.kind !== "words") return `${found.kind}\n`;
  const kept = form === "bash" ? /^.*[=:]/s.exec(words.at(-1) ?? "")?.[0].length ?? 0 : 0;
  const lines = found.words.map(({ word, summary }) => form === "bash" ? word.slice(kept) : `${word}\t${summary}`);
  return `${["words", ...lines].join("\n")}\n`;
}
