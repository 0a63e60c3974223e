// Measures whether memory, descriptors or processes grow with what a process does:  main.ts [CYCLES [WORK...]]  A WORK is
// its number, as the table has it. Prints a table and writes it to bench/RESULTS.md; the exit status is 1 where one grows.
import { printed } from "../processes.ts";
import { circumstances, table, writeSection } from "../results.ts";
import type { Sample } from "./sample.ts";
import { type Work, WORKS } from "./works.ts";

/** By how much memory may differ between a tenth of the cycles and all of them, in MiB. */
const HEAP_SLACK = 0.3;
/** Of few cycles, in which V8 goes on compiling: seen of scenarios, whose heap grows by 1 MiB until the thousandth, and no more. */
const FEW_CYCLES = 1000;
const FEW_HEAP_SLACK = 1;
const MEMORY_SLACK = 8;
/** That of a guardian is not cleared before it is looked at. */
const GUARDIAN_SLACK = 12;

const here = (name: string) => new URL(name, import.meta.url).pathname;
const [cycles = "20000", ...chosen] = Deno.args;
const numbers = chosen.length > 0 ? chosen.map(Number) : WORKS.map((_, index) => index + 1);

/** The samples of a work, taken in a process of its own, and where. */
async function measure(number: number): Promise<{ samples: Sample[]; place?: string }> {
  const work = [here("cycles.ts"), String(number - 1), cycles];
  const command = [Deno.execPath(), "run", "-A", "--no-check", "--v8-flags=--expose-gc", ...work];
  const inKernel = [Deno.execPath(), "run", "-A", "--no-check", here("../in_plug_kernel.ts"), ...command];
  const output = await printed(...WORKS[number - 1].here ? command : inKernel);
  if (output === undefined) throw new Error(`Cannot measure: ${WORKS[number - 1].name}`);
  const lines = output.split("\n");
  const samples = lines.filter((line) => line.startsWith("{")).map((line): Sample => JSON.parse(line));
  return { samples, place: lines.find((line) => line.startsWith("place|"))?.split("|")[1] };
}

/** What has grown between a tenth of the cycles and all of them. */
function grown(samples: readonly Sample[]): string[] {
  const last = samples[samples.length - 1];
  const first = samples.find(({ cycles }) => cycles * 10 >= last.cycles) ?? last;
  const grows = (of: (sample: Sample) => number | undefined, slack = 0) => (of(last) ?? 0) - (of(first) ?? 0) > slack;
  const heapSlack = last.cycles < FEW_CYCLES ? FEW_HEAP_SLACK : HEAP_SLACK;
  return [
    ...grows(({ heap }) => heap, heapSlack) ? ["heap"] : [],
    ...grows(({ memory, young }) => memory - young, MEMORY_SLACK) ? ["memory"] : [],
    ...grows(({ descriptors }) => descriptors) ? ["descriptors"] : [],
    ...grows(({ children }) => children) ? ["processes"] : [],
    ...grows(({ guardianMemory }) => guardianMemory, GUARDIAN_SLACK) ? ["the guardian's memory"] : [],
    ...grows(({ guardianDescriptors }) => guardianDescriptors) ? ["the guardian's descriptors"] : [],
  ];
}

function rowsOf(number: number, samples: readonly Sample[]): string[][] {
  const more = grown(samples);
  return samples.map((sample, index) => [
    index === 0 ? String(number) : "",
    sample.cycles.toLocaleString("en"),
    sample.memory.toFixed(1),
    (sample.memory - sample.young).toFixed(1),
    sample.heap.toFixed(2),
    String(sample.descriptors),
    String(sample.children),
    sample.guardianMemory?.toFixed(1) ?? "",
    String(sample.guardianDescriptors ?? ""),
    index < samples.length - 1 ? "" : more.length > 0 ? `grows: ${more.join(", ")}` : "flat",
  ]);
}

function describe({ name, because, cycles }: Work, index: number): string {
  return `${index + 1}. ${name}${because === undefined ? "" : ` (${cycles} times: ${because})`}`;
}

/** As many at once as there are processors: no time is measured. */
async function measureAll(): Promise<{ number: number; samples: Sample[]; place?: string }[]> {
  const queue = [...numbers];
  const results: { number: number; samples: Sample[]; place?: string }[] = [];
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, async () => {
    for (let number = queue.shift(); number !== undefined; number = queue.shift()) {
      results.push({ number, ...await measure(number) });
    }
  }));
  return results.sort((one, other) => one.number - other.number);
}

const results = await measureAll();
const place = results.find(({ place }) => place !== undefined)?.place ?? "on this machine";
const HEAD = ["work", "cycles", "MiB", "without young", "heap", "open", "processes", "guardian MiB", "open", "verdict"];
const text = [
  ...await circumstances(`deno task bench:memory ${[cycles, ...chosen].join(" ")}`),
  "",
  `What a process does again and again, each in a process of its own, ${place}:`,
  "",
  ...WORKS.map(describe),
  "",
  'Looked at when all that nobody uses was cleared away. "Without young" is without what V8 keeps for what is new, which',
  "grows with how much is made, up to 32 MiB, and is no leak; the heap is what the program uses; open are descriptors, and",
  "processes those it has started and that are there, also as zombies. The verdict compares a tenth of the cycles with all:",
  `flat is a heap that has grown by ${HEAP_SLACK} MiB at the most (${FEW_HEAP_SLACK} of fewer than ${FEW_CYCLES} cycles, in which V8 ` +
  `goes on compiling), memory by ${MEMORY_SLACK}, a guardian's, which is not cleared before, by ` +
  `${GUARDIAN_SLACK}, and no more descriptors or processes.`,
  "",
  ...table([HEAD, ...results.flatMap(({ number, samples }) => rowsOf(number, samples))]),
];
console.log(text.join("\n"));
if (chosen.length === 0) await writeSection("Memory", text);
Deno.exitCode = results.some(({ samples }) => grown(samples).length > 0) ? 1 : 0;
