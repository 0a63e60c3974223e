import { assert, assertEquals } from "@std/assert";
import { concat, FAMILY, words } from "../codec/bytes.ts";
import { cooked, describeInterface, enhanced, option, pcap, pcapPacket, section } from "../codec/captures.ts";
import { runHere } from "./run_here.ts";

const MAIN = new URL("../../cli/main.ts", import.meta.url).pathname;
const PLUG = FAMILY["plug change"];
const ACK = concat(words(36, 2, 7, 9, 0), PLUG.subarray(0, 16));

/** Runs `decode` with a standard input. */
async function decodeInput(input: Uint8Array, ...words: string[]) {
  const child = spawn(...words);
  const output = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(input);
  await writer.close();
  const { code, stdout, stderr } = await output;
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function spawn(...words: string[]): Deno.ChildProcess {
  const args = ["run", "--quiet", "--no-check", "--allow-read", MAIN, "decode", ...words];
  return new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
}

async function gzipped(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Runs `decode --pcap` on a file with these bytes. */
async function decodeFile(bytes: Uint8Array, ...words: string[]) {
  const file = await Deno.makeTempFile({ prefix: "plugctl-" });
  try {
    await Deno.writeFile(file, bytes);
    const { stderr, ...outcome } = await runHere("decode", "--pcap", file, ...words);
    return { ...outcome, stderr: stderr.replaceAll(file, "FILE") };
  } finally {
    await Deno.remove(file);
  }
}

/** What --brief prints of the first packet of a capture. */
const LINE = `1970-01-01T00:00:05.000007000Z ${(await runHere("decode", "--brief", PLUG.toHex())).stdout}`;

Deno.test("decode --pcap - and --pcap=- read standard input, also what gzip has compressed", async () => {
  const file = pcap([PLUG]);
  for (const [input, option] of [[file, ["--pcap", "-"]], [await gzipped(file), ["--pcap=-"]]] as const) {
    const { status, stdout, stderr } = await decodeInput(input, ...option, "--brief");
    assertEquals([status, stderr, stdout], [0, "", LINE]);
  }
});

Deno.test("decode --pcap reads a file that gzip has compressed, also in several pieces", async () => {
  const file = pcap([PLUG, ACK]);
  const pieces = concat(await gzipped(file.slice(0, 50)), await gzipped(file.slice(50)));
  const { status, stdout, stderr } = await decodeFile(pieces, "--brief");
  assertEquals([status, stderr, stdout.split("\n").length], [0, "", 3]);
});

Deno.test("decode --pcap says that what gzip has compressed breaks off, or is damaged", async () => {
  const whole = await gzipped(pcap([PLUG, ACK]));
  assertEquals(await decodeFile(whole.subarray(0, -10), "--brief", "--json"), {
    status: 1,
    stdout: "[]\n",
    stderr: "plugctl: cannot decompress all of FILE: unexpected end of file\n",
  });
  const { status, stderr } = await decodeFile(concat(whole.subarray(0, 30), new Uint8Array(40).fill(255)));
  assertEquals(status, 1);
  assert(stderr.startsWith("plugctl: cannot decompress all of FILE: "), stderr);
});

Deno.test("decode --pcap shows the comments of pcapng, as text, brief and JSON", async () => {
  const comment = option(1, new TextEncoder().encode("here it began"));
  const file = concat(section(), describeInterface(), enhanced(cooked(ACK), { ticks: 1n, options: [comment] }));
  const [text, brief, json] = await Promise.all(
    [[], ["--brief"], ["--json"]].map((how) => decodeFile(file, "--all", ...how)),
  );
  assertEquals(text.stdout.split("\n").at(-2), "# here it began");
  assertEquals(brief.stdout, "1970-01-01T00:00:00.000001000Z NLMSG_ERROR sequence 7 error 0 # here it began\n");
  assertEquals(JSON.parse(json.stdout)[0].comment, "here it began");
});

Deno.test("decode --pcap says of a message that was cut short how much is missing, and exits with 1", async () => {
  const { status, stdout, stderr } = await decodeFile(pcap([PLUG], { snapLength: 16 + 44 }), "--brief");
  assertEquals([status, stderr], [1, ""]);
  assert(stdout.endsWith(" parent root: Cut short: the last 16 bytes were not captured\n"), stdout);
  const { stdout: fields } = await decodeFile(pcap([PLUG], { snapLength: 16 + 44 }));
  assert(/^ 0 {2}nlmsg_len +60$/m.test(fields) && /^32 {2}tcm_info +2$/m.test(fields), fields);
});

Deno.test("decode --pcap shows what has come through a pipe before more comes", async () => {
  const child = spawn("--pcap", "-", "--brief");
  const writer = child.stdin.getWriter();
  const reader = child.stdout.getReader();
  await writer.write(pcap([PLUG]));
  assertEquals(new TextDecoder().decode((await reader.read()).value), LINE);
  await writer.write(pcapPacket(cooked(PLUG)));
  assertEquals(new TextDecoder().decode((await reader.read()).value), LINE);
  await writer.close();
  assert((await reader.read()).done);
  await child.stderr.cancel();
  assertEquals((await child.status).code, 0);
});

Deno.test("decode --pcap ends in silence when nobody reads on", async () => {
  for (const how of ["--brief", "--json"]) {
    const child = spawn("--pcap", "-", how);
    await child.stdout.cancel();
    const writer = child.stdin.getWriter();
    await writer.write(pcap(new Array(2000).fill(PLUG))).catch(() => {});
    await writer.close().catch(() => {});
    assertEquals(await new Response(child.stderr).text(), "");
    assertEquals((await child.status).code, 1);
  }
});

/** The most memory that a process has had, in bytes. */
async function peakMemory(pid: number): Promise<number> {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(await Deno.readTextFile(`/proc/${pid}/status`)) ?? [];
  return Number(kilobytes) * 1024;
}

Deno.test("decode --pcap needs 150 MiB at the most, for a capture of 500 MB", async () => {
  const child = spawn("--pcap", "-", "--all");
  const printed = child.stdout.pipeTo(new WritableStream());
  const writer = child.stdin.getWriter();
  await writer.write(pcap([]));
  for (let written = 0, round = 0; written < 500e6; round++) {
    const part = busyPart(round);
    await writer.write(part);
    written += part.length;
  }
  const peak = await peakMemory(child.pid);
  await writer.close();
  await printed;
  assertEquals([await new Response(child.stderr).text(), (await child.status).code], ["", 0]);
  assert(peak <= 150 * 2 ** 20, `${Math.round(peak / 2 ** 20)} MiB`);
});

/** Some 5 MB of a capture: requests that nobody answers, and much of another protocol, which is passed over. */
function busyPart(round: number): Uint8Array<ArrayBuffer> {
  const requests = Array.from({ length: 1000 }, (_, index) => {
    const request = PLUG.slice();
    new DataView(request.buffer).setUint32(8, round * 1000 + index, true);
    return pcapPacket(cooked(request));
  });
  const other = pcapPacket(cooked(new Uint8Array(60_000), 4));
  const others = new Uint8Array(80 * other.length);
  for (let at = 0; at < others.length; at += other.length) others.set(other, at);
  return joined(concat(...requests), others);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

Deno.test("decode reads the bytes themselves from standard input, and says that a capture needs --pcap", async () => {
  const { status, stdout } = await decodeInput(concat(PLUG, ACK), "--brief");
  assertEquals([status, stdout.split("\n").length], [0, 3]);
  for (const capture of [pcap([PLUG]), section(), await gzipped(pcap([PLUG]))]) {
    assertEquals(await decodeInput(capture), {
      status: 2,
      stdout: "",
      stderr: "plugctl: standard input is a capture; read it with: plugctl decode --pcap -\n",
    });
  }
});
