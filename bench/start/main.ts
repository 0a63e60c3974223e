// Compares whole processes of plugctl with empty ones, all in turns in one run: on this kernel in a network namespace of
// its own, and on a kernel with plug. Prints tables and writes them to bench/RESULTS.md.
import { compileBinary, compileProgram } from "../../package/binary.ts";
import { run, runProgram } from "../../package/program.ts";
import { bundleProgram, MAIN } from "../../package/javascript.ts";
import { findPlugKernel } from "../../demo/plug_kernel.ts";
import { circumstances, table, writeSection } from "../results.ts";
import { median, parseRuns, type Run } from "../processes.ts";

const PROJECT = new URL("../../", import.meta.url).pathname;
const MEASURE = new URL("measure.py", import.meta.url).pathname;
const ROUNDS = 41;
/** There a process takes a second and more. */
const ROUNDS_WITH_PLUG = 11;

/** What is run, and what it is compared with. */
interface Work {
  name: string;
  command: string;
  /** The empty process, and what the ratios to it may be at most. */
  to?: { name: string; wall?: number; memory?: number };
}

const folder = await Deno.makeTempDir({ prefix: "plugctl-start-" });
const binary = `${folder}/binary`;
const EMPTY_BINARY: Work = { name: "an empty program, compiled", command: `${folder}/empty` };
const EMPTY_SCRIPT: Work = { name: "an empty script", command: `${Deno.execPath()} run -A ${folder}/empty.js` };
const release = "release-indefinite --dev lo";

/** The binary's works that are the same on every kernel. */
const BINARY_WORKS: Work[] = [
  EMPTY_BINARY,
  binaryWork("version", { wall: 1.2, memory: 1.3 }),
  binaryWork("show", {}),
];
/** Who has Deno runs plugctl by it: its sources, or a bundle of them. */
const FROM_SOURCE = ["from source", `${Deno.execPath()} run -A ${PROJECT}cli/main.ts`] as const;
const BUNDLED = [
  "bundled",
  `${Deno.execPath()} run -A --no-config --no-lock --unstable-lazy-dynamic-imports ${folder}/bundle/${MAIN}`,
] as const;
const SCRIPT_BOUND = { wall: 1.5 };

function binaryWork(words: string, bounds: { wall?: number; memory?: number }): Work {
  return { name: `plugctl ${words}`, command: `${binary} ${words}`, to: { name: EMPTY_BINARY.name, ...bounds } };
}

function scriptWork([how, program]: readonly [string, string], words: string, bounds: { wall?: number }): Work {
  return { name: `${words}, ${how}`, command: `${program} ${words}`, to: { name: EMPTY_SCRIPT.name, ...bounds } };
}

