// Counts what is lost while plugs and gates are put in and taken out under traffic that never pauses, by plain tc and by
// plugctl, in one run:  main.ts [CYCLES]  on a kernel with one processor and on one with several. Writes bench/RESULTS.md.
import { compile, printed } from "../processes.ts";
import { circumstances, table, writeSection } from "../results.ts";
import { PROCESSORS, runInMachine } from "./machine.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;
const cycles = Number(Deno.args[0] ?? 2500);
/** How much slower the machine of several processors is, which has so many cycles less. */
const SLOWER = 5;
const folder = await Deno.makeTempDir({ prefix: "plugctl-bench-" });

try {
  const reason = await compile(new URL("traffic.c", import.meta.url), `${folder}/traffic`, ["-static", "-lpthread"]);
  if (reason) throw new Error(`Cannot compile traffic.c: ${reason}`);
  const deno = [Deno.execPath(), "run", "-A", "--no-check"];
  const words = [here("../in_plug_kernel.ts"), ...deno, here("cycles.ts"), `${folder}/traffic`, `${cycles}`];
  const one = await printed(deno[0], ...deno.slice(1), ...words) ?? "";
  const several = await runInMachine(`${folder}/traffic`, Math.ceil(cycles / SLOWER), folder);
  const lines = [
    ...await circumstances(`deno task bench:loss ${cycles}`),
    "",
    "Packets that were lost, of TCP those sent again, while plugs and gates were put in, held, released and taken out again",
    "without a pause in the traffic; on how many occasions, and for how long at the longest nothing arrived.",
    "",
    "One processor: User-Mode Linux.",
    "",
    ...section(one),
    "",
    `${PROCESSORS} processors, which QEMU emulates on this machine's: Debian's ${kernelOf(several)}.`,
    "",
    ...section(several),
  ];
  console.log(lines.join("\n"));
  await writeSection("Loss", lines);
} finally {
  await Deno.remove(folder, { recursive: true });
}

function kernelOf(output: string): string {
  return /^\d+\.\d+\S*-amd64$/m.exec(output)?.[0] ?? "kernel";
}

function section(output: string): string[] {
  const rows = output.split("\n").filter((line) => line.startsWith("result|")).map((line) => line.split("|").slice(1));
  if (rows.length === 0) return ["It could not be measured.", "", ...output.trim().split("\n").slice(-5)];
  const header = ["traffic", "work", "cycles", "sent", "a second", "lost", "occasions", "longest ms", "reordered"];
  return table([header, ...rows]);
}
