import { assertEquals } from "@std/assert";
// @ts-types="../snapshot.d.ts"
import { assertSnapshot } from "@std/testing/snapshot";
import { concat, FAMILY, words } from "../codec/bytes.ts";
import { REQUESTS } from "../codec/captured.ts";
import { runHere } from "./run_here.ts";

const MAIN = new URL("../../cli/main.ts", import.meta.url).pathname;
const [{ bytes: ADD }] = REQUESTS;
const PLUG = FAMILY["plug change"];
const ACK = concat(words(36, 2, 7, 9, 0), PLUG.subarray(0, 16));

/** A capture of datagrams, each a second and 7 µs after the one before. */
function capture(...datagrams: Uint8Array[]): Uint8Array {
  const packets = datagrams.map((bytes, index) => {
    const length = 16 + bytes.length;
    return concat(words(1_700_000_000 + index, 7 * (index + 1), length, length), new Uint8Array(16), bytes);
  });
  return concat(words(0xa1b2c3d4, 0x40002, 0, 0, 0x40000, 253), ...packets);
}

/** Runs `decode --pcap` on a file with these bytes. */
async function decodePcap(bytes: Uint8Array, ...words: string[]) {
  const file = await Deno.makeTempFile({ prefix: "plugctl-", suffix: ".pcap" });
  try {
    await Deno.writeFile(file, bytes);
    const { stderr, ...outcome } = await runHere("decode", "--pcap", file, ...words);
    return { ...outcome, stderr: stderr.replaceAll(file, "FILE") };
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("decode shows a message field by field, as JSON with --json, as one line with --brief", async (t) => {
  for (const options of [[], ["--json"], ["--brief"]]) {
    const { status, stdout, stderr } = await runHere("decode", ...options, PLUG.toHex());
    assertEquals([status, stderr], [0, ""]);
    await assertSnapshot(t, stdout);
  }
});

Deno.test("decode --pcap shows no time of a Simple Packet Block of pcapng, which has none", async () => {
  const packet = concat(Uint8Array.fromHex("0000033800000000000000000000".padEnd(32, "0")), PLUG);
  const size = 16 + packet.length;
  const blocks = concat(
    words(0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28),
    words(1, 20, 253, 0, 20),
    concat(words(3, size, packet.length), packet, words(size)),
  );
  assertEquals(await decodePcap(blocks, "--brief"), await runHere("decode", "--brief", PLUG.toHex()));
  assertEquals(await decodePcap(blocks, "--json"), await runHere("decode", "--json", PLUG.toHex()));
});

Deno.test("decode shows every message of a run, with an empty line in between, and the bytes of each", async () => {
  const { stdout } = await runHere("decode", ADD.toHex(), ACK.toHex());
  const [first, second] = [
    (await runHere("decode", ADD.toHex())).stdout,
    (await runHere("decode", ACK.toHex())).stdout,
  ];
  assertEquals(stdout, `${first}\n${second}`);
  const json = JSON.parse((await runHere("decode", "--json", ADD.toHex(), ACK.toHex())).stdout);
  assertEquals(json.map(({ hex }: { hex: string }) => hex), [ADD.toHex(), ACK.toHex()]);
});

Deno.test("decode reads standard input, when it has no arguments, and takes no permission but to read its own modules", async () => {
  const args = ["run", "--quiet", "--no-check", "--allow-read", MAIN, "decode", "--brief"];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`${PLUG.toHex()}\n`));
  await writer.close();
  const { stdout } = await child.output();
  assertEquals(new TextDecoder().decode(stdout), (await runHere("decode", "--brief", PLUG.toHex())).stdout);
});

Deno.test("decode shows what is malformed as far as it goes, behind the messages before it, and exits with 1", async () => {
  const cut = PLUG.slice();
  new DataView(cut.buffer).setUint16(48, 3, true);
  const { stdout: first } = await runHere("decode", ACK.toHex());
  const { status, stdout, stderr } = await runHere("decode", ACK.toHex(), cut.toHex());
  assertEquals([status, stderr], [1, ""]);
  const lines = stdout.slice(first.length + 1).trimEnd().split("\n");
  assertEquals(stdout.slice(0, first.length), first);
  assertEquals([lines[0], ...lines.slice(-3)], [
    "RTM_NEWQDISC, 60 bytes",
    '36  TCA_KIND     "plug"',
    "Cannot decode attribute at offset 48: length is 3, must be at least 4 (of the message at offset 36)",
    cut.toHex(),
  ]);
});

