import { assertEquals, assertMatch } from "@std/assert";
// @ts-types="../snapshot.d.ts"
import { assertSnapshot } from "@std/testing/snapshot";
import { findCommand, parseArguments } from "../../cli/arguments.ts";
import { commandHelp, generalHelp } from "../../cli/help_text.ts";
import { type CommandName, COMMANDS, type CommandSpec, OPTIONS } from "../../cli/table.ts";
import { plugctl } from "./plugctl.ts";

const NAMES = Object.keys(COMMANDS) as CommandName[];

Deno.test("generalHelp() lists the commands, tc's words and the exit statuses", async (t) => {
  await assertSnapshot(t, generalHelp());
});

for (const name of NAMES) {
  Deno.test(`commandHelp() says what ${name} does, how it is written, and its options`, async (t) => {
    await assertSnapshot(t, commandHelp(name));
  });
}

Deno.test("help texts are no wider than 100 columns, and no line ends in a space", () => {
  for (const line of [generalHelp(), ...NAMES.map(commandHelp)].join("").split("\n")) {
    assertMatch(line, /^(.{0,99}\S)?$/);
  }
});

Deno.test("a command gives a meaning of its own to options that it takes, and to no others", () => {
  for (const name of NAMES) {
    const { meanings = {}, options }: CommandSpec = COMMANDS[name];
    assertEquals(Object.keys(meanings).filter((option) => !options.some((taken) => taken === option)), [], name);
  }
});

Deno.test("the examples in the help are command lines that plugctl takes", () => {
  for (const name of NAMES) {
    const { examples }: CommandSpec = COMMANDS[name];
    for (const [line] of examples()) assertEquals(parseArguments(shellWords(line)).command, name, line);
  }
});

/** The words of a command line, in which single quotes keep some together. */
function shellWords(line: string): string[] {
  return (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ""));
}

Deno.test("findCommand() finds each command by its name and by its synonyms, and nothing else", () => {
  for (const name of NAMES) {
    const { synonyms = [] }: CommandSpec = COMMANDS[name];
    assertEquals([name, ...synonyms].map(findCommand), [name, ...synonyms].map(() => name));
  }
  assertEquals(["", "nosuch", "toString", "__proto__", "Buffer"].map(findCommand), new Array(5).fill(undefined));
});

Deno.test("no two options of a command have the same letter", () => {
  for (const name of NAMES) {
    const letters = COMMANDS[name].options.flatMap((option) =>
      "short" in OPTIONS[option] ? [OPTIONS[option].short] : []
    );
    assertEquals(letters.length, new Set(letters).size, name);
  }
});

Deno.test("main() prints a command's help to standard output, before or after its other options", async () => {
  for (const line of ["buffer --help", "buffer -h", "buffer --help --dev lo", "buffer -qd lo -h", "block --help"]) {
    const { status, stdout, stderr } = await plugctl(line.split(" "), { permissions: [] });
    assertEquals([status, stdout, stderr], [0, commandHelp("buffer"), ""], line);
  }
});

Deno.test("main() prints the general help, on nothing, --help, -h and help", async () => {
  for (const words of [[], ["--help"], ["-h"], ["help"]]) {
    const { status, stdout, stderr } = await plugctl(words, { permissions: [] });
    assertEquals([status, stdout, stderr], [0, generalHelp(), ""]);
  }
});

Deno.test("main() prints a command's help, on help and its name or synonym", async () => {
  for (const words of [["help", "buffer"], ["help", "block"], ["--help", "buffer"], ["-h", "buffer"]]) {
    const { status, stdout } = await plugctl(words, { permissions: [] });
    assertEquals([status, stdout], [0, commandHelp("buffer")]);
  }
});
