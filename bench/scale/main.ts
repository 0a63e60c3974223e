// Whether time and memory grow linearly with a report's events and a scenario's hosts: prints tables, writes bench/RESULTS.md.
import { circumstances, table, writeSection } from "../results.ts";
import { printed } from "../processes.ts";

/** How often each is measured; what is run takes minutes, and is once. */
const ROUNDS = { report: 3, hosts: 3, run: 1 };
const HOSTS = [62, 125, 250, 500];
const SIZES = { report: [2500, 5000, 10_000, 20_000], hosts: HOSTS, run: HOSTS };
type Work = keyof typeof SIZES;
const here = (name: string) => new URL(name, import.meta.url).pathname;
const one = here("one.ts");
const deno = [Deno.execPath(), "run", "-A", "--no-check"];
const onPlugKernel = [...deno, here("../in_plug_kernel.ts")];
let place: string | undefined;

interface Measured {
  ms: number;
  mib: number;
}

const measured = new Map<string, Measured[]>();
// In turns, so that what else the machine does meets all alike.
for (let round = 0; round < Math.max(...Object.values(ROUNDS)); round++) {
  for (const what of (Object.keys(SIZES) as Work[]).filter((what) => round < ROUNDS[what])) {
    for (const size of SIZES[what]) {
      const text = await printed(...what === "run" ? onPlugKernel : [], ...deno, one, what, String(size));
      const [, told] = /^(\{.*\})\s*$/m.exec(text ?? "") ?? [];
      if (told === undefined) throw new Error(`Cannot measure ${what} of ${size}: ${text}`);
      measured.set(`${what} ${size}`, [...measured.get(`${what} ${size}`) ?? [], JSON.parse(told)]);
      place ??= /^place\|(.*)\|$/m.exec(text ?? "")?.[1];
    }
  }
}

function rowsOf(what: Work, noun: string): string[] {
  const rows = SIZES[what].map((size) => {
    const all = measured.get(`${what} ${size}`) ?? [];
    const times = all.map(({ ms }) => ms).sort((a, b) => a - b);
    const median = times[times.length >> 1];
    const mib = all.map(({ mib }) => mib).sort((a, b) => a - b)[all.length >> 1];
    const spread = `${times[0].toFixed(0)} to ${times[times.length - 1].toFixed(0)}`;
    return [size.toLocaleString("en"), median.toFixed(0), spread, (median * 1000 / size).toFixed(1), mib.toFixed(0)];
  });
  return table([[noun, "ms, median", "least and most", `µs a ${noun.replace(/s$/, "")}`, "most memory, MiB"], ...rows]);
}

const lines = [
  ...await circumstances("deno task bench:scale"),
  "",
  `Medians of ${ROUNDS.report} processes each, those of all sizes in turns; memory is the most that the process took, with Deno.`,
  "",
  "A report of a run with two events a step and two of a packet beside it:",
  "",
  ...rowsOf("report", "events"),
  "",
  "A scenario of a chain of hosts, each with a gate and three steps: read, checked and described.",
  "",
  ...rowsOf("hosts", "hosts"),
  "",
  `The same, run once ${place}: hosts and gates are made, each gate holds while a command runs on its host, all is undone.`,
  "",
  ...rowsOf("run", "hosts"),
];
console.log(lines.join("\n"));
await writeSection("Scale", lines);
