import config from "../../deno.json" with { type: "json" };
import { type Environment, EVENT_VERSION, type HostLayout, type QueueLayout, type ScenarioStart } from "../event.ts";
import type { PlannedQueue, ScenarioPlan } from "../plan.ts";
import { attachedBy } from "../steps/list.ts";
import type { Hosts } from "./hosts.ts";

/** What is told of a scenario at its start: all that it runs on. */
export function startOf(
  plan: ScenarioPlan,
  { file, seed, time, netnsOf }: { file?: string; seed: number; time: Date; netnsOf: Hosts["netnsOf"] },
): ScenarioStart {
  const { name, description, vars, hosts, queues, steps, timeoutMs, maxHoldMs } = plan;
  return {
    event: "scenario-start",
    t: 0,
    version: EVENT_VERSION,
    name,
    description,
    file,
    seed,
    vars: { ...vars },
    time: time.toISOString(),
    environment: environment(),
    hosts: hosts.map((host): HostLayout => ({
      name: host.name,
      netns: netnsOf(host.name) ?? "",
      ...host.on === undefined ? {} : { on: host.on },
      devices: host.devices.map(({ name, to, addresses }) => ({ name, to, addresses: [...addresses] })),
      routes: [...host.routes],
    })),
    queues: [...queues, ...attachedBy(steps)].map(layoutOf),
    timeoutMs,
    maxHoldMs,
  };
}

/** What this process runs on. */
export function environment(): Environment {
  return {
    plugctl: config.version,
    deno: Deno.version.deno,
    kernel: Deno.osRelease(),
    architecture: Deno.build.arch,
    hostname: Deno.hostname(),
  };
}

function layoutOf(queue: PlannedQueue): QueueLayout {
  const { name, kind, host, limitBytes } = queue;
  if (queue.kind === "plug") return { name, kind, host, devs: [queue.dev], limitBytes };
  const { devs, direction, match, except, first = [] } = queue;
  return {
    name,
    kind,
    host,
    devs: [...devs],
    direction,
    match: [...match],
    ...except.length === 0 ? {} : { except: [...except] },
    ...first.length === 0 ? {} : { first: [...first] },
    limitBytes,
  };
}
