// Measures 200 gates on one device: what adding one takes beyond the kernel's own time, listing all, moving all.
// Where that kernel is User-Mode Linux, our own part is done once more outside of it, on what the kernel answered.
// Prints a table and writes it to bench/RESULTS.md.
import { circumstances, table, writeSection } from "../results.ts";

const PROCESSES = 5;
const BOUND_MS = 2;
const here = (name: string) => new URL(name, import.meta.url).pathname;

const deno = [Deno.execPath(), "run", "-A", "--no-check"];
/** Milliseconds of each process, by work. */
const inKernel = new Map<string, number[]>();
const replayed = new Map<string, number[]>();
let place = "";
let recording = "";

const runs = Array.from({ length: PROCESSES }, () => `${deno.join(" ")} ${here("gates.ts")}`);
// All on one kernel: a process behind the other
const script = [...runs, `${runs[0]} record | grep '^recording'`].join(" && ");
for (const [name, value] of await run([...deno, here("../in_plug_kernel.ts"), "sh", "-c", script])) {
  if (name === "place") place = value;
  else if (name === "recording") recording = value;
  else keep(inKernel, name, value);
}

const file = await Deno.makeTempFile({ prefix: "plugctl-bench-" });
try {
  await Deno.writeTextFile(file, recording);
  for (let count = 0; count < PROCESSES; count++) {
    for (const [name, value] of await run([...deno, here("gates.ts"), "replay", file])) {
      if (name.endsWith("own time")) keep(replayed, name, value);
    }
  }
} finally {
  await Deno.remove(file);
}

const rows = [
  ...rowsOf(replayed, "this machine, replayed"),
  ...rowsOf(inKernel, "with the kernel"),
];
const lines = [
  ...await circumstances("deno task bench:gates"),
  "",
  `Milliseconds, the median of ${PROCESSES} processes. "With the kernel" is ${place}. "Replayed" is the same work on`,
  `this machine's own kernel and processor, over a socket that answers what that kernel did. "Own time" is all but what`,
  `the system calls took; the bound for adding one is ${BOUND_MS} ms.`,
  "",
  ...table([["work", "where", "ms", "spread"], ...rows]),
];
console.log(lines.join("\n"));
await writeSection("Gates", lines);

/** Runs a program and returns the lines that it prints of the form `name|value`, where more may follow. */
async function run([program, ...args]: string[]): Promise<[name: string, value: string][]> {
  const { stdout, success } = await new Deno.Command(program, { args, stderr: "inherit" }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`bench/gates failed: ${text}`);
  const cells = text.split("\n").map((line) => line.split("|"));
  return cells.filter(({ length }) => length > 1).map(([name, value]) => [name, value]);
}

function keep(works: Map<string, number[]>, name: string, value: string): void {
  works.set(name, [...works.get(name) ?? [], Number(value)]);
}

function rowsOf(works: Map<string, number[]>, where: string): string[][] {
  return [...works].map(([name, values]) => {
    const sorted = values.toSorted((one, other) => one - other);
    const spread = `${sorted[0].toFixed(2)} to ${sorted.at(-1)?.toFixed(2)}`;
    return [name, where, sorted[Math.floor(sorted.length / 2)].toFixed(2), spread];
  });
}
