import { assertEquals } from "@std/assert";
import { parseArguments } from "../../cli/arguments.ts";
import { type CommandName, COMMANDS, type CommandSpec, optionOf } from "../../cli/table.ts";

/** What a command line, its words separated by spaces, is taken for. */
function parsed(line: string) {
  const { command, operands, program, values } = parseArguments(line === "" ? [] : line.split(" "));
  return [command, [...operands, ...program], Object.fromEntries(values)];
}

/** Each command with each option that it takes, and words for the operands that it needs; but for `encode`. */
const PAIRS = (Object.entries(COMMANDS) as [CommandName, CommandSpec][]).flatMap(([command, spec]) => {
  if (spec.program === "COMMAND...") return [];
  const operands = (spec.operands ?? []).filter((name) => !name.startsWith("[")).map(() => "12");
  return spec.options.map((name) => ({ command, operands, name, option: optionOf(name, command) }));
});

Deno.test("parseArguments() takes each option of each command, by its name and by its letter", () => {
  for (const { command, operands, name, option: { value, short } } of PAIRS) {
    const given = value === undefined ? [] : ["12"];
    const expected = { command, operands, program: [], values: new Map([[name, given]]) };
    if (name === "help") continue;
    assertEquals(parseArguments([command, ...operands, `--${name}`, ...given]), expected);
    if (short !== undefined) assertEquals(parseArguments([command, `-${short}`, ...given, ...operands]), expected);
  }
});

Deno.test("parseArguments() takes a value in the same word, of each option that has one", () => {
  for (const { command, operands, name, option: { value, short } } of PAIRS) {
    if (value === undefined) continue;
    const expected = { command, operands, program: [], values: new Map([[name, ["12"]]]) };
    assertEquals(parseArguments([command, ...operands, `--${name}=12`]), expected);
    if (short === undefined) continue;
    assertEquals(parseArguments([command, ...operands, `-${short}12`]), expected);
    assertEquals(parseArguments([command, ...operands, `-${short}=12`]), expected);
  }
});

Deno.test("parseArguments() leaves all from the first operand on to the command that encode is given", () => {
  const values = { format: ["c"] };
  assertEquals(parsed("encode --format c buffer --dev lo -q"), ["encode", ["buffer", "--dev", "lo", "-q"], values]);
  assertEquals(parsed("encode --format=c -- buffer -q --"), ["encode", ["buffer", "-q", "--"], values]);
  assertEquals(parsed("encode buffer --format c"), ["encode", ["buffer", "--format", "c"], {}]);
});

const COMMANDS_MEANT: [line: string, command: CommandName, operands?: string[]][] = [
  ["", "help"],
  ["--help", "help"],
  ["-h", "help"],
  ["--help buffer", "help", ["buffer"]],
  ["help buffer", "help", ["buffer"]],
  ["--version", "version"],
  ["block", "buffer"],
  ["release-indefinite", "release"],
  ["release_indefinite", "release"],
];

Deno.test("parseArguments() finds the command that is meant, when it is a synonym, an option or left out", () => {
  for (const [line, command, operands = []] of COMMANDS_MEANT) {
    assertEquals(parsed(line), [command, operands, {}], line);
  }
});

const VALUES: [line: string, values: Record<string, string[]>, operands?: string[]][] = [
  // Several letters in a word.
  ["buffer -qv -d eth0", { quiet: [], verbose: [], dev: ["eth0"] }],
  ["buffer -qvd eth0", { quiet: [], verbose: [], dev: ["eth0"] }],
  ["buffer -qvdlo", { quiet: [], verbose: [], dev: ["lo"] }],
  ["buffer -qd=lo", { quiet: [], dev: ["lo"] }],
  ["buffer -dq", { dev: ["q"] }],
  // Values that look like something else.
  ["buffer --dev 0x10", { dev: ["0x10"] }],
  ["buffer --dev 1e3", { dev: ["1e3"] }],
  ["buffer --dev 007", { dev: ["007"] }],
  ["buffer --dev true", { dev: ["true"] }],
  ["buffer --dev a=b", { dev: ["a=b"] }],
  ["buffer --dev=a=b", { dev: ["a=b"] }],
  ["buffer --dev=-5", { dev: ["-5"] }],
  ["buffer -d-5", { dev: ["-5"] }],
  ["buffer --dev=--json", { dev: ["--json"] }],
  ["buffer --dev __proto__", { dev: ["__proto__"] }],
  // Options that may be given several times.
  ["buffer --dev a -d b --dev=c", { dev: ["a", "b", "c"] }],
  ["buffer -q --dev a -qq --quiet", { quiet: [], dev: ["a"] }],
  // Operands.
  ["limit 12 --dev a", { dev: ["a"] }, ["12"]],
  ["limit --dev a 12", { dev: ["a"] }, ["12"]],
  ["limit --json true", { json: [] }, ["true"]],
  ["limit --dev a -- -5", { dev: ["a"] }, ["-5"]],
  ["limit --dev a -- --json=no", { dev: ["a"] }, ["--json=no"]],
  ["limit -- --", {}, ["--"]],
  ["limit -", {}, ["-"]],
  ["buffer --dev a --", { dev: ["a"] }],
  // Help is given whatever operands there are.
  ["limit --help", { help: [] }],
  ["buffer extra --nosuch --help", { help: [] }],
];

Deno.test("parseArguments() keeps every value as the text that was given", () => {
  for (const [line, values, operands = []] of VALUES) {
    assertEquals(parsed(line), [line.split(" ")[0], operands, values], line);
  }
});

Deno.test("parseArguments() leaves what follows -- to the program that hold runs, as it is", () => {
  const { operands, program, values } = parseArguments([
    "hold",
    "web",
    "--for",
    "5s",
    "--",
    "sh",
    "-c",
    "exit 3",
    "--",
    "--json",
  ]);
  assertEquals([operands, program], [["web"], ["sh", "-c", "exit 3", "--", "--json"]]);
  assertEquals(Object.fromEntries(values), { for: ["5s"] });
  assertEquals(parseArguments(["buffer", "--", "web"]).operands, ["web"]);
});
