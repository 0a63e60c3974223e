import { assertEquals, assertMatch } from "@std/assert";
// @ts-types="../snapshot.d.ts"
import { assertSnapshot } from "@std/testing/snapshot";
import { datagramsOfText } from "../../cli/input/datagrams.ts";
import { COMMANDS, type CommandSpec } from "../../cli/table.ts";
import { replacedFiles } from "./replaced_files.ts";
import { runHere } from "./run_here.ts";

/** A device that is 1 and has no queue of its own. */
const LO = { ifindex: "1\n", tx_queue_len: "0\n", mtu: "65536\n" };

/** Runs a command line on a machine whose device is lo. */
async function run(line: string) {
  using _files = replacedFiles(
    Object.fromEntries(Object.entries(LO).map(([name, text]) => [`/sys/class/net/lo/${name}`, text])),
  );
  return await runHere(...line.split(" "));
}

/** A command line for each command that can be encoded. */
const LINES = [
  "attach --dev lo --handle 1: --limit 32768",
  "detach --dev lo --handle 1:",
  "buffer --dev lo --handle 1:",
  "release-one --dev lo --handle 1:",
  "release --dev lo --handle 1:",
  "limit 1m --dev lo --handle 1:",
  "gate add web --dev lo --direction egress --match arp",
  "gate delete web",
  "discard --gate web",
  "arm lo --for 1s",
  "hold --dev lo --handle 1: --for 1s",
];

/** The messages that `--dry-run` says would be sent, in hex. */
async function dryRun(line: string): Promise<string[]> {
  return (JSON.parse((await run(`${line} --dry-run --json`)).stdout) as { hex: string }[]).map(({ hex }) => hex);
}

for (const line of LINES) {
  Deno.test(`encode prints what --dry-run says would be sent, in hex, C and JSON, on: ${line}`, async () => {
    const expected = await dryRun(line);
    // One after the other, as each replaces files for its time.
    const [hex, c, json] = [
      await run(`encode --format hex ${line}`),
      await run(`encode --format c ${line}`),
      await run(`encode --format json ${line}`),
    ];
    assertEquals([hex.status, hex.stdout], [0, expected.map((each) => `${each}\n`).join("")]);
    assertEquals(
      datagramsOfText(c.stdout, () => {}).datagrams.map((bytes) => bytes.toHex()).join(""),
      expected.join(""),
    );
    assertEquals(json.stdout, (await run(`${line} --dry-run --json`)).stdout);
  });
}

Deno.test("encode takes every command that has --dry-run, but for run and recover, whose is a plan", () => {
  const encodable = Object.entries(COMMANDS as Record<string, CommandSpec>)
    .filter(([name, { options }]) => options.includes("dry-run") && !["run", "recover"].includes(name)).map(([name]) =>
      name
    );
  const tested = LINES.map((line) => encodable.find((name) => line.startsWith(`${name} `)));
  assertEquals(new Set(tested), new Set(encodable));
});

Deno.test("encode hold sends a limit with the plug that it attaches, where the device has no queue", async () => {
  const [create] = (await run("encode hold --dev lo --handle 1: --for 1s")).stdout.split("\n");
  // TCA_OPTIONS with TCQ_PLUG_LIMIT and 1000 packets of 65,550 bytes.
  assertEquals(create.slice(-24), "0c00020003000000b036e803");
});

Deno.test("encode prints hex, when no format is given", async () => {
  assertEquals((await run("encode buffer --dev lo --handle 1:")).stdout, `${(await dryRun(LINES[2])).join("\n")}\n`);
});

Deno.test("encode prints JSON, with --json as with --format json", async () => {
  const { stdout } = await run("encode --json buffer --dev lo --handle 1:");
  assertEquals(stdout, (await run("encode --format json buffer --dev lo --handle 1:")).stdout);
  assertEquals(JSON.parse(stdout).length, 1);
});

Deno.test("encode prints an array in C with the kernel's names, one for each message", async (t) => {
  await assertSnapshot(t, (await run("encode --format c buffer --dev lo --handle 1:")).stdout);
  await assertSnapshot(t, (await run("encode --format c gate add web --dev lo --direction ingress")).stdout);
});

Deno.test("encode notes what is not known, as --dry-run does", async () => {
  const { stderr } = await run("encode buffer --dev lo");
  assertEquals(
    stderr,
    "plugctl: the handle of the plug on lo is shown as 504c:, what is sent names that of the plug there\n",
  );
});

Deno.test("encode prints the help of the command, when that asks for it", async () => {
  assertEquals((await run("encode buffer --help")).stdout, (await run("buffer --help")).stdout);
});

const MISTAKES = [
  ["encode", /^encode needs COMMAND\.\.\.;/],
  ["encode nosuch", /^unknown command "nosuch";/],
  ["encode show", /^show cannot be encoded, these can: attach, detach, buffer, /],
  ["encode encode buffer --dev lo", /^encode cannot be encoded,/],
  ["encode --format xml buffer --dev lo", /^unknown format "xml": use hex, c, json$/],
  ["encode buffer --format c --dev lo", /^unknown option --format: buffer does not take it; these do: encode$/],
  ["encode buffer", /^buffer needs a gate or a device/],
] as const;

for (const [line, message] of MISTAKES) {
  Deno.test(`encode exits with 2 and says what is wrong, on: ${line}`, async () => {
    const { status, stdout, stderr } = await run(line);
    assertEquals([status, stdout], [2, ""]);
    assertMatch(stderr.replace(/^plugctl: (.*)\n$/s, "$1"), message);
  });
}
