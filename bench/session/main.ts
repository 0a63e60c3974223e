// Compares what sessions and batches take with tc -batch and pyroute2, all in this run, on a kernel with plug. Prints a
// table and writes it to bench/RESULTS.md.
import { circumstances, table, writeSection } from "../results.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;
const deno = [Deno.execPath(), "run", "-A", "--no-check"];
const [program, ...args] = [...deno, here("../in_plug_kernel.ts"), ...deno, here("peers.ts")];
const { stdout, stderr, success } = await new Deno.Command(program, { args }).output();
const decoder = new TextDecoder();
if (!success) throw new Error(`It failed: ${decoder.decode(stderr)}${decoder.decode(stdout)}`);
const lines = decoder.decode(stdout).split("\n").map((line) => line.trim().split("|"))
  .filter(({ length }) => length === 3);
const place = lines.find(([cell]) => cell === "place")?.[1];
const skipped = lines.filter(([, work]) => work === "skipped").map(([peer, , why]) => `${peer} (${why})`);
const figures = lines.filter(([peer, work]) => peer !== "place" && work !== "skipped");
const costOf = (name: string, of: string) =>
  Number(figures.find(([peer, work]) => peer === name && work.startsWith(of))?.[2]);
const tc = costOf("tc -batch", "");
const own = costOf("plugctl session", "the same") - costOf("the kernel's part", "");
const text = [
  ...await circumstances("deno task bench:session"),
  "",
  `64 plugs hold, then let go, again and again, ${place}. Each figure is the median of three runs, without what a`,
  "program takes to start, though with what it takes to warm up. A session's requests are each answered before the next",
  "is written, by a program on the same one processor.",
  `Skipped: ${skipped.join("; ") || "nothing"}.`,
  "",
  ...table([
    ["peer", "work", "µs a change", "changes a second", "to tc -batch"],
    ...figures.map(([peer, work, nanoseconds]) => {
      const cost = Number(nanoseconds);
      const rate = Math.round(1e9 / cost).toLocaleString("en");
      return [peer, work, (cost / 1000).toFixed(1), rate, `${(tc / cost).toFixed(2)} times as many`];
    }),
  ]),
  "",
  `A session's own time for a change, which is what it takes more than the kernel's part: ${
    (own / 1000).toFixed(1)
  } µs ` +
  `(bound 50).`,
];
console.log(text.join("\n"));
await writeSection("Session", text);
