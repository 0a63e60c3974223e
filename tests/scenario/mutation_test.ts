/**
 * 20,000 scenarios, mutated at random, and files of the cookbook: each gives mistakes with places that are in the text,
 * or a scenario; never anything else, and nothing of the machine is touched. PLUGCTL_MUTATIONS says how many of the
 * cookbook, PLUGCTL_SEED by which seed.
 */

import { assert, assertEquals } from "@std/assert";
import { ScenarioError } from "../../scenario/mistake.ts";
import { readScenario } from "../../scenario/read.ts";
import { Random } from "../codec/random.ts";
import { EXAMPLE_NAMES } from "../kernel/example.ts";
import { SHORT } from "./scenarios.ts";

const COUNT = 20_000;
const COOKBOOK_COUNT = Number(Deno.env.get("PLUGCTL_MUTATIONS") ?? 500);
const SEED = Deno.env.get("PLUGCTL_SEED");
const COOKBOOK = EXAMPLE_NAMES.map((name) =>
  Deno.readTextFileSync(new URL(`../../examples/${name}/${name}.yaml`, import.meta.url))
);
const PIECES = [
  "{",
  "}",
  "[",
  "]",
  ": ",
  "- ",
  "\n",
  "  ",
  "#",
  '"',
  "'",
  "&a ",
  "*a",
  "!!binary ",
  "!x ",
  "? ",
  "|\n",
  ">-\n",
  "---\n",
  "...\n",
  "%YAML 1.1\n",
  "<<: ",
  "${",
  "}",
  "$${",
  "${port}",
  "~",
  "0",
  "-1",
  "1e999",
  "9999999999999999999",
  "0x1f",
  "5s",
  "1ms..2ms",
  ">=1",
  "/(/",
  "/a+/g",
  "__proto__",
  "constructor",
  "steps",
  "repeat",
  "parallel",
  "\t",
  "\0",
  "\r",
  "\u{feff}",
  "\u2028",
  "\ud800",
  "é",
  "\u{1f600}",
];

/** Texts with a match that only libpcap understands, and by which seed: they are read again with it. */
const forLibpcap: { text: string; seed: number }[] = [];

/** A text with a few changes: something put in, taken out, said twice, moved or swapped for a part of another. */
function mutate(text: string, { others, random }: { others: readonly string[]; random: Random }): string {
  let changed = text;
  for (let left = 1 + random.below(4); left > 0; left--) {
    const at = random.below(changed.length + 1);
    const length = random.below(random.pick([2, 8, 40]));
    const [head, part, tail] = [changed.slice(0, at), changed.slice(at, at + length), changed.slice(at + length)];
    const other = random.pick(others);
    const from = random.below(other.length);
    changed = random.pick([
      () => head + random.pick(PIECES) + part + tail,
      () => head + random.pick(PIECES) + tail,
      () => head + tail,
      () => head + part + part + tail,
      () => head + other.slice(from, from + length) + tail,
      () => swapLines(changed, random),
    ])();
  }
  return changed;
}

function swapLines(text: string, random: Random): string {
  const lines = text.split("\n");
  const [one, other] = [random.below(lines.length), random.below(lines.length)];
  [lines[one], lines[other]] = [lines[other], lines[one]];
  return lines.join("\n");
}

/** Reads a text: "valid", "wrong" with mistakes as they should be, or what is not as it should be about them. */
function reading(text: string): string {
  try {
    readScenario(text, { file: "a.yaml" });
    return "valid";
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable && error.message.includes("libpcap")) return "for libpcap";
    if (!(error instanceof ScenarioError)) return `throws ${error}`;
    if (error.mistakes.length === 0) return "names no mistake";
    const lines = text.split("\n");
    for (const { line, column, what, expected } of error.mistakes) {
      const isWithin = line >= 1 && line <= lines.length && column >= 1 && column <= lines[line - 1].length + 1;
      if (!isWithin) return `has a mistake at ${line}:${column}, where no text is: ${what}`;
      if (what === "" || expected === "") return `has a mistake without words at ${line}:${column}`;
    }
    return "wrong";
  }
}

Deno.test("what is mutated is right as it stands", () => {
  for (const text of [...SHORT, ...COOKBOOK]) assertEquals(reading(text), "valid", text);
});

for (
  const { of, texts, count } of [{ of: "short ones", texts: SHORT, count: COUNT }, {
    of: "the cookbook's",
    texts: COOKBOOK,
    count: COOKBOOK_COUNT,
  }]
) {
  Deno.test({
    name: `readScenario() finds mistakes with places, or a scenario, in ${count} mutations of ${of}`,
    // Nothing of the machine can be touched: the YAML parser looks for two variables, and nothing else is permitted.
    permissions: { env: ["LOG_TOKENS", "LOG_STREAM"] },
    fn: () => {
      const seed = SEED === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(SEED);
      const random = new Random(seed);
      let valid = 0;
      for (let index = 0; index < count; index++) {
        const text = mutate(random.pick(texts), { others: texts, random });
        const read = reading(text);
        if (read === "for libpcap") forLibpcap.push({ text, seed });
        else assert(read === "valid" || read === "wrong", `seed ${seed}, mutation ${index} ${read}:\n${text}`);
        if (read === "valid") valid++;
      }
      assert(valid > count / 100 && valid < count, `seed ${seed}: ${valid} are valid`);
    },
  });
}

Deno.test("readScenario() finds mistakes with places, or a scenario, where a match is one of libpcap's", () => {
  const marked = "name: x\ngates: { web: { dev: lo, direction: out, match: 'tcp[ and' } }\nsteps: [log: x]\n";
  for (const { text, seed } of [{ text: marked, seed: 0 }, ...forLibpcap]) {
    const read = reading(text);
    assert(read === "valid" || read === "wrong", `seed ${seed} ${read}:\n${text}`);
  }
});
