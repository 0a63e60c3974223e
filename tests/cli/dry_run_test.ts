import { assertEquals } from "@std/assert";
// @ts-types="../snapshot.d.ts"
import { assertSnapshot } from "@std/testing/snapshot";
import type { Run } from "../../cli/context.ts";
import { attach, detach } from "../../cli/commands/attach.ts";
import { buffer, limit, release } from "../../cli/commands/change.ts";
import vectors from "../codec/vectors/requests.json" with { type: "json" };
import { FakeContext } from "./fake_context.ts";
import { plugctl } from "./plugctl.ts";
import { replacedFiles } from "./replaced_files.ts";

const RUN: Readonly<Record<string, Run>> = {
  attach,
  buffer,
  detach,
  limit,
  "release-one": release,
  release,
};

/** Devices: lo, 1, and eth0, 7, which has no queue of its own. */
const DEVICES = {
  "/sys/class/net/lo/ifindex": "1\n",
  "/sys/class/net/lo/tx_queue_len": "1000\n",
  "/sys/class/net/lo/mtu": "65536\n",
  "/sys/class/net/eth0/ifindex": "7\n",
  "/sys/class/net/eth0/tx_queue_len": "0\n",
  "/sys/class/net/eth0/mtu": "1500\n",
};

/** Runs a command line with `--dry-run`. */
async function dryRun(line: string): Promise<FakeContext> {
  using _files = replacedFiles(DEVICES);
  const context = new FakeContext(`${line} --dry-run`);
  await RUN[context.arguments.command](context);
  return context;
}

/** The messages that would be sent, in hex. */
async function dryRunHex(line: string): Promise<string[]> {
  const { printed } = await dryRun(`${line} --json`);
  return (JSON.parse(printed) as { hex: string }[]).map(({ hex }) => hex);
}

const LINES = [
  "attach --dev lo",
  "attach --dev lo --hold --limit 64k",
  "attach --dev eth0 --parent 1:4 --replace",
  "attach --dev lo --netns web",
  "detach --dev lo",
  "detach --dev lo --drop",
  "buffer --dev lo --dev eth0",
  "release-one --dev lo",
  "release --dev lo --parent 1:4",
  "limit 1m --dev lo --handle 40:",
  "buffer --dev nosuch",
  "buffer --dev lo --netns web",
];

for (const line of LINES) {
  Deno.test(`printRequests() prints each message field by field and in hex, on: ${line}`, async (t) => {
    const { printed, notes } = await dryRun(line);
    await assertSnapshot(t, printed + notes.map((note) => `note: ${note}\n`).join(""));
  });
}

Deno.test("printRequests() prints the same as JSON, with --json", async (t) => {
  await assertSnapshot(t, (await dryRun("limit 1m --dev lo --json")).printed);
});

Deno.test("printRequests() has a snapshot of each command that takes --dry-run", () => {
  assertEquals(new Set(LINES.map((line) => line.split(" ")[0])), new Set(Object.keys(RUN)));
});

/** Which command line of plugctl sends what tc sends. */
const SAME = [
  ["attach --dev lo --handle 1: --limit 32768", "tc qdisc add dev lo root handle 1: plug limit 32768"],
  ["attach --dev lo --handle 1: --limit 1000 --replace", "tc qdisc replace dev lo root handle 1: plug limit 1000"],
  ["limit 1m --dev lo --parent 1:4 --handle 40:", "tc qdisc change dev lo parent 1:4 handle 40: plug limit 1048576"],
  ["detach --drop --dev lo --parent root --handle 1:", "tc qdisc del dev lo handle 1: root"],
] as const;

/** A message without its sequence number and its port, which tc fills with the time and its process number. */
function withoutSender(hex: string): string {
  return `${hex.slice(0, 16)}${hex.slice(32)}`;
}

for (const [line, command] of SAME) {
  Deno.test(`printRequests() prints the bytes that tc sends, on: ${line}`, async () => {
    const vector = vectors.find((vector) => vector.command === command);
    const [hex] = await dryRunHex(line);
    assertEquals(withoutSender(hex), withoutSender(vector?.hex ?? "not in the vectors"));
  });
}

Deno.test("printRequests() numbers the messages from 1 on, in the order of the devices", async () => {
  const messages = await dryRunHex("detach --dev eth0 --dev lo");
  assertEquals(messages.map((hex) => [hex.slice(8, 12), hex.slice(16, 24), hex.slice(40, 48)]), [
    ["2400", "01000000", "07000000"],
    ["2500", "02000000", "07000000"],
    ["2400", "03000000", "01000000"],
    ["2500", "04000000", "01000000"],
  ]);
});

for (const line of LINES) {
  Deno.test(`main() needs no permission and opens no socket, on: ${line} --dry-run`, async () => {
    const { status, stdout, stderr } = await plugctl(`${line} --dry-run`.split(" "), { permissions: [] });
    const messages = stdout.match(/^RTM_(NEW|DEL)QDISC, \d+ bytes$/mg);
    assertEquals([status, messages?.length], [0, (await dryRunHex(line)).length], stderr);
  });
}
