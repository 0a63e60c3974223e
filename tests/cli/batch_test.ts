/** `plugctl batch`: what it makes of lines, and of mistakes in them, before any of it reaches a kernel. */

import { assertEquals, assertThrows } from "@std/assert";
import { wordsOfLine } from "../../cli/completions/candidates.ts";
import { runCommandLine } from "../../cli/main.ts";
import { Written } from "./written.ts";

/** Runs a batch of lines, and tells how it ended. */
async function batch(lines: string, ...options: string[]) {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, lines);
  const [stdout, stderr] = [new Written(), new Written()];
  const status = await runCommandLine(["batch", file, ...options], { stdout, stderr });
  await Deno.remove(file);
  return { status, stdout: stdout.text, stderr: stderr.text };
}

const WORDS: [line: string, words: string[]][] = [
  ["", []],
  ["  # a comment", []],
  ["buffer eth0 # and why", ["buffer", "eth0"]],
  ["gate add web --match 'tcp dst port 80'", ["gate", "add", "web", "--match", "tcp dst port 80"]],
  [String.raw`a "b \"c\" d" e\ f 'g\h' i"j"'k'`, ["a", 'b "c" d', "e f", String.raw`g\h`, "ijk"]],
  ["a#b ''", ["a#b", ""]],
];

for (const [line, words] of WORDS) {
  Deno.test(`wordsOfLine() takes ${JSON.stringify(line)} as a shell does`, () =>
    assertEquals(wordsOfLine(line), words));
}

Deno.test("wordsOfLine() refuses a quote that has no end", () => {
  for (const line of ["a 'b", 'a "b', "a \\"]) assertThrows(() => wordsOfLine(line), SyntaxError, "has no end");
});

Deno.test("batch names each line that is wrong, and carries out none", async () => {
  const { status, stdout, stderr } = await batch("version\nbufer eth0\n\nshow --nosuch\nsession\nbatch x\n");
  assertEquals([status, stdout], [2, ""]);
  const lines = stderr.trimEnd().split("\n");
  assertEquals(lines.map((line) => line.split(": ", 2).join(": ")), [
    "plugctl: line 2",
    "plugctl: line 4",
    "plugctl: line 5",
    "plugctl: line 6",
  ]);
  assertEquals(lines[2], "plugctl: line 5: session cannot stand in a batch");
});

Deno.test("batch carries out its lines in order, with or without the word plugctl", async () => {
  const { status, stdout } = await batch("plugctl version --json\n# one\nhelp version\n");
  assertEquals([status, stdout.includes('"plugctl":'), stdout.includes("Print the version")], [0, true, true]);
});

Deno.test("batch ends at the first line that fails, and goes on with --continue", async () => {
  const lines = "decode zz\nversion\nrun /nonexistent.yaml\n";
  const first = await batch(lines);
  assertEquals([first.status === 0, first.stdout, /^plugctl: line 1: /.test(first.stderr)], [false, "", true]);
  const all = await batch(lines, "--continue");
  assertEquals([all.status, all.stdout.startsWith("plugctl ")], [first.status, true]);
  assertEquals(all.stderr.match(/^plugctl: line (\d)/gm), ["plugctl: line 1", "plugctl: line 3"]);
});
