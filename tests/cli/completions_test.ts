import { assertEquals } from "@std/assert";
import { candidates, shellWords, type Surroundings } from "../../cli/completions/candidates.ts";
import { COMMANDS, type CommandSpec, OPTIONS } from "../../cli/table.ts";
import { plugctl } from "./plugctl.ts";

/** A machine with two devices and a gate, and with others in the namespace `web`. */
const MACHINE: Surroundings = {
  devices: (netns) => netns === "web" ? ["veth0"] : ["lo", "eth0"],
  gates: (netns) => netns === "web" ? ["inner"] : ["syn", "synack"],
  namespaces: () => ["db", "web"],
  containers: () => ["proxy", "shop"],
  pods: () => ["default/shop"],
};

/** The words that complete a command line, whose last word is at the cursor; or what else does. */
function complete(line: string): string[] | string {
  const found = candidates(shellWords(line), MACHINE);
  return found.kind === "words" ? found.words.map(({ word }) => word) : found.kind;
}

Deno.test("candidates() offers the commands, each with what it does", () => {
  const first = Object.keys(COMMANDS).map((name) => name.split(" ")[0]);
  assertEquals(complete(""), [...new Set(first)]);
  assertEquals(complete("rel"), ["release", "release-one"]);
  assertEquals(complete("gate "), ["add", "list", "delete"]);
  assertEquals(complete("gate d"), ["delete"]);
  assertEquals(candidates(["deta"], MACHINE), {
    kind: "words",
    words: [{ word: "detach", summary: COMMANDS.detach.summary }],
  });
});

Deno.test("candidates() offers the options that a command takes and that can still be given", () => {
  assertEquals(complete("release-one --d"), ["--dev", "--dry-run"]);
  assertEquals(complete("release-one --dry-run --d"), ["--dev"]);
  assertEquals(complete("release-one -d lo --d"), ["--dev", "--dry-run"]);
  assertEquals(complete("block --fo"), ["--force"]);
  for (const [name, { options }] of Object.entries<CommandSpec>(COMMANDS)) {
    assertEquals(complete(`${name} --`), options.map((option) => `--${option}`), name);
  }
});

Deno.test("candidates() offers devices, those of the namespace that is named, and none twice", () => {
  for (const line of ["attach --dev ", "attach -d ", "attach --dev=", "detach --json --dev "]) {
    const before = line.endsWith("=") ? "--dev=" : "";
    assertEquals(complete(line), [`${before}lo`, `${before}eth0`], line);
  }
  assertEquals(complete("attach --dev e"), ["eth0"]);
  assertEquals(complete("attach --dev lo --dev "), ["eth0"]);
  assertEquals(complete("attach --netns web --dev "), ["veth0"]);
  assertEquals(complete("attach --netns=web -d "), ["veth0"]);
});

Deno.test("candidates() offers gates and devices where a command takes them, and none twice", () => {
  assertEquals(complete("buffer "), ["syn", "synack", "lo", "eth0"]);
  assertEquals(complete("buffer syn "), ["synack", "lo", "eth0"]);
  assertEquals(complete("buffer eth0 --gate "), ["syn", "synack"]);
  assertEquals(complete("buffer --netns web "), ["inner", "veth0"]);
  assertEquals(complete("attach "), ["lo", "eth0"]);
  assertEquals(complete("detach lo "), ["eth0"]);
  assertEquals(complete("gate delete s"), ["syn", "synack"]);
  assertEquals(complete("limit 1m "), ["syn", "synack", "lo", "eth0"]);
  assertEquals(complete("limit "), []);
  assertEquals(complete("gate add "), []);
});

Deno.test("candidates() offers namespaces, and files where a path is begun", () => {
  assertEquals(complete("show --netns "), ["db", "web"]);
  assertEquals(complete("show -n w"), ["web"]);
  assertEquals(complete("shell "), ["db", "web"]);
  const namespaces = () => ["plugctl-0a1b2c-server", "plugctl-ffffff-server"];
  assertEquals(candidates(["shell", ""], { ...MACHINE, namespaces }), {
    kind: "words",
    words: [{ word: "server", summary: "" }],
  });
  assertEquals(complete("show --netns /run/"), "files");
});

