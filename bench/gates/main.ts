// Measures 200 gates on one device: what adding one takes beyond the kernel's own time, listing all, moving all.
// Prints a table and writes it to bench/RESULTS.md.
import { circumstances, table, writeSection } from "../results.ts";

const PROCESSES = 5;
const here = (name: string) => new URL(name, import.meta.url).pathname;

const deno = [Deno.execPath(), "run", "-A", "--no-check"];
const works = Array.from({ length: PROCESSES }, () => here("gates.ts"));
// All on one kernel: a process behind the other
const script = works.map((program) => [...deno, program].join(" ")).join(" && ");
const [program, ...args] = [...deno, here("../in_plug_kernel.ts"), "sh", "-c", script];
const { stdout, success } = await new Deno.Command(program, { args, stderr: "inherit" }).output();
if (!success) throw new Error("bench/gates failed, as said above");

const cells = new TextDecoder().decode(stdout).split("\n").map((line) => line.split("|"));
const place = cells.find(([cell]) => cell === "place")?.[1];
const names = [...new Set(cells.filter((row) => row.length === 2).map(([name]) => name))];
const rows = names.map((name) => {
  const values = cells.filter(([cell, , more]) => cell === name && more === undefined).map(([, value]) =>
    Number(value)
  );
  const sorted = values.toSorted((one, other) => one - other);
  return [
    name,
    sorted[Math.floor(sorted.length / 2)].toFixed(2),
    `${sorted[0].toFixed(2)} to ${sorted.at(-1)?.toFixed(2)}`,
  ];
});
const lines = [
  ...await circumstances("deno task bench:gates"),
  "",
  `Milliseconds, the median of ${PROCESSES} processes, ${place}. "Own time" is all but what the system calls took.`,
  "",
  ...table([["work", "ms", "spread"], ...rows]),
];
console.log(lines.join("\n"));
await writeSection("Gates", lines);
