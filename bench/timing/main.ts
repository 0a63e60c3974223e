// How late the steps of a scenario are, beside what others wait with: prints a table and writes it to bench/RESULTS.md.
import { compile } from "../processes.ts";
import { circumstances, table, writeSection } from "../results.ts";
import { WAITS } from "./timer.ts";

const PROCESSES = 5;
const here = (name: string) => new URL(name, import.meta.url).pathname;

const folder = await Deno.makeTempDir({ prefix: "plugctl-bench-" });
const skipped: string[] = [];
const deno = [Deno.execPath(), "run", "-A", "--no-check"];
const peers: [name: string, command: string[]][] = [
  ["plugctl", [...deno, here("plugctl.ts")]],
  ["Deno's timer", [...deno, here("timer.ts")]],
  ["Python's time.sleep", ["python3", here("python_peer.py")]],
];

/** A release at a set time takes a plug, and so as a rule another kernel; what that adds to every system call counts too. */
const IN_KERNEL = `ip link add timing0 type dummy && ip link set timing0 up && ${deno.join(" ")} ${
  here("plugctl.ts")
} timing0`;

/** What one process saw: how many microseconds late it was each time, while the processors were taken away for so long. */
interface Lateness {
  micros: number[];
  stolenMs: number;
}

/** By peer and work. */
const lateness = new Map<string, Lateness[]>();

try {
  const reason = await compile(new URL("nanosleep.c", import.meta.url), `${folder}/nanosleep`);
  if (reason) skipped.push(`clock_nanosleep (${reason})`);
  else peers.push(["C, clock_nanosleep", [`${folder}/nanosleep`]]);
  // In turns, so that what else the machine does meets all alike.
  for (let run = 0; run < PROCESSES; run++) for (const [name, command] of peers) await measure(name, command);
  await measure("plugctl, a release on a kernel with plug", [
    ...deno,
    here("../in_plug_kernel.ts"),
    "sh",
    "-c",
    IN_KERNEL,
  ]);
} finally {
  await Deno.remove(folder, { recursive: true });
}

const rows = [...lateness].map(([work, processes]) => {
  const all = processes.flatMap(({ micros }) => micros);
  const quietest = processes.reduce((least, each) => each.stolenMs < least.stolenMs ? each : least);
  return [
    work,
    percentile(all, 0.5),
    percentile(all, 0.9),
    percentile(all, 0.99),
    percentile(all, 1),
    `${all.filter((late) => late > 1000).length} of ${all.length}`,
    percentile(quietest.micros, 0.99),
    String(quietest.stolenMs),
  ];
});
const lines = [
  ...await circumstances("deno task bench:timing"),
  "",
  `Microseconds later than asked for, of ${WAITS} waits from 1 to 40 ms in each of ${PROCESSES} processes, those of all`,
  `peers in turns. What a busy machine does to all of them alike shows at the peers; the last columns are of that`,
  `process among them during which the machine's host took the processors away for the least time, in milliseconds.`,
  `Skipped: ${skipped.join("; ") || "nothing"}.`,
  "",
  ...table([["work", "median", "90 %", "99 %", "most", "later than 1 ms", "99 % of the quietest", "taken"], ...rows]),
];
console.log(lines.join("\n"));
await writeSection("Timing", lines);

async function measure(name: string, [program, ...args]: string[]): Promise<void> {
  const before = stolenMs();
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  const taken = stolenMs() - before;
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${name} failed: ${decoder.decode(stderr)}`);
  const cells = decoder.decode(stdout).split("\n").map((line) => line.split("|"));
  for (const work of ["sleep", "set time"]) {
    const micros = cells.filter(([cell, , more]) => cell === work && more === undefined).map(([, late]) =>
      Number(late)
    );
    const key = `${name}: ${work}`;
    if (micros.length > 0) lateness.set(key, [...lateness.get(key) ?? [], { micros, stolenMs: taken }]);
  }
}

/** For how long the host of a virtual machine has run something else in the place of its processors, all together. */
function stolenMs(): number {
  const [, , , , , , , , ticks] = Deno.readTextFileSync("/proc/stat").split(/\s+/, 9);
  return Number(ticks) * 10;
}

function percentile(values: readonly number[], part: number): string {
  const sorted = values.toSorted((one, other) => one - other);
  return String(sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)]);
}
