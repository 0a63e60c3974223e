import { assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { type CommandName, COMMANDS, type CommandSpec } from "../../cli/table.ts";
import { type Outcome, plugctl, READ_ITSELF } from "./plugctl.ts";

/** What is told about a command line that is wrong. */
const MISTAKES = [
  [["nosuch"], 'unknown command "nosuch"; see: plugctl help'],
  [["help", "nosuch"], 'unknown command "nosuch"; see: plugctl help'],
  [["gate"], "gate needs another word: gate add, gate list, gate delete; see: plugctl gate --help"],
  [["guardian:"], "guardian: is how plugctl starts the process that releases when a hold is killed; not by hand"],
  [["guardian:", "0"], "guardian: is how plugctl starts the process that releases when a hold is killed; not by hand"],
  [["help", "constructor"], 'unknown command "constructor"; see: plugctl help'],
  [["discard"], "discard needs a gate: plugctl discard NAME"],
  [["buffer", "--nosuch"], "unknown option --nosuch; see: plugctl buffer --help"],
  [["buffer"], "buffer needs a gate or a device: plugctl buffer NAME"],
  [["limit", "--dev", "lo"], "limit needs SIZE; see: plugctl limit --help"],
  [["limit", "0", "--dev", "lo"], "the limit is 0: with 0 every packet is dropped; the least is 1"],
  [
    ["attach", "--dev", "lo", "--limit", "x"],
    'invalid size "x": use bytes, or a unit such as 64k, 1m or 1MiB (1024-based)',
  ],
  [
    ["detach", "--dev", "lo", "--timeout", "5"],
    'invalid duration "5": use a unit (us, ms, s, m, h), such as 200ms or 5s',
  ],
  [
    ["show", "--dev", "a b"],
    'invalid device name "a b": a name has up to 15 bytes, an altname up to 127, without space, / and :',
  ],
  [["show", "--netns", "pid:x"], 'invalid namespace "pid:x": use a process number after pid:'],
  [["buffer", "--dev", "lo", "--netns", "..", "--dry-run"], 'invalid namespace "..": use NAME, a path, or pid:N'],
] as const;

for (const [words, message] of MISTAKES) {
  Deno.test(`main() exits with 2 and says what is wrong, on: ${words.join(" ")}`, async () => {
    const outcome = await plugctl(words, { permissions: [] });
    assertEquals(outcome, { status: 2, stdout: "", stderr: `plugctl: ${message}\n` });
  });
}

Deno.test("main() says what is wrong also with --quiet", async () => {
  const { status, stderr } = await plugctl(["buffer", "--quiet"], { permissions: [] });
  assertEquals([status, stderr], [
    2,
    "plugctl: buffer needs a gate or a device: plugctl buffer NAME\n",
  ]);
});

Deno.test("main() prints notes to standard error, and none with --quiet", async () => {
  const words = ["buffer", "--dev", "lo", "--dry-run", "--netns", "web"];
  const loud = await plugctl(words, { permissions: [] });
  const quiet = await plugctl([...words, "--quiet"], { permissions: [] });
  assertEquals(
    loud.stderr,
    "plugctl: the handle of the plug on lo is shown as 504c:, what is sent names that of the plug there\n" +
      "plugctl: the index of lo is shown as 0, it is not known without a socket\n",
  );
  assertEquals(quiet, { status: 0, stdout: loud.stdout, stderr: "" });
});

Deno.test("main() loads the module of each command", async () => {
  for (const [name, { operands = [], program, options }] of Object.entries(COMMANDS) as [CommandName, CommandSpec][]) {
    const words = [...operands, ...program ? [program] : []].filter((word) => !word.startsWith("[")).map(() => "1");
    const { stderr } = await plugctl([name, ...words], { permissions: [] });
    const lacks = options.includes("dev") && name !== "show"
      ? /^plugctl: ((gate )?\S+ needs a (gate or a )?device|limit needs|capture needs a file|requires ffi access)/
      : /^(plugctl: requires (ffi|read|sys|env) access|plugctl: unknown command "1"|plugctl: fleet hold needs an end|plugctl: which hosts|plugctl: cannot read the message|plugctl: uml needs a command|plugctl: discard needs a gate|plugctl: (cannot read|cannot write|no such file|unknown shell)|$)/;
    assertMatch(stderr, lacks, name);
  }
});

Deno.test("main() reads the modules of the command at hand alone", async () => {
  // What is read at the start takes no permission, what is loaded later does.
  const stderr = "plugctl: Deno does not let it read its own modules; run it with: deno run --allow-all\n";
  assertEquals(await shell("$UNREADABLE_PLUGCTL version"), { status: 4, stdout: "", stderr });
});

Deno.test("main() prints the version of deno.json, on version and --version", async () => {
  const { deno } = Deno.version;
  const line = `plugctl ${config.version} (deno ${deno}, ${Deno.build.target})\n`;
  for (const word of ["version", "--version"]) {
    assertEquals(await plugctl([word], { permissions: [] }), { status: 0, stdout: line, stderr: "" });
  }
  const { stdout } = await plugctl(["version", "--json"], { permissions: [] });
  assertEquals(JSON.parse(stdout), { plugctl: config.version, deno, target: Deno.build.target });
});

Deno.test("main() exits with 1 and says what the kernel said, when there is no such namespace", async () => {
  const { status, stdout, stderr } = await plugctl(["show", "--netns", "/nonexistent/netns"]);
  assertEquals([status, stdout], [1, ""]);
  assertEquals(
    stderr,
    "plugctl: cannot enter network namespace /nonexistent/netns: cannot open /nonexistent/netns (ENOENT); " +
      "list the namespaces with: ls /run/netns\n",
  );
});

const NO_FFI = 'plugctl: requires ffi access to "libc.so.6", run again with the --allow-ffi flag\n';

Deno.test("main() exits with 4 and asks nothing, when Deno does not let it call the C library", async () => {
  for (const permissions of [[], ["--no-prompt"], ["--allow-read", "--allow-env"], ["-A", "--deny-ffi"]]) {
    const outcome = await plugctl(["show"], { permissions });
    assertEquals(outcome, { status: 4, stdout: "", stderr: NO_FFI }, permissions.join(" "));
  }
});

Deno.test("main() exits with 4 and says what it takes, when there is no C library that it knows", async () => {
  const outcome = await plugctl(["show"], { main: "main_without_libc.ts" });
  const stderr = "plugctl: cannot open the C library: this needs Linux, with glibc or musl; plugctl doctor says more\n";
  assertEquals(outcome, { status: 4, stdout: "", stderr });
});

/** Runs a script of sh in which `$PLUGCTL` is the program. */
async function shell(script: string): Promise<Outcome> {
  const url = new URL("../../cli/main.ts", import.meta.url).href;
  const env = {
    PLUGCTL: `${Deno.execPath()} run --quiet --no-check ${READ_ITSELF} ${url}`,
    UNREADABLE_PLUGCTL: `${Deno.execPath()} run --quiet --no-check ${url}`,
  };
  const { code, stdout, stderr } = await new Deno.Command("sh", { args: ["-c", script], env, stdin: "null" }).output();
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Its left end begins once its right end has closed the pipe. */
const BROKEN_PIPE = `
  folder=$(mktemp -d)
  mkfifo "$folder/closed"
  { read -r _ < "$folder/closed"; $PLUGCTL help; echo "status $?" >&2; } | { exec <&-; echo > "$folder/closed"; }
  rm -r "$folder"
`;

Deno.test("main() ends without a word, when nobody reads what it prints", async () => {
  assertEquals(await shell(BROKEN_PIPE), { status: 0, stdout: "", stderr: "status 1\n" });
});

Deno.test("main() exits with 1 and says why, when what it prints cannot be written", async () => {
  const stderr = "plugctl: cannot write to standard output: No space left on device\n";
  assertEquals(await shell("$PLUGCTL help > /dev/full"), { status: 1, stdout: "", stderr });
});

Deno.test("main() prints no colours into a pipe, with NO_COLOR or without", async () => {
  for (const words of [["help"], ["version"], ["buffer", "--dev", "lo", "--dry-run"], ["nosuch"]]) {
    const plain = await plugctl(words, { permissions: [] });
    assertEquals(await plugctl(words, { permissions: [], env: { NO_COLOR: "1" } }), plain);
    assertEquals(`${plain.stdout}${plain.stderr}`.includes("\x1b"), false);
  }
});
