// Measures whether memory or open descriptors grow with what a process does:  main.ts [CYCLES]  Prints a table and writes
// it to bench/RESULTS.md.
import { printed } from "../processes.ts";
import { circumstances, table, writeSection } from "../results.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;
const cycles = Deno.args[0] ?? "20000";
const deno = [Deno.execPath(), "run", "-A", "--no-check"];
const output = await printed(
  deno[0],
  ...deno.slice(1),
  here("../in_plug_kernel.ts"),
  ...deno,
  here("cycles.ts"),
  cycles,
);
if (output === undefined) throw new Error("Cannot measure: bench/memory/cycles.ts failed");
const lines = output.split("\n").map((line) => line.split("|"));
const place = lines.find(([name]) => name === "place")?.[1];
const rows = lines.filter(([name]) => name === "sample").map((cells) => cells.slice(1));
const text = [
  ...await circumstances(`deno task bench:memory ${cycles}`),
  "",
  `One process after a tenth of its cycles, and after all, ${place}.`,
  "",
  ...table([["work", "cycles", "MiB", "descriptors"], ...rows]),
];
console.log(text.join("\n"));
await writeSection("Memory", text);
