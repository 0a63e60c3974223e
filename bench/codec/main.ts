// Compares the codec with its peers, all in this run: prints a table and writes it to bench/RESULTS.md.
import { compile, type Figures, type Peer, PROCESSES, runPeers } from "../processes.ts";
import { circumstances, table, writeSection } from "../results.ts";
import { RECORD_LEN, RECORDS_AT } from "../../codec/assembly/regions.ts";
import { memoryWords } from "../../codec/exchange.ts";
import { readReceived, receiveRegion } from "../../codec/mod.ts";
import { acks, dumpChunk } from "./input.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;
const folder = await Deno.makeTempDir({ prefix: "plugctl-bench-" });
const skipped: string[] = [];

try {
  const peers = await runAll();
  const lines = [...await circumstances("deno task bench:codec"), "", ...introduction(), "", ...comparison(peers)];
  console.log(lines.join("\n"));
  await writeSection("Codec", lines);
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** Runs every peer that is installed, and notes the others. */
async function runAll(): Promise<Map<string, Figures>> {
  const chunk = `${folder}/chunk`;
  await Deno.writeFile(chunk, dumpChunk().bytes);
  await Deno.writeFile(`${folder}/acks`, acks());
  await Deno.writeFile(`${folder}/records`, records());
  const deno = (name: string) => [Deno.execPath(), "run", "--no-lock", "-A", "--no-check", here(name)];
  const peers: Peer[] = [
    ["plugctl", deno("plugctl.ts")],
    ["plugctl", deno("plugctl_first.ts")],
    ["TypeScript", deno("typescript.ts")],
    ["npm netlink", deno("npm_netlink.ts")],
    ["pyroute2", ["/usr/bin/python3", here("pyroute2_peer.py"), chunk]],
  ];
  if (await built("hand C", "hand.c")) {
    peers.push(["hand C", [`${folder}/hand.c.out`, chunk, `${folder}/acks`, `${folder}/records`]]);
  }
  const flags = ["-I/usr/include/libnl3", "-lnl-route-3", "-lnl-3"];
  if (await built("libnl", "libnl.c", flags)) peers.push(["libnl", [`${folder}/libnl.c.out`, chunk]]);
  const { figures, failures } = await runPeers(peers);
  skipped.push(...failures);
  return figures;
}

/** What the codec writes for the chunk, so that hand C can prove that it does the same. */
function records(): Uint8Array {
  const { bytes, count } = dumpChunk();
  receiveRegion.set(bytes);
  // Twice, since a kind that is met for the first time takes another way.
  readReceived(bytes.length);
  readReceived(bytes.length);
  const words = memoryWords.slice(RECORDS_AT / 4, (RECORDS_AT + count * RECORD_LEN) / 4);
  // The reference to a kind means nothing where it has a number.
  for (let at = 6; at < words.length; at += RECORD_LEN / 4) words[at] = 0;
  return new Uint8Array(words.buffer);
}

async function built(name: string, source: string, flags: string[] = []): Promise<boolean> {
  const reason = await compile(new URL(source, import.meta.url), `${folder}/${source}.out`, flags);
  if (reason) skipped.push(`${name} (${reason})`);
  return reason === undefined;
}

function introduction(): string[] {
  const { bytes, count } = dumpChunk();
  return [
    `Nanoseconds a message, the median of ${PROCESSES} processes, those of all peers in turns; each warms up and takes its\nfastest of five runs.`,
    `A dump is decoded from where the kernel put it, ${bytes.length} bytes of ${count} messages at a time. "First dump" is`,
    "10,000 qdiscs and 11 fields of each in a process that has decoded nothing yet, in nanoseconds altogether.",
    `Skipped: ${skipped.join("; ") || "nothing"}.`,
  ];
}

/** What each line of the table is to show: our work, the peer's, and how many times the peer's cost is allowed. */
type Bound = readonly [title: string, work: string, peer: string, peerWork: string, most: number];

function bounds(): Bound[] {
  return [
    ["single change, by numbers", "single", "hand C", "single", 5],
    ["single change, by numbers", "single", "libnl", "single", 1 / 20],
    ["single change, as an object", "single-object", "libnl", "single", 1],
    ["64 ACKs verified", "acks-verified", "TypeScript", "acks-verified", 1.1],
    ["64 ACKs with their fields", "acks-fields", "TypeScript", "acks-fields", 1.3],
    ["dump, records", "dump-records", "hand C", "dump-records", 2],
    ["dump, records", "dump-records", "libnl", "dump-records", 1 / 8],
    ["dump, records", "dump-records", "npm netlink", "dump-records", 1 / 70],
    ["dump, records", "dump-records", "pyroute2", "dump-records", 1 / 1000],
    ["dump, cursor over 11 fields", "dump-cursor", "hand C", "dump-records", 3.5],
    ["dump, cursor over 11 fields", "dump-cursor", "TypeScript", "dump-cursor", 1],
    ["dump, objects", "dump-objects", "hand C", "dump-records", 6],
    ["dump, objects", "dump-objects", "TypeScript", "dump-objects", 1],
    ["dump, objects", "dump-objects", "libnl", "dump-objects", 1],
    ["first dump", "first-dump", "TypeScript", "first-dump", 1 / 3],
  ];
}

function comparison(peers: Map<string, Figures>): string[] {
  const ours = peers.get("plugctl");
  const rows = [["work", "plugctl", "spread", "peer", "peer's", "ratio", "bound", "reached"]];
  for (const [title, work, peer, peerWork, most] of bounds()) {
    const [figure, theirs] = [ours?.get(work), peers.get(peer)?.get(peerWork)];
    if (!figure || !theirs) continue;
    const ratio = figure.median / theirs.median;
    const spread = `${number(figure.least)} to ${number(figure.most)}`;
    const reached = ratio <= most ? "yes" : "no";
    rows.push([
      title,
      number(figure.median),
      spread,
      peer,
      number(theirs.median),
      fraction(ratio),
      fraction(most),
      reached,
    ]);
  }
  const { bytes, count } = dumpChunk();
  const speed = bytes.length / count / (ours?.get("dump-records")?.median ?? NaN);
  const startUp = (ours?.get("start-up")?.median ?? NaN) / 1e6;
  return [
    ...table(rows),
    "",
    `Dump, records: ${speed.toFixed(1)} GB/s. Start-up of the module: ${startUp.toFixed(2)} ms (bound: 1).`,
  ];
}

function number(value: number): string {
  return value >= 1e5 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

/** A ratio as a person would say it: 2.3, or 1/45. */
function fraction(ratio: number): string {
  return ratio >= 0.3 ? ratio.toPrecision(2) : `1/${Math.round(1 / ratio).toLocaleString("en")}`;
}
