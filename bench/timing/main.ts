// How late the steps of a scenario are, beside what others wait with: prints a table and writes it to bench/RESULTS.md.
import { compile } from "../processes.ts";
import { circumstances, table, writeSection } from "../results.ts";
import { WAITS } from "./durations.ts";

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

/** Microseconds late, by peer and work. */
const lateness = new Map<string, number[]>();

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

const rows = [...lateness].map(([work, micros]) => {
  const sorted = micros.toSorted((one, other) => one - other);
  const at = (part: number) => String(sorted[Math.min(Math.floor(sorted.length * part), sorted.length - 1)]);
  return [
    work,
    at(0.5),
    at(0.9),
    at(0.99),
    at(1),
    `${sorted.filter((late) => late > 1000).length} of ${sorted.length}`,
  ];
});
const lines = [
  ...await circumstances("deno task bench:timing"),
  "",
  `Microseconds later than asked for, of ${WAITS} waits from 1 to 40 ms in each of ${PROCESSES} processes, those of all`,
  `peers in turns. What a busy machine does to all of them alike shows at the peers. Skipped: ${
    skipped.join("; ") || "nothing"
  }.`,
  "",
  ...table([["work", "median", "90 %", "99 %", "most", "later than 1 ms"], ...rows]),
];
console.log(lines.join("\n"));
await writeSection("Timing", lines);

async function measure(name: string, [program, ...args]: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${name} failed: ${decoder.decode(stderr)}`);
  for (const line of decoder.decode(stdout).split("\n")) {
    const [work, micros, more] = line.split("|");
    if (!["sleep", "set time"].includes(work) || more !== undefined) continue;
    const key = `${name}: ${work}`;
    lateness.set(key, [...lateness.get(key) ?? [], Number(micros)]);
  }
}