Deno.test("decode reads a request of nothing but an address family", async () => {
  const { status, stdout } = await runHere("decode", "--brief", "1400000012000103010000000000000000000000");
  assertEquals([status, stdout], [0, "RTM_GETLINK REQUEST|ROOT|MATCH sequence 1\n"]);
});

Deno.test("decode shows what stands before bytes that are malformed, says where they are, and exits with 1", async () => {
  const broken = "Cannot decode message at offset 0: 4 bytes are left, a header needs 16 (of the message at offset 60)";
  const { stdout } = await runHere("decode", "--brief", PLUG.toHex());
  assertEquals(await runHere("decode", "--brief", `${PLUG.toHex()}0c000000`), {
    status: 1,
    stdout: `${stdout}${broken}\n0c000000\n`,
    stderr: "",
  });
  const json = JSON.parse((await runHere("decode", "--json", `${PLUG.toHex()}0c000000`)).stdout);
  assertEquals([json.length, json[1].error, json[1].hex], [2, broken, "0c000000"]);
});

Deno.test("decode --pcap shows the messages about plugs with their times, as text, brief and JSON", async (t) => {
  const file = capture(FAMILY["link"], PLUG, ACK);
  for (const options of [[], ["--json"], ["--brief"]]) {
    const { status, stdout, stderr } = await decodePcap(file, ...options);
    assertEquals([status, stderr], [0, ""]);
    await assertSnapshot(t, stdout);
  }
});

Deno.test("decode --pcap --all shows every rtnetlink message", async () => {
  const { stdout } = await decodePcap(capture(FAMILY["link"], PLUG), "--all", "--brief");
  assertEquals(stdout.split("\n").map((line) => line.split(" ")[1]), ["RTM_NEWLINK", "RTM_NEWQDISC", undefined]);
});

Deno.test("decode --pcap notes that nothing is about plugs, when nothing is", async () => {
  assertEquals(await decodePcap(capture(FAMILY["link"])), {
    status: 0,
    stdout: "",
    stderr: "plugctl: FILE has no message about a plug or a gate; --all shows all others\n",
  });
  assertEquals((await decodePcap(capture(), "--json")).stdout, "[]\n");
});

Deno.test("decode --pcap shows what cannot be decoded as far as it goes, goes on, and exits with 1", async () => {
  const file = capture(PLUG.subarray(0, 20), ACK.subarray(0, 7), PLUG);
  const { status, stdout } = await decodePcap(file, "--brief");
  assertEquals([status, stdout.split("\n").slice(0, -2)], [1, [
    "2023-11-14T22:13:20.000007000Z RTM_NEWQDISC REQUEST|ACK sequence 7: " +
    "Cannot decode message at offset 0: length is 60, must be at most 20",
    "2023-11-14T22:13:21.000014000Z Cannot decode message at offset 0: 7 bytes are left, a header needs 16",
    ACK.subarray(0, 7).toHex(),
  ]]);
});

Deno.test("decode --pcap shows what stands before the end, and says where it is, when a capture breaks off", async () => {
  const broken = capture(PLUG, ACK).slice(0, -1);
  const [text, json] = [await decodePcap(broken, "--brief"), await decodePcap(broken, "--json")];
  const stderr = "plugctl: cannot read capture at offset 132: 51 bytes are left of a packet that needs 52\n";
  assertEquals([text.status, text.stderr, text.stdout.split("\n").length], [1, stderr, 2]);
  assertEquals([json.status, json.stderr, JSON.parse(json.stdout).length], [1, stderr, 1]);
});

const MISTAKES = [
  [["decode", "3c00g0"], 2, 'cannot read the message at line 1, column 5: "g" is not a hex digit'],
  [["decode", "--all", "00"], 2, "--all goes with --pcap: of other input every message is shown"],
  [["decode", "--pcap", "x", "00"], 2, 'unexpected argument "00" beside --pcap'],
  [["decode", "--pcap", "/nosuch/file"], 1, "cannot read /nosuch/file: there is no such file"],
  [["decode", "--pcap", "/"], 1, "cannot read /: it is a folder"],
  [["decode", "/"], 2, '"/" is a folder; give a message as hex or in another form'],
  [["decode", "--pcap", MAIN], 2, `${MAIN} looks like text, not a capture; leave out --pcap: plugctl decode < ${MAIN}`],
] as const;

for (const [words, status, message] of MISTAKES) {
  Deno.test(`decode says what is wrong, on: ${words.slice(1).join(" ")}`, async () => {
    assertEquals(await runHere(...words), { status, stdout: "", stderr: `plugctl: ${message}\n` });
  });
}
