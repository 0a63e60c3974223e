// Compares changes a second with the peers', all in this run: on this kernel in a network namespace of its own, and
// on a kernel with plug. Prints tables and writes them to bench/RESULTS.md.
import { compile } from "../processes.ts";
import { circumstances, table, writeSection } from "../results.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;
const folder = await Deno.makeTempDir({ prefix: "plugctl-bench-" });
const skipped: string[] = [];

const WORKS: Readonly<Record<string, string>> = {
  "one": "one at a time",
  "many": "64 a send",
  "transact-one": "one at a time, by Connection.transact",
  "transact-many": "64 a send, by Connection.transact",
  "api": "plug.buffer() and plug.release()",
  "process": "a process for each",
};

/** What the peers printed: the first cell of each line, the second, the third. */
type Lines = readonly (readonly string[])[];

try {
  await build("hand C", "hand.c", []);
  await build("libnl", "libnl.c", ["-I/usr/include/libnl3", "-lnl-route-3", "-lnl-3"]);
  const deno = [Deno.execPath(), "run", "-A", "--no-check"];
  const peers = [...deno, here("peers.ts"), folder];
  const lines = [
    ...await circumstances("deno task bench:netlink"),
    "",
    "Nanoseconds a change, the median of 5 processes; of C, libnl and plugctl each the fastest of five runs of 0.3 s.",
    "",
    ...section(await run(["unshare", "-n", ...peers])),
    "",
    ...section(await run([...deno, here("../in_plug_kernel.ts"), ...peers])),
  ];
  console.log(lines.join("\n"));
  await writeSection("Netlink", lines);
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function build(name: string, source: string, flags: string[]): Promise<void> {
  const reason = await compile(new URL(source, import.meta.url), `${folder}/${source}.out`, flags);
  if (reason) skipped.push(`${name} (${reason})`);
}

async function run([program, ...args]: string[]): Promise<Lines> {
  const { stdout, stderr, success } = await new Deno.Command(program, { args }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${args.join(" ")} failed: ${decoder.decode(stderr)}${decoder.decode(stdout)}`);
  return decoder.decode(stdout).split("\n").map((line) => line.trim().split("|")).filter(({ length }) => length === 3);
}

function section(lines: Lines): string[] {
  const [, release, kind] = lines.find(([cell]) => cell === "kernel") ?? [];
  const place = lines.find(([cell]) => cell === "place")?.[1] ??
    "on this machine's kernel, in a network namespace of its own";
  const missing = [
    ...skipped,
    ...lines.filter(([, work]) => work === "skipped").map(([peer]) => peer),
  ];
  const figures = lines.filter(([, work]) => WORKS[work] !== undefined);
  const limit = Number(figures.find(([peer, work]) => peer === "hand C" && work === "one")?.[2]);
  const rows = figures.map(([peer, work, nanoseconds]) => {
    const cost = Number(nanoseconds);
    return [peer, WORKS[work], nanoseconds, Math.round(1e9 / cost).toLocaleString("en"), (cost / limit).toFixed(2)];
  });
  return [
    `Linux ${release}, ${kind}, ${place}. Skipped: ${missing.join("; ") || "nothing"}.`,
    "",
    ...table([["peer", "work", "ns a change", "changes a second", "to C, one at a time"], ...rows]),
  ];
}
