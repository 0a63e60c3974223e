/** The table of words in docs/MATCHES.md is what the table of clauses says; `-- --update` writes it. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { CLAUSES } from "../../../gate/match/clauses.ts";
import { unknownToTcpdump } from "../../../gate/bpf/beyond.ts";
import { parseExact, parseMatch } from "../../../gate/match/expression.ts";
import { MatchError } from "../../../gate/match/reader.ts";

const DOC = `${import.meta.dirname}/../../../docs/MATCHES.md`;
const HEAD = ["word", "means", "example"];
const TABLE = /^\| word .*\n(?:\|.*\n)*/m;

Deno.test("docs/MATCHES.md has every word, as the table of clauses says", () => {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const rows = CLAUSES.map(({ syntax, meaning, example }) => [
    cell(syntax).split(", ").map((form) => `\`${form}\``).join(", "),
    cell(meaning),
    `\`${cell(example)}\``,
  ]);
  const table = [HEAD, HEAD.map(() => "---"), ...rows];
  const text = Deno.readTextFileSync(DOC);
  const found = TABLE.exec(text)?.[0] ?? "";
  if (Deno.args.includes("--update")) {
    const lines = table.map((row) => `| ${row.join(" | ")} |\n`).join("");
    Deno.writeTextFileSync(DOC, text.replace(TABLE, () => lines));
    new Deno.Command(Deno.execPath(), { args: ["fmt", "-q", DOC] }).outputSync();
  } else assertEquals(cells(found), table);
});

/** The cells of a table; where it is only ruled, the dashes count for three. */
function cells(table: string): string[][] {
  return table.trim().split("\n").map((line) =>
    line.split(/(?<!\\)\|/).slice(1, -1).map((text) => text.trim().replace(/^-+$/, "---"))
  );
}

Deno.test("every example of the table is understood, and every word is in one row", () => {
  for (const { example, words } of CLAUSES) {
    assert(parseExact(example).length > 0, example);
    assert(words.some((word) => new RegExp(`\\b${word}\\b`).test(example)), `${words} are not in ${example}`);
  }
  const words = CLAUSES.flatMap((clause) => clause.words);
  assertEquals(words.length, new Set(words).size);
});

/** What flower cannot express. */
const BEYOND = /greater|less|\[|mark|not port 22/;

Deno.test("every match in docs/MATCHES.md is understood", () => {
  const text = Deno.readTextFileSync(DOC);
  for (const [, match] of text.matchAll(/--match '([^']+)'/g)) {
    const isBeyond = () => assertThrows(() => parseMatch(match), MatchError).isBeyond && !unknownToTcpdump(match);
    assert(BEYOND.test(match) ? isBeyond() : parseMatch(match).length > 0, match);
  }
});
