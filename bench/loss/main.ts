// Counts what is lost while plugs and gates are put in and taken out under traffic that never pauses, by plain tc and by
// plugctl, in one run:  main.ts [CYCLES [PATTERN [one|several]]]  on a kernel with one processor and on one with several, or
// on one of the two. Writes a section of bench/RESULTS.md, of a pattern one of its own: only works are run whose
// "traffic|work" it matches.
import { compile } from "../processes.ts";
import { circumstances, table, writeSection } from "../results.ts";
import { PROCESSORS, runInMachine } from "./machine.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;
const [count = "2500", pattern, processors] = Deno.args;
const cycles = Number(count);
const where = processors === undefined ? "" : processors === "one" ? " on one processor" : " on several processors";
const title = pattern === undefined ? "Loss" : `Loss: ${pattern}${where}`;
/** How much slower the machine of several processors is, which has so many cycles less. */
const SLOWER = 5;
const folder = await Deno.makeTempDir({ prefix: "plugctl-bench-" });

try {
  const reason = await compile(new URL("traffic.c", import.meta.url), `${folder}/traffic`, ["-static", "-lpthread"]);
  if (reason) throw new Error(`Cannot compile traffic.c: ${reason}`);
  const deno = [Deno.execPath(), "run", "-A", "--no-check"];
  const lines = [
    ...await circumstances(`deno task ${["bench:loss", ...Deno.args.map(quoted)].join(" ")}`),
    "",
    "Packets that were lost, of TCP those sent again, while plugs and gates were put in, held, released and taken out again",
    "without a pause in the traffic; on how many occasions, and for how long at the longest nothing arrived; and in how many",
    "cycles plugctl told that its device sent nothing for a while.",
    ...processors === "several" ? [] : await withOne(deno),
    ...processors === "one" ? [] : await withSeveral(),
  ];
  console.log(lines.join("\n"));
  await writeSection(title, lines);
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function withOne(deno: readonly string[]): Promise<string[]> {
  const work = [
    ...deno,
    here("cycles.ts"),
    `${folder}/traffic`,
    `${cycles}`,
    ...pattern === undefined ? [] : [pattern],
  ];
  const args = [...deno.slice(1), here("../in_plug_kernel.ts"), ...work];
  // Where its time is up, what it had measured before counts.
  const { stdout } = await new Deno.Command(deno[0], { args, stderr: "inherit" }).output();
  return ["", "One processor: User-Mode Linux.", "", ...section(new TextDecoder().decode(stdout))];
}

async function withSeveral(): Promise<string[]> {
  const output = await runInMachine(`${folder}/traffic`, { cycles: Math.ceil(cycles / SLOWER), pattern, folder });
  const kernel = `Debian's ${kernelOf(output)}`;
  return ["", `${PROCESSORS} processors, which QEMU emulates on this machine's: ${kernel}.`, "", ...section(output)];
}

function quoted(word: string): string {
  return /^[\w.,/-]+$/.test(word) ? word : `'${word}'`;
}

function kernelOf(output: string): string {
  return /^\d+\.\d+\S*-amd64$/m.exec(output)?.[0] ?? "kernel";
}

function section(output: string): string[] {
  const rows = output.split("\n").filter((line) => line.startsWith("result|")).map((line) => line.split("|").slice(1));
  if (rows.length === 0) return ["It could not be measured.", "", ...output.trim().split("\n").slice(-5)];
  const header = [
    "traffic",
    "work",
    "cycles",
    "sent",
    "a second",
    "lost",
    "occasions",
    "longest ms",
    "reordered",
    "told",
  ];
  return table([header, ...rows]);
}