Deno.test("candidates() offers containers and pods", () => {
  assertEquals(complete("show --container "), ["proxy", "shop"]);
  assertEquals(complete("buffer web -c s"), ["shop"]);
  assertEquals(complete("show --pod=d"), ["--pod=default/shop"]);
});

Deno.test("candidates() leaves files and programs to the shell", () => {
  assertEquals(complete("run "), "files");
  assertEquals(complete("decode --pcap "), "files");
  assertEquals(complete("run --report=x"), "files");
  assertEquals(complete("hold --dev lo -- "), "command");
  assertEquals(complete("hold --dev lo -- wget --"), "files");
});

Deno.test("candidates() offers the words of an option or operand that has few", () => {
  assertEquals(complete("gate add x --direction "), ["in", "out", "both", "ingress", "egress"]);
  assertEquals(complete("encode --format "), ["hex", "c", "json"]);
  assertEquals(complete("attach --parent r"), ["root"]);
  assertEquals(complete("completions "), ["bash", "zsh", "fish"]);
  assertEquals(complete("help gate "), ["add", "list", "delete"]);
});

Deno.test("candidates() completes the command line that a command takes", () => {
  assertEquals(complete("encode bu"), ["buffer"]);
  assertEquals(complete("encode --format c buffer --dev "), ["lo", "eth0"]);
});

Deno.test("candidates() offers nothing where nothing can be known", () => {
  for (const line of ["nosuch ", "attach --handle ", "attach --limit ", "version x", "gate nosuch "]) {
    assertEquals(complete(line), [], line);
  }
});

Deno.test("candidates() knows each option with a value, and each operand", () => {
  const spec = Object.values<CommandSpec>(COMMANDS);
  const named = [...Object.values(OPTIONS), ...spec.flatMap(({ operands = [] }) => operands)]
    .flatMap((one) => typeof one === "string" ? [one.replaceAll(/[[\].]/g, "")] : "value" in one ? [one.value] : []);
  const nothingToOffer =
    "CONDITION DURATION EXPR HANDLE KEY=VALUE MESSAGE N NAME P PORT PATTERN RATE SIZE TIME URL GROUP".split(" ");
  const offered = "COMMAND DEV DIR DIRECTION FILE FORMAT GATE HOST NETNS PARENT POD SERVICE SHELL".split(" ");
  assertEquals([...new Set(named)].sort(), [...nothingToOffer, ...offered].sort());
});

Deno.test("shellWords() splits as a shell does, and keeps what is not finished", () => {
  assertEquals(shellWords(""), [""]);
  assertEquals(shellWords("plugctl  gate\tadd "), ["plugctl", "gate", "add", ""]);
  assertEquals(shellWords(`a 'b c'd "e \\" f" g\\ h`), ["a", "b cd", 'e " f', "g h"]);
  assertEquals(shellWords(`--match 'tcp dst`), ["--match", "tcp dst"]);
  assertEquals(shellWords(`--match "tcp dst`), ["--match", "tcp dst"]);
  assertEquals(shellWords("a\\"), ["a"]);
});

Deno.test("main() prints a script for each shell, and names the shells where there is none", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { status, stdout, stderr } = await plugctl(["completions", shell], { permissions: [] });
    const script = await Deno.readTextFile(new URL(`../../cli/completions/plugctl.${shell}`, import.meta.url));
    assertEquals([status, stdout, stderr], [0, script, ""]);
  }
  const { status, stderr } = await plugctl(["completions", "tcsh"], { permissions: [] });
  assertEquals([status, stderr], [
    2,
    'plugctl: unknown shell "tcsh": use bash, zsh, fish\n',
  ]);
});

Deno.test("main() answers a shell with what the word at the cursor may become", async () => {
  const { stdout } = await plugctl(["complete:", "words", "release-one", "--d"]);
  assertEquals(stdout, `words\n--dev\t${OPTIONS.dev.summary}\n--dry-run\t${OPTIONS["dry-run"].summary}\n`);
  // bash takes back what stands behind the last = or : of a word, and nothing before it.
  assertEquals((await plugctl(["complete:", "bash", "plugctl attach --dev=l"])).stdout, "words\nlo\n");
  assertEquals((await plugctl(["complete:", "bash", "sudo plugctl"])).stdout.split("\n")[0], "words");
  assertEquals((await plugctl(["complete:", "words", "show", "--netns", "nosuch", "--dev", ""])).stdout, "words\n");
});
