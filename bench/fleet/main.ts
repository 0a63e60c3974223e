// How a fleet grows: simulated hosts up to 10,000 on this machine, and real agents in namespaces; prints tables, writes
// bench/RESULTS.md. Takes minutes.
import { readLines } from "../../linux/incoming.ts";
import { bundleProgram, MAIN } from "../../package/javascript.ts";
import { provideTools } from "../../tests/tools.ts";
import { median, printed } from "../processes.ts";
import { circumstances, table, writeSection } from "../results.ts";

const SIMULATED = [100, 1000, 10_000];
const REAL = [1, 5, 10, 50];
/** How many simulated hosts a process has. */
const IN_A_PROCESS = 2500;
/** What a real one takes of the kernel's memory, at the most. */
const AGENT_MIB = 120;
const PORT = 42_199;
const here = (name: string) => new URL(name, import.meta.url).pathname;
const deno = [Deno.execPath(), "run", "-A", "--no-check"];
const [only] = Deno.args;

await provideTools(["nats-server"], { onDownload: console.error, signal: new AbortController().signal });
const folder = await Deno.makeTempDir({ prefix: "plugctl-bench-" });
// All hosts are this machine, and so have the same clock: chrony would say so.
await Deno.writeTextFile(
  `${folder}/chronyc`,
  "#!/bin/sh\necho 7F7F0101,,10,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0001,1.0,Normal\n",
  { mode: 0o755 },
);
const env = { PATH: `${folder}:${Deno.env.get("PATH")}` };

interface Simulated {
  hosts: number;
  /** How many of them were armed in time. */
  armed: number;
  armedMs: number;
  /** How many of them held, and released in time. */
  held: number;
  overMs: number;
  coordinatorMib: number;
  brokerMib: number;
  brokerCpuMs: number;
}

/** Holds on so many simulated hosts, and tells what it took. */
async function simulate(hosts: number): Promise<Simulated> {
  const broker = spawn(["nats-server", "-a", "127.0.0.1", "-p", String(PORT), "-l", `${folder}/nats.log`]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const processes: Deno.ChildProcess[] = [];
  try {
    for (let first = 1; first <= hosts; first += IN_A_PROCESS) {
      const count = Math.min(IN_A_PROCESS, hosts - first + 1);
      processes.push(spawn([...deno, here("simulated.ts"), `nats://127.0.0.1:${PORT}`, String(first), String(count)]));
    }
    const ready = await Promise.all(processes.map(async (child) => (await readLines(child.stdout).next()).value));
    if (ready.some((line) => line !== "ready")) throw new Error("Simulated hosts could not connect");
    const cpuBefore = cpuMs(broker.pid);
    const from = performance.now();
    const words = ["fleet", "hold", "eth0", "--on", "*", "--group", "bench", "--at", "+12s", "--for", "1s", "--json"];
    const child = new Deno.Command(deno[0], {
      args: [...deno.slice(1), here("../../cli/main.ts"), ...words, "--nats", `nats://127.0.0.1:${PORT}`],
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const drained = new Response(child.stdout).text();
    let armed = 0;
    let armedMs = NaN;
    let coordinatorMib = 0;
    const looking = setInterval(() => coordinatorMib = Math.max(coordinatorMib, mostMib(child.pid)), 50);
    for await (const line of readLines(child.stderr)) {
      if (!/: armed, /.test(line)) continue;
      armed++;
      armedMs = performance.now() - from;
    }
    clearInterval(looking);
    const overMs = performance.now() - from;
    const told: { state: string; problem?: unknown; told?: { from?: string } }[] = JSON.parse(await drained);
    if (told.length === 0) throw new Error(`None of ${hosts} hosts was heard of`);
    return {
      hosts,
      armed,
      armedMs,
      held: told.filter(({ state, problem, told }) => state === "ended" && !problem && told?.from).length,
      overMs,
      coordinatorMib,
      brokerMib: mostMib(broker.pid),
      brokerCpuMs: cpuMs(broker.pid) - cpuBefore,
    };
  } finally {
    for (const child of [...processes, broker]) end(child);
    await Promise.all([...processes, broker].map(({ status }) => status));
  }
}

function spawn([program, ...args]: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program, { args, env, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
}

function end(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** The most memory that a process has taken. */
function mostMib(pid: number): number {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** The processor time of a process; its ticks are of 10 ms. */
function cpuMs(pid: number): number {
  const [, , , , , , , , , , , user, system] = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/\(.*\)/, "x").split(
    " ",
  ).slice(2);
  return (Number(user) + Number(system)) * 10;
}

const simulated: Simulated[] = [];
for (const hosts of only === "real" ? [] : SIMULATED) {
  simulated.push(await simulate(hosts));
  console.error(simulated.at(-1));
}
const real: { hosts: number; late: number[]; skew: number[] }[] = [];
let place = "";
await bundleProgram(`${folder}/bundle`);
for (const hosts of only === "simulated" ? [] : REAL) {
  const kernel = ["env", `PLUGCTL_KERNEL_MIB=${1024 + hosts * AGENT_MIB}`, ...deno, here("../in_plug_kernel.ts")];
  const text = await printed(...kernel, ...deno, here("real.ts"), String(hosts), `${folder}/bundle/${MAIN}`) ?? "";
  place = /^place\|(.*)\|$/m.exec(text)?.[1] ?? place;
  const rounds = text.split("\n").filter((line) => line.startsWith("{")).map((line) =>
    JSON.parse(line).late as number[]
  );
  if (rounds.length === 0) throw new Error(`Cannot measure ${hosts} agents: ${text}`);
  real.push({ hosts, late: rounds.flat(), skew: rounds.map((late) => Math.max(...late) - Math.min(...late)) });
  console.error(real.at(-1));
}

const lines = [
  ...await circumstances("deno task bench:fleet"),
  "",
  "Simulated hosts: each has an agent, a connection and a log of its own, and pretends to hold. One `fleet hold --at +12s --for 1s`",
  "of all of them; broker, hosts and the one who asks share this machine.",
  "",
  ...table([
    [
      "hosts",
      "armed",
      "the last after, ms",
      "held to the end",
      "over after, ms",
      "coordinator, MiB",
      "broker, MiB",
      "broker's processor time, ms",
    ],
    ...simulated.map(({ hosts, ...figures }) => [
      hosts.toLocaleString("en"),
      figures.armed.toLocaleString("en"),
      figures.armedMs.toFixed(0),
      figures.held.toLocaleString("en"),
      ...[figures.overMs, figures.coordinatorMib, figures.brokerMib, figures.brokerCpuMs].map((
        figure,
      ) => figure.toFixed(0)),
    ]),
  ]),
  "",
  `Real agents, each in a network namespace of its own, all ${place} with one processor: how late each held after the moment, and`,
  "how far first and last were apart. Five holds each.",
  "",
  ...table([
    ["agents", "late, ms, median", "late, most", "apart, ms, median", "apart, most"],
    ...real.map(({ hosts, late, skew }) => [
      String(hosts),
      ...[median(late), Math.max(...late), median(skew), Math.max(...skew)].map((figure) => figure.toFixed(1)),
    ]),
  ]),
];
console.log(lines.join("\n"));
if (only === undefined) await writeSection("Fleet", lines);
