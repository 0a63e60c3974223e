import { assertEquals, assertMatch } from "@std/assert";
import { commandHelp, generalHelp } from "../../cli/help_text.ts";
import { type CommandName, COMMANDS } from "../../cli/table.ts";
import config from "../../deno.json" with { type: "json" };
import { plugctl } from "../cli/plugctl.ts";
import { run } from "./binary.ts";

Deno.test("the binary prints the help of every command", async () => {
  assertEquals((await run(["help"])).stdout, generalHelp());
  for (const name of Object.keys(COMMANDS) as CommandName[]) {
    const outcome = await run([...name.split(" "), "--help"]);
    assertEquals(outcome, { status: 0, stdout: commandHelp(name), stderr: "" }, name);
  }
});

Deno.test("the binary prints its version", async () => {
  const { stdout } = await run(["version", "--json"]);
  const { plugctl, target } = JSON.parse(stdout);
  assertEquals([plugctl, target], [config.version, Deno.build.target]);
});

/** What needs no plug, and loads as much of plugctl as there is. */
const LINES = [
  "attach --dev lo --dry-run --handle 1:",
  "buffer web --dry-run --json",
  "gate add web --dev lo --direction egress --match tcp --dry-run",
  "encode --format c release --dev lo --handle 504c:",
  "decode 100000000300020065000000f9020000",
  "run examples/scenarios/nosuch.yaml",
  "show --netns /nonexistent",
  "completions zsh",
  "nosuch",
  "limit 0 --dev lo",
];

for (const line of LINES) {
  Deno.test(`the binary says what plugctl says from source, on: ${line}`, async () => {
    const words = line.split(" ");
    assertEquals(await run(words), await plugctl(words));
  });
}

Deno.test("the binary asks nothing, and is allowed all that the doctor looks at", async () => {
  const { status, stdout, stderr } = await run(["doctor", "--json"]);
  assertMatch(stderr, /^(plugctl: this machine cannot hold packets: .* missing\n)?$/);
  assertEquals(status, stderr === "" ? 0 : 4);
  assertEquals(JSON.parse(stdout)[1].found, "libc.so.6");
});

Deno.test("the binary writes no file, as Deno's own cache of compiled code would be one that anybody can put there", async () => {
  const folder = await Deno.makeTempDir({ prefix: "plugctl-empty-" });
  try {
    const env = { HOME: folder, TMPDIR: folder, DENO_DIR: `${folder}/deno`, XDG_CACHE_HOME: `${folder}/cache` };
    for (const word of ["version", "doctor", "show"]) await run([word], { env });
    assertEquals(Array.from(Deno.readDirSync(folder)), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the manual page is shown without a warning, and has every command and option", async () => {
  const page = new URL("../../docs/plugctl.1", import.meta.url).pathname;
  const env = { LC_ALL: "C.UTF-8", MANWIDTH: "100" };
  const { status, stdout, stderr } = await run(["--warnings=all", "--local-file", page], { program: "man", env });
  assertEquals([status, stderr], [0, ""]);
  for (const name of Object.keys(COMMANDS)) assertMatch(stdout, new RegExp(`^   plugctl ${name}( |$)`, "m"));
});
