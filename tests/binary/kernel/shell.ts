import { assertEquals } from "@std/assert";
import { Host } from "../../kernel/host.ts";
import { BINARY } from "../binary.ts";

const TERMINAL = new URL("terminal.py", import.meta.url).pathname;
const COMPLETIONS = new URL("../../../cli/completions/", import.meta.url).pathname;

/** How each shell is started without anybody's own settings, and told of the completions. */
const SHELLS = {
  bash: { start: ["bash", "--norc", "--noprofile", "-i"], load: (file: string) => `source ${file}` },
  zsh: {
    start: ["zsh", "--no-rcs", "-i"],
    load: (file: string) => `bindkey -e; autoload -U compinit; compinit -u -D; source ${file}`,
  },
  fish: { start: ["fish", "--no-config", "-i"], load: (file: string) => `source ${file}` },
};

/** What is typed before the tabulator, and what stands there afterwards. */
const LINES = [
  ["plugctl gate dele\t", "plugctl gate delete"],
  ["plugctl detach --tim\t", "plugctl detach --timeout"],
  ["plugctl attach --dev=cab\t", "plugctl attach --dev=cable0"],
  ["plugctl buffer --netns NAMESPACE se\t", "plugctl buffer --netns NAMESPACE second"],
  ["plugctl show --netns NAMES\t", "plugctl show --netns NAMESPACE"],
  ["plugctl run /opt/scen\t", "plugctl run /opt/scenario.yaml"],
];

/** Declares the test of a shell. */
export function testShell(shell: keyof typeof SHELLS): void {
  const { start, load } = SHELLS[shell];
  Deno.test(`${shell} completes commands, options, devices, gates, namespaces and files as they are`, async () => {
    using here = new Host();
    using there = new Host();
    here.configure(["link add cable0 type veth peer name other0"]);
    const gate = ["--dev", "lo", "--direction", "egress", "--match", "icmp"];
    there.run(BINARY, "gate", "add", "second", ...gate);
    Deno.writeTextFileSync("/opt/scenario.yaml", "");
    const named = (text: string) => text.replace("NAMESPACE", there.name).replace("NAMES", there.name.slice(0, -2));

    // Back to the line's begin, to print it instead of running it.
    const typed = LINES.map(([line]) => `${named(line)}\x01echo line: \r`);
    const keys = [`${load(`${COMPLETIONS}plugctl.${shell}`)}\r`, ...typed, "exit\r"].join("");
    const child = here.spawn(["python3", TERMINAL, ...start], {
      stdin: "piped",
      stdout: "piped",
      env: { PATH: `${BINARY.replace(/\/[^/]*$/, "")}:${Deno.env.get("PATH")}`, TERM: "dumb", HOME: "/run", PS1: "" },
    });
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(keys));
    await writer.close();
    const shown = new TextDecoder().decode((await child.output()).stdout);
    const lines = shown.matchAll(/^line: (.*?)\s*$/gm).map(([, line]) => line).toArray();
    assertEquals(lines, LINES.map(([, line]) => named(line)), shown);
  });
}
