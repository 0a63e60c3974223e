// Runs every peer against the lo device of the namespace that it is started in, which it spoils:
//   peers.ts FOLDER    prints "peer|work|nanoseconds" a line; FOLDER holds the compiled peers
import { printed, runPeers } from "../processes.ts";

const [folder] = Deno.args;
const here = (name: string) => new URL(name, import.meta.url).pathname;
const MAIN = new URL("../../cli/main.ts", import.meta.url).pathname;
const LINES = 2000;

/** Puts a plug on lo, or a pfifo where the kernel has no plug, and returns which. */
async function prepare(): Promise<"plug" | "pfifo"> {
  await printed("ip", "link", "set", "lo", "up");
  const add = ["qdisc", "replace", "dev", "lo", "root", "handle", "1:"];
  if (await printed("tc", ...add, "plug", "limit", "100000") !== undefined) return "plug";
  if (await printed("tc", ...add, "pfifo", "limit", "100") !== undefined) return "pfifo";
  throw new Error("Cannot prepare lo: this takes root, in a network namespace of its own");
}

function show(peer: string, work: string, nanoseconds: number): void {
  console.log(`${peer}|${work}|${nanoseconds.toFixed(0)}`);
}

/** What a command takes that is started anew for one change, the median of five. */
async function timeCommand(peer: string, work: string, { command, changes }: { command: string[]; changes: number }) {
  const times: number[] = [];
  for (let run = 0; run < 5; run++) {
    const from = performance.now();
    if (await printed(...command as [string, ...string[]]) === undefined) {
      return console.log(`${peer} (it cannot be run)|skipped|`);
    }
    times.push((performance.now() - from) * 1e6 / changes);
  }
  show(peer, work, times.toSorted((a, b) => a - b)[2]);
}

const kind = await prepare();
const change = ["qdisc", "change", "dev", "lo", "root", "handle", "1:"];
const words = [...change, kind, ...kind === "plug" ? ["release_indefinite"] : ["limit", "100"]];
const batch = await Deno.makeTempFile();
await Deno.writeTextFile(batch, `${words.join(" ")}\n`.repeat(LINES));

console.log(`kernel|${Deno.osRelease()}|${kind}`);
const { figures, failures } = await runPeers([
  ["plugctl", [Deno.execPath(), "run", "-A", "--no-check", here("plugctl.ts"), kind]],
  ["hand C", [`${folder}/hand.c.out`, kind]],
  ["libnl", [`${folder}/libnl.c.out`, kind]],
  ["pyroute2", ["/usr/bin/python3", here("pyroute2_peer.py"), kind]],
]);
for (const [peer, works] of figures) for (const [work, { median }] of works) show(peer, work, median);
for (const failure of failures) console.log(`${failure}|skipped|`);
await timeCommand("tc -batch", "one", { command: ["tc", "-batch", batch], changes: LINES });
await timeCommand("tc, a process a change", "process", { command: ["tc", ...words], changes: 1 });
if (kind === "plug") {
  const release = ["release-indefinite", "--dev", "lo", "--handle", "1:"];
  const command = [Deno.execPath(), "run", "-A", "--no-check", MAIN, ...release];
  await timeCommand("plugctl, a process a change", "process", { command, changes: 1 });
}
await Deno.remove(batch);
