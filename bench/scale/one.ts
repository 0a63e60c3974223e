// One measurement: one.ts report EVENTS, one.ts hosts HOSTS, or, on a kernel with plug, one.ts run HOSTS. Prints
// milliseconds and the most memory that it took, in MiB.
import type { ScenarioEvent } from "../../scenario/event.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { formatReport } from "../../scenario/report/report.ts";
import { runPlan } from "../../scenario/run/run_plan.ts";
import { readScenario } from "../../scenario/read.ts";
import { PreciseClock } from "../../scenario/run/clock.ts";
import { FakeKernel } from "../../tests/plug/fake_kernel.ts";

const [what, text] = Deno.args;
const count = Number(text);

/** A run of so many events: two a step, and a packet that comes in and leaves beside each. */
async function events(): Promise<ScenarioEvent[]> {
  const kernel = new FakeKernel();
  kernel.addDevice("eth0");
  const steps = `name: x\nplugs: { up: { dev: eth0 } }\nsteps:\n  - repeat: ${Math.ceil(count / 8)}\n    steps:\n` +
    "      - buffer: up\n      - release: up\n";
  const seen: ScenarioEvent[] = [];
  await runPlan(readScenario(steps, { file: "a.yaml" }), {
    onEvent: (event) => void seen.push(event),
    world: { clock: new PreciseClock(), connect: () => kernel.connection },
    origin: { folder: "." },
  });
  const ends = seen.filter((event) => event.event === "step-end");
  const packets = ends.slice(0, count / 4).flatMap(({ t }, index): ScenarioEvent[] => {
    const base = {
      t,
      queue: "up",
      unixNs: String(t * 1000),
      length: 60,
      from: "10.0.0.1:1",
      to: "10.0.0.2:80",
      what: "SYN",
    };
    const number = index + 1;
    return [{ event: "packet-in", ...base, number, bytes: "00" }, { event: "packet-out", ...base, number, waited: 5 }];
  });
  return [...seen, ...packets].sort((one, other) => one.t - other.t).slice(0, count);
}

/** A chain of hosts, each with a gate that holds while something is run there. */
function chain(): string {
  const names = Array.from({ length: count }, (_, index) => `h${index}`);
  const hosts = names.map((name, index) => {
    const left = index === 0
      ? []
      : [`left: { to: h${index - 1}.right, address: 10.${index >> 7}.${index % 128 * 2}.2/24 }`];
    const next = index + 1;
    const right = next === count
      ? []
      : [`right: { to: h${next}.left, address: 10.${next >> 7}.${next % 128 * 2}.1/24 }`];
    return `  ${name}: { devices: { ${[...left, ...right].join(", ")} } }`;
  });
  const gates = names.map((name, index) =>
    `  g${index}: { host: ${name}, dev: ${index === 0 ? "right" : "left"}, direction: in, match: tcp port 80 }`
  );
  const steps = names.flatMap((name, index) => [
    `  - buffer: g${index}`,
    `  - run: "true"\n    host: ${name}`,
    `  - release: g${index}`,
  ]);
  return `name: x\nhosts:\n${hosts.join("\n")}\ngates:\n${gates.join("\n")}\nsteps:\n${steps.join("\n")}\n`;
}

async function reportMs(): Promise<number> {
  const all = await events();
  const from = performance.now();
  await formatReport(all, { source: "name: x\n" });
  return performance.now() - from;
}

async function hostsMs(): Promise<number> {
  const scenario = chain();
  await Scenario.parse("name: x\nsteps: [log: x]"); // what it takes to load is not measured
  const from = performance.now();
  (await Scenario.parse(scenario)).describe();
  return performance.now() - from;
}

async function runMs(): Promise<number> {
  const scenario = chain();
  const from = performance.now();
  const { error } = await (await Scenario.parse(scenario)).run();
  if (error) throw error;
  return performance.now() - from;
}

const ways: Readonly<Record<string, () => Promise<number>>> = { report: reportMs, hosts: hostsMs, run: runMs };
const ms = await ways[what]();
const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
console.log(JSON.stringify({ ms, mib: Number(kib) / 1024 }));
