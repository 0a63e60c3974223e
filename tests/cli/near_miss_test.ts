import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseArguments } from "../../cli/arguments.ts";
import { nearest } from "../../plug/nearest.ts";
import { shellText } from "../../cli/near_miss.ts";
import { COMMANDS } from "../../cli/table.ts";
import { UsageError } from "../../cli/exit_status.ts";
import { plugctl } from "./plugctl.ts";

function messageOf(line: string): string {
  return assertThrows(() => parseArguments(line.split(" ")), UsageError, undefined, line).message;
}

/** What people type, and the command lines that they are led to. */
const COMMANDS_MEANT = [
  ["ls", "show, or: plugctl gate list"],
  ["list", "show, or: plugctl gate list"],
  ["status", "show, or: plugctl gate list"],
  ["rm web", "detach web, or: plugctl gate delete web"],
  ["delete eth0", "detach eth0, or: plugctl gate delete eth0"],
  ["undo", "recover"],
  ["pause web", "buffer web"],
  ["resume web --netns b", "release web --netns b"],
  ["stop web", "buffer web, or: plugctl release web"],
  ["start web", "buffer web, or: plugctl release web"],
  ["gate show", "gate list, or: plugctl show"],
  ["gate show web", "gate list web, or: plugctl show web"],
  ["gat list", "gate list"],
  ["gat delete web", "gate delete web"],
  ["GATE list", "gate list"],
  ["unhold web", "release web"],
  ["Hold web", "hold web"],
  ["gate rm web", "gate delete web"],
  ["gate ls", "gate list"],
  ["gate ad web", "gate add web"],
  ["unblock eth0", "release eth0"],
  ["release-all eth0", "release eth0"],
  ["hodl eth0 --for 1s -- sleep 1", "hold eth0 --for 1s -- sleep 1"],
  ["Buffer eth0", "buffer eth0"],
  ["attahc eth0", "attach eth0"],
  ["buf eth0", "buffer eth0"],
  ["recvoer --all", "recover --all"],
  ["release-on eth0", "release-one eth0"],
  ["check", "doctor"],
  ["add web", "attach web, or: plugctl gate add web"],
] as const;

Deno.test("parseArguments() answers a command that is not there with the command line that is meant", () => {
  for (const [line, meant] of COMMANDS_MEANT) {
    const [first, second] = line.split(" ");
    const name = first === "gate" ? `${first} ${second}` : first;
    assertEquals(messageOf(line), `unknown command "${name}"; did you mean: plugctl ${meant}`, line);
  }
});

Deno.test("parseArguments() leads nobody to a command line that it would refuse", () => {
  // `undo` takes no word: what is behind it is left out.
  assertEquals(messageOf("undo everything"), 'unknown command "undo"; did you mean: plugctl recover');
  for (const line of ["nosuch", "xyzzy web", "toString", "__proto__", ""]) {
    assertEquals(messageOf(line), `unknown command "${line.split(" ")[0]}"; see: plugctl help`, line);
  }
});

const OPTIONS_MEANT = [
  ["buffer --device lo", "unknown option --device; did you mean --dev"],
  ["buffer --interface=lo", "unknown option --interface; did you mean --dev"],
  ["buffer -i lo", "unknown option -i; did you mean --dev"],
  ["show --namespace b", "unknown option --namespace; did you mean --netns"],
  ["show --docker web", "unknown option --docker; did you mean --container"],
  ["show --pods a/b", "unknown option --pods; did you mean --pod"],
  ["hold lo --duration 1s", "unknown option --duration; did you mean --for or --max-hold"],
  ["attach lo --limti 1m", "unknown option --limti; did you mean --limit"],
  ["show --jsn", "unknown option --jsn; did you mean --json"],
  ["detach lo --dryrun", "unknown option --dryrun; did you mean --dry-run"],
  ["buffer --limit 5", "unknown option --limit: buffer does not take it; these do: attach, hold, arm, gate add"],
  ["version --quiet", "unknown option --quiet: version does not take it; see: plugctl version --help"],
  [
    "show --force",
    "unknown option --force: show does not take it; see: plugctl show --help",
  ],
  [
    "discard web --packets 3",
    "discard takes no --packets: the kernel discards all packets of a queue or none; to keep the oldest, let them go " +
    "before: plugctl release NAME --packets N; to lose only some, give them a gate of their own before they come",
  ],
  ["show --nosuch", "unknown option --nosuch; see: plugctl show --help"],
  [
    "--netns b show",
    "unknown option --netns before the command; options go behind the command: plugctl show --netns b",
  ],
] as const;

Deno.test("parseArguments() answers an option that a command does not take with the one that is meant", () => {
  for (const [line, message] of OPTIONS_MEANT) assertEquals(messageOf(line), message, line);
});

Deno.test("nearest() finds a word with a slip, or the one that begins so, and nothing else", () => {
  const names = ["eth0", "eth1", "lo", "wlp3s0"];
  assertEquals(nearest("wlp3s1", names), "wlp3s0");
  assertEquals(nearest("wlp", names), "wlp3s0");
  assertEquals(nearest("ehto", ["eth0"]), undefined);
  assertEquals(nearest("tun0", names), undefined);
  assertEquals(nearest("x", names), undefined);
  assertEquals(nearest("", names), undefined);
});

Deno.test("shellText() quotes what a shell would take apart", () => {
  assertEquals(shellText(["a", "b c", "it's", "", "$x", "--a=b", "x>=1"]), "a 'b c' 'it'\\''s' '' '$x' --a=b 'x>=1'");
});

Deno.test("help is given at every level, whatever else is wrong with the command line", async () => {
  const groups = new Set(Object.keys(COMMANDS).filter((name) => name.includes(" ")).map((name) => name.split(" ")[0]));
  assert(groups.has("gate"));
  for (const group of groups) {
    const texts = [];
    for (const words of [[group, "--help"], [group, "-h"], [group, "help"], ["help", group], ["--help", group]]) {
      const { status, stdout, stderr } = await plugctl(words, { permissions: [] });
      assertEquals([status, stderr], [0, ""], words.join(" "));
      texts.push(stdout);
    }
    assertEquals(new Set(texts).size, 1);
    for (const name of Object.keys(COMMANDS)) {
      assertEquals(texts[0].includes(`\n  ${name} `), name.startsWith(`${group} `));
    }
  }
  for (const name of ["gate add", "buffer", "hold"]) {
    const outcome = await plugctl(["help", ...name.split(" ")], { permissions: [] });
    for (const words of ["--help", "-h", "--nosuch --help", "--dev lo -h", "x y z --help"]) {
      assertEquals(await plugctl([...name.split(" "), ...words.split(" ")], { permissions: [] }), outcome, words);
    }
  }
});

Deno.test("a --help that belongs to another command line is not answered by plugctl", () => {
  assertEquals(parseArguments("hold lo -- curl --help".split(" ")).program, ["curl", "--help"]);
  assertEquals(parseArguments("encode buffer --help".split(" ")).program, ["buffer", "--help"]);
});