await runProgram("bench:start", async (signal) => {
  try {
    const kernel = findPlugKernel({ asUser: false });
    await kernel.prepare({ signal });
    await makePrograms();
    const lines = [
      ...await circumstances("deno task bench:start"),
      "",
      ...await sizes(),
      "",
      "On this machine's kernel, in a network namespace of its own. There is no plug there, so release-indefinite is",
      `refused, which takes longer. Medians of ${ROUNDS} turns; the bounds are on the ratios to the empty process of the same turn.`,
      "",
      ...await onThisKernel(),
      "",
      `With a plug, ${kernel.place}. Medians of ${ROUNDS_WITH_PLUG} turns.`,
      "",
      ...await withPlug(async (script) => {
        const said: string[] = [];
        const status = await kernel.run(["sh", "-c", script], { signal, onLine: (line) => void said.push(line) });
        if (status !== 0) throw new Error(`Cannot measure there: ${said.join("\n")}`);
        return said.join("\n");
      }),
    ];
    console.log(lines.join("\n"));
    await writeSection("Start", lines);
    return 0;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function makePrograms(): Promise<void> {
  await Deno.writeTextFile(`${folder}/empty.js`, "");
  await compileProgram(`${folder}/empty.js`, EMPTY_BINARY.command);
  await compileBinary(binary);
  await bundleProgram(`${folder}/bundle`);
  const deno = Deno.env.get("DENO_FOR_COMPILE") ?? Deno.execPath();
  const options = ["--quiet", "--no-check", "--allow-all", "--no-code-cache", "--include", "cli/commands"];
  await run([deno, "compile", ...options, "--output", `${folder}/unbundled`, "cli/main.ts"], { cwd: PROJECT });
}

async function sizes(): Promise<string[]> {
  const [empty, own, unbundled] = await Promise.all(
    [EMPTY_BINARY.command, binary, `${folder}/unbundled`].map(async (path) => (await Deno.stat(path)).size),
  );
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const versions = (await run([binary, "version"])).trim();
  return [
    `The binaries are ${versions}. Size: ${mebibytes(own)}, an empty program ${mebibytes(empty)}, ratio ` +
    `${(own / empty).toFixed(3)} (bound: 1.08); compiled without bundling ${mebibytes(unbundled)}.`,
  ];
}

async function onThisKernel(): Promise<string[]> {
  // The bounds are those of a release that is done, with a plug.
  const refused = { ...binaryWork(release, {}), name: `plugctl ${release}, refused` };
  const unbundled: Work = {
    name: "plugctl version, compiled without bundling",
    command: `${folder}/unbundled version`,
    to: { name: EMPTY_BINARY.name },
  };
  const scripts = [FROM_SOURCE, BUNDLED].flatMap((how) => [
    scriptWork(how, "version", SCRIPT_BOUND),
    scriptWork(how, "show", SCRIPT_BOUND),
    { ...scriptWork(how, release, {}), name: `${release}, refused, ${how[0]}` },
  ]);
  const works = [...BINARY_WORKS, refused, unbundled, EMPTY_SCRIPT, ...scripts];
  await writeWorks(works);
  return report(works, await run(["sh", "-c", `unshare -n python3 ${MEASURE} ${ROUNDS} < ${folder}/works`]));
}

async function withPlug(runThere: (script: string) => Promise<string>): Promise<string[]> {
  const scripts = [FROM_SOURCE, BUNDLED].flatMap((how) =>
    ["version", "show", release].map((words) => scriptWork(how, words, SCRIPT_BOUND))
  );
  const works = [
    ...BINARY_WORKS,
    binaryWork(release, { wall: 1.35, memory: 1.3 }),
    EMPTY_SCRIPT,
    ...scripts,
  ];
  await writeWorks(works);
  const script = `${binary} attach --dev lo && python3 ${MEASURE} ${ROUNDS_WITH_PLUG} < ${folder}/works`;
  return report(works, await runThere(script));
}

async function writeWorks(works: readonly Work[]): Promise<void> {
  await Deno.writeTextFile(`${folder}/works`, works.map(({ name, command }) => `${name}\t${command}\n`).join(""));
}

function report(works: readonly Work[], printed: string): string[] {
  const runs = parseRuns(printed);
  const rows = works.map(({ name, to }) => {
    const own = runs.get(name) ?? [];
    return [name, ...figures(own), ...to ? ratios(own, runs.get(to.name) ?? [], to) : ["", "", ""]];
  });
  return table([["process", "ms", "quartiles", "processor ms", "MiB", "time", "memory", "reached"], ...rows]);
}

function figures(runs: readonly Run[]): string[] {
  const wall = runs.map(({ wallMs }) => wallMs).toSorted((a, b) => a - b);
  const quartiles = [0.25, 0.75].map((part) => wall[Math.floor(part * wall.length)].toFixed(1));
  return [
    median(wall).toFixed(1),
    quartiles.join(" to "),
    median(runs.map(({ cpuMs }) => cpuMs)).toFixed(1),
    (median(runs.map(({ memoryKiB }) => memoryKiB)) / 1024).toFixed(1),
  ];
}

/**
 * How much more it takes than the empty process that ran in the same turn, in the median of the turns, each with its
 * bound, and whether these are kept. What slows the machine down for a while meets both.
 */
function ratios(own: readonly Run[], empty: readonly Run[], bounds: NonNullable<Work["to"]>): string[] {
  const ratio = (of: (figures: Run) => number) => median(own.map((run, turn) => of(run) / of(empty[turn])));
  const pairs = [
    [ratio(({ wallMs }) => wallMs), bounds.wall],
    [ratio(({ memoryKiB }) => memoryKiB), bounds.memory],
  ] as const;
  const cells = pairs.map(([value, bound]) => value.toFixed(2) + (bound === undefined ? "" : ` (${bound})`));
  const bounded = pairs.filter(([, bound]) => bound !== undefined);
  if (bounded.length === 0) return [...cells, ""];
  return [...cells, bounded.every(([value, bound = Infinity]) => value <= bound) ? "yes" : "no"];
}
