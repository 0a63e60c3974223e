/**
 * Makes the pictures of the cookbook: runs its scenarios, or those that are named, on User-Mode Linux, and draws their packets.
 *
 * `deno task ladders [NAME...]`
 *
 * @module
 */

import type { ScenarioEvent } from "../scenario/event.ts";
import { Scenario } from "../scenario/scenario.ts";
import { EXAMPLE_TOOLS, provideTools } from "../tests/tools.ts";
import { ladderSvg } from "./ladder_svg.ts";

const PROJECT = `${import.meta.dirname}/..`;
/** Which row of a matrix is drawn, and what is elsewhere on this machine. */
function optionsOf(name: string): string[] {
  const settings: Readonly<Record<string, string>> = {
    haproxy_reload: "reloads=1",
    node_keep_alive: "client=plain",
    redis_failover: "replicas=0",
    redis_lost_job: "keepalive=0",
    vm_failover: `ipxe=${Deno.env.get("PLUGCTL_TOOLS")}/boot/ipxe.lkrn`,
  };
  return name in settings ? ["--set", settings[name]] : [];
}

async function eventsOf(name: string): Promise<ScenarioEvent[]> {
  // In a folder of its own: what User-Mode Linux writes to this machine belongs to root, whoever writes it.
  const folder = await Deno.makeTempDir();
  const scenario = `examples/${name}/${name}.yaml`;
  // Where its hosts are machines, it takes some, with agents.
  const takesMachines = (await Scenario.load(`${PROJECT}/${scenario}`)).machines.length > 0;
  const deno = [Deno.execPath(), "run", "-A", "--no-check"];
  const program = takesMachines
    ? ["uml", "--", "env", "PLUGCTL_KERNEL_TESTS=1", ...deno, "tests/kernel/machines.ts", name]
    : ["run", "--uml", "--json", "--report", `${folder}/report.html`, ...optionsOf(name), scenario];
  try {
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: [...deno.slice(1), "cli/main.ts", ...program],
      cwd: PROJECT,
      stdin: "null",
      stderr: "inherit",
    }).output();
    if (!success) throw new Error(`Cannot draw ${name}: it failed`);
    return new TextDecoder().decode(stdout).trim().split("\n").map((line) => JSON.parse(line));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Every scenario that has a gate, whose packets are seen. */
function scenarios(): string[] {
  return Array.from(Deno.readDirSync(`${PROJECT}/examples`), ({ name }) => name).sort().filter((name) => {
    try {
      return /^ *(gates:|- attach: \{ gate:)/m.test(Deno.readTextFileSync(`${PROJECT}/examples/${name}/${name}.yaml`));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  });
}

if (import.meta.main) {
  const { signal } = new AbortController();
  await provideTools([...EXAMPLE_TOOLS, "nats-server"], {
    signal,
    onDownload: (what) => console.error(`Downloading ${what}`),
  });
  for (const name of Deno.args.length > 0 ? Deno.args : scenarios()) {
    const path = `docs/images/ladders/${name}.svg`;
    await Deno.writeTextFile(`${PROJECT}/${path}`, ladderSvg(await eventsOf(name)));
    // `deno fmt --check` looks at pictures, too.
    await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", path], cwd: PROJECT }).spawn().status;
    console.log(path);
  }
}
