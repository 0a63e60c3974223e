/** Phrases that no text of plugctl has: what stands instead is what a good technical writer would write. */

import { assert, assertEquals } from "@std/assert";
import { ROOT, sourceFiles } from "./sources.ts";

const PHRASES: readonly [phrase: RegExp, instead: string][] = [
  [/holds it releases/, "Held packets are always released, even if plugctl is killed"],
  [/\bwhat mends|\bmends (it|what|them)\b|that mends/, "how to fix it"],
  [/of gates that match a packet the lowest/, "lowest number wins when several gates match"],
  [/how much (it|they) holds? before (it|they) drops?/i, "queue limit"],
  [/ is no [a-z' ]+: (one|after|use) /, 'invalid duration "5": use a unit, such as 200ms or 5s'],
  [/ is no mapping\b/, "must be a mapping"],
  [/stand too deep in one another/, "nested too deeply"],
  [/ are taken for\b/, "are aliases for"],
  [/what is wrong with it is its/, "malformed messages carry `error`"],
  [/Who may not speak to others/, "Without CAP_NET_ADMIN, retry as unicast"],
  [/of two that begin at once/i, "Entrust first, then check: two concurrent holds cannot both miss each other"],
  [/see which there are with/, "list the devices with"],
  [/\blet go with: plugctl|let (it|them) go (first )?with/, "release it with"],
  [/\bhas let go\b|something was let go\b|what is let go\b/, "released"],
  [/\bby want of\b/, "for lack of, or: without"],
  [/\b(whence|whither)\b/i, "where it comes from, where it goes"],
  [/ is no (hex digit|message|number|address|list|text)\b(?=[,"`'])/, "is not a hex digit"],
  [/(\}|["'`]this|, which) is no (?!more\b|longer\b)/, "is not a hex digit"],
  [/^(<{7} |>{7} |\| ={7} )/, "one side of what was merged"],
  [/until something is so\b|as people have them\b/, "until a condition is met, as text"],
  [/its holder is told|their holders are told|its doing is told/, "that process is told"],
];

/** Sources, with their texts and comments, what others load, and documents. */
const files = [
  ...sourceFiles().filter((path) => !/^(tests|bench)\/|wasm\.ts$/.test(path)),
  "docs/plugctl.1",
  "scenario/report/page.js",
  "scenario/report/ladder.js",
  "scenario/report/packets.js",
  "clients/python/plugctl.py",
  "clients/node/plugctl.mjs",
  "clients/shell/plugctl.bash",
  ...["./", "./docs/", "./scenario/", "./codec_build/", "./bench/"].flatMap(documentsIn),
];

function documentsIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(new URL(folder, ROOT)), ({ name }) => `${folder.slice(2)}${name}`)
    .filter((path) => path.endsWith(".md"));
}

Deno.test("no help text, error, comment or document has a phrase that only its author would write", () => {
  assert(files.includes("README.md") && files.includes("cli/table.ts"));
  const found = files.flatMap((path) => {
    const text = Deno.readTextFileSync(new URL(path, ROOT));
    return PHRASES.flatMap(([phrase, instead]) => {
      const [match] = phrase.exec(text) ?? [];
      return match === undefined ? [] : [`${path}: "${match.trim()}", write: ${instead}`];
    });
  });
  assertEquals(found, []);
});

/** In a text in quotes, what something is not: "it is no program"; that there is none of something is said so. */
const NO_THING = /["'`][^\n]*?(?<!\bthere )\b(?:is|are|was|were) no (?!more\b|longer\b|such\b)[a-z]/;

/** The first line of a source that says so, comments left out. */
function saysNoThing(text: string): string | undefined {
  return text.split("\n").find((line) => !/^\s*(?:\*|\/\/|\/\*)/.test(line) && NO_THING.test(line));
}

Deno.test("no text says that something is no other: it is not one", () => {
  const found = files.filter((path) => /\.(?:ts|js|mjs|py|bash)$/.test(path)).flatMap((path) => {
    const line = saysNoThing(Deno.readTextFileSync(new URL(path, ROOT)));
    return line === undefined ? [] : [`${path}: ${line.trim()}`];
  });
  assertEquals(found, []);
  for (
    const old of ["`${length} bytes are no capture`", '"it is no program; one is made with"', "'this is no number'"]
  ) {
    assert(saysNoThing(old), old);
  }
  for (
    const good of ['"there is no such file"', '"it is no longer there"', "// this is no number", '"is not a file"']
  ) {
    assertEquals(saysNoThing(good), undefined, good);
  }
});

Deno.test("each phrase finds what it is there to find", () => {
  const old = [
    "What it holds it releases, also when it is killed",
    "say whether this machine can do it, and what mends it",
    "of gates that match a packet the lowest gets it",
    "how much it holds before it drops",
    '"5" is no duration: one is a number with us, ms, s, m or h',
    "the step is no mapping",
    "lists and mappings stand too deep in one another",
    "tc's words are taken for",
    "one that is malformed comes too, what is wrong with it is its `error`",
    "// Who may not speak to others is told by the kernel's answer",
    "// Of two that begin at once, one at least sees the other's guardian",
    "see which there are with: ip link",
    "let it go with: plugctl release eth0",
    "process 12 has let go what it held",
    "by want of permission",
    "/** Whence. */",
    '"x" is no hex digit"',
    "`${text} is no byte`",
    ">>>>>>> main",
    "hold until something is so",
    "its holder is told",
  ];
  assertEquals(old.map((text) => PHRASES.findIndex(([phrase]) => phrase.test(text))), old.map((_, index) => index));
});
