import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { parseArguments } from "../../cli/arguments.ts";
import { UsageError } from "../../cli/exit_status.ts";

function messageOf(words: readonly string[]): string {
  return assertThrows(() => parseArguments(words), UsageError, undefined, `nothing was thrown on: ${words.join(" ")}`)
    .message;
}

Deno.test("parseArguments() refuses a word before the command, when it is neither a command nor about all of plugctl", () => {
  for (const word of ["--quiet", "-q", "--", "-", "---x", "--__proto__"]) {
    const advice = `options go behind the command: plugctl buffer ${word}`;
    assertEquals(messageOf([word, "buffer"]), `unknown option ${word} before the command; ${advice}`);
    assertEquals(messageOf([word]), `unknown option ${word} before the command; see: plugctl help`);
  }
  for (const word of ["", "nosuch", "toString", "constructor", "__proto__"]) {
    assertEquals(messageOf([word]), `unknown command "${word}"; see: plugctl help`);
  }
});

const UNKNOWN_OPTIONS = [
  ["--nosuch", "--nosuch"],
  ["--nosuch=5", "--nosuch"],
  ["--limit=5", "--limit"],
  ["--de=lo", "--de"],
  ["--d=lo", "--d"],
  ["--q", "--q"],
  ["--JSON", "--JSON"],
  ["--no-json", "--no-json"],
  ["--no-quiet=5", "--no-quiet"],
  ["--dev.a=5", "--dev.a"],
  ["--json.a", "--json.a"],
  ["---x", "---x"],
  ["---dev=lo", "---dev"],
  ["--=5", "--"],
  ["--_=x", "--_"],
  ["--_", "--_"],
  ["--__proto__", "--__proto__"],
  ["--toString", "--toString"],
  ["--constructor=x", "--constructor"],
  ["--undefined", "--undefined"],
  ["-x", "-x"],
  ["-5", "-5"],
  ["-_", "-_"],
  ["-=", "-="],
  ["-D", "-D"],
  ["-é", "-é"],
  ["-😀", "-😀"],
  ["-qx", "-x"],
  ["-q5", "-5"],
  ["-q/x", "-/"],
  ["-q-v", "--"],
  ["-help", "-e"],
] as const;

Deno.test("parseArguments() refuses an option that the command does not take, and names it", () => {
  for (const [word, named] of UNKNOWN_OPTIONS) {
    assertMatch(messageOf(["buffer", word, "x"]), /^unknown option /);
    assertEquals(messageOf(["buffer", word, "x"]).split(/[;:] /)[0], `unknown option ${named}`);
  }
});

Deno.test("parseArguments() refuses the value of a switch", () => {
  for (
    const [word, named, value] of [
      ["--json=no", "--json", "no"],
      ["--json=", "--json", ""],
      ["--json=true", "--json", "true"],
      ["-q=1", "-q", "1"],
      ["-vq=1", "-q", "1"],
      ["-q=", "-q", ""],
      ["-v=-q", "-v", "-q"],
      ["--help=x", "--help", "x"],
    ]
  ) {
    const message = `${named} takes no value, ${JSON.stringify(value)} is given; see: plugctl buffer --help`;
    assertEquals(messageOf(["buffer", "--dev", "lo", word]), message);
  }
});

const NO_VALUES = [
  ["--dev"],
  ["--dev", ""],
  ["--dev="],
  ["--dev", "--"],
  ["--dev", "-"],
  ["--dev", "-5"],
  ["--dev", "--json"],
  ["--dev", "--dev"],
  ["--dev", "lo", "--dev"],
  ["--dev", "--", "lo"],
  ["-d"],
  ["-d="],
  ["-d", "-q"],
  ["-qd"],
];

Deno.test("parseArguments() refuses an option without its value", () => {
  for (const words of NO_VALUES) {
    assertEquals(messageOf(["buffer", ...words]), "--dev needs a value: --dev DEV; see: plugctl buffer --help");
  }
});

Deno.test("parseArguments() refuses an option that is given again, when it may be given once", () => {
  for (const words of [["--parent", "1:", "--parent", "2:"], ["-p", "1:", "--parent=1:"], ["-p1:", "-p1:"]]) {
    assertEquals(messageOf(["buffer", ...words]), "--parent is given 2 times, it may be given once");
  }
});

Deno.test("parseArguments() refuses the same value twice, when an option may be given several times", () => {
  for (const words of [["--dev", "a", "--dev", "a"], ["-da", "--dev=b", "--dev=a"]]) {
    assertEquals(messageOf(["buffer", ...words]), "--dev a is given twice");
  }
});

Deno.test("parseArguments() refuses words that are too much, and names the first", () => {
  for (
    const [line, word] of [
      ["recover lo", "lo"],
      ["recover --netns b -", "-"],
      ["recover --json true", "true"],
      ["recover -qj true", "true"],
      ["recover --netns b -- --json", "--json"],
      ["recover -- --dev lo", "--dev"],
      ["version x", "x"],
      ["--version x", "x"],
    ]
  ) {
    const command = line.split(" ")[0].replace("--", "");
    assertEquals(messageOf(line.split(" ")), `unexpected argument "${word}"; see: plugctl ${command} --help`);
  }
});

Deno.test("parseArguments() refuses a command without what it needs", () => {
  assertEquals(messageOf(["limit", "--dev", "lo"]), "limit needs SIZE; see: plugctl limit --help");
});

Deno.test("parseArguments() refuses -- without a program behind it, and a program without --", () => {
  assertEquals(messageOf(["hold", "web", "--"]), "-- needs a command behind it; see: plugctl hold --help");
  assertEquals(messageOf(["hold", "web", "-x"]), "unknown option -x; see: plugctl hold --help");
});
