/**
 * Whoever looks at packets and is killed at any moment leaves the filters as they were, and loses or reorders no packet.
 *
 * `PLUGCTL_KILLS` says how often each is killed, 20 times if it does not; `PLUGCTL_SEED` repeats the moments of a run.
 */

import { assertEquals } from "@std/assert";
import { Random } from "../codec/random.ts";
import { Connection } from "../../netlink/connection.ts";
import { readFilters } from "../../plug/filter.ts";
import { readLinks } from "../../plug/qdiscs.ts";
import { GatePair, WAIT, withoutCounters, witness } from "./gate_pair.ts";
import { PLUGCTL, plugctlDone } from "./plugctl.ts";
import { type Arrival, underTraffic } from "./traffic.ts";
import { until } from "./until.ts";

const KILLS = Number(Deno.env.get("PLUGCTL_KILLS") ?? 20);
const SEED = Number(Deno.env.get("PLUGCTL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
/** The latest moment: from the start of the process on, so that some see nothing yet, or, every second time, from the tap on. */
const LATEST_MS = { start: 2500, tap: 300 };
/** How soon it all is to be as before; on a busy machine it takes as long as its processes take to start. */
const SOON_MS = 30_000;
const SCENARIO = `name: watched
gates: { web: { dev: eth0, direction: out, match: "udp dst port 9000" } }
capture: true
steps:
  - buffer: web
  - sleep: 100ms
  - release: web
  - sleep: 20s
`;

const COMMANDS: Readonly<Record<string, (folder: string) => string[]>> = {
  packets: () => ["packets", "web", "--follow", "--json"],
  capture: (folder) => ["capture", "web", "-w", `${folder}/web.pcapng`],
  run: (folder) => ["run", `${folder}/watched.yaml`, "--report", `${folder}/report.html`],
};

for (const [name, wordsIn] of Object.entries(COMMANDS)) {
  Deno.test(`${name} that is killed at ${KILLS} moments leaves the filters as they were, and every packet arrives`, async () => {
    console.log(`Seed ${SEED}`);
    const random = new Random(SEED);
    using pair = new GatePair();
    const folder = await Deno.makeTempDir({ prefix: "plugctl-killed-" });
    await Deno.writeTextFile(`${folder}/watched.yaml`, SCENARIO);
    // A scenario makes its own gate
    if (name !== "run") {
      await plugctlDone(pair.left, "gate", "add", "web", "eth0", "--direction", "out", "--match", "udp dst port 9000");
    }
    using connection = pair.left.enter(() => Connection.open());
    const filters = () => filtersOf(connection);
    const [before, all] = [filters(), witnessOf(pair)];
    const times: number[] = [];
    let tapped = 0;
    const arrived: Arrival = await underTraffic(
      { from: pair.left, to: pair.right, address: pair.ends[1].ipv4, rate: 200 },
      async () => {
        for (let kill = 0; kill < KILLS; kill++) {
          const [program, ...args] = [...PLUGCTL, ...wordsIn(folder)];
          const child = pair.left.spawn([program, ...args], { stdin: "null", stdout: "null", stderr: "null" });
          const isTapped = kill % 2 === 1;
          if (isTapped) await until(() => filters().includes("sample"), { ...WAIT, what: "a tap" });
          await new Promise((resolve) => setTimeout(resolve, random.below(isTapped ? LATEST_MS.tap : LATEST_MS.start)));
          if (isTapped || filters().includes("sample")) tapped++;
          child.kill("SIGKILL");
          const killed = performance.now();
          await child.status;
          await until(() => filters() === before, {
            timeoutMs: SOON_MS,
            what: `the filters as they were, after kill ${kill} of seed ${SEED}`,
          });
          times.push(performance.now() - killed);
        }
      },
    );
    assertEquals(witnessOf(pair), all);
    assertEquals([arrived.lost, arrived.reordered], [0, 0], `of ${arrived.sent}, seed ${SEED}`);
    times.sort((one, other) => one - other);
    console.log(
      `${tapped} of ${KILLS} killed with a tap; as before after ${Math.ceil(times[KILLS >> 1])} ms (median), ` +
        `${Math.ceil(times.at(-1)!)} ms at most; ${arrived.sent} packets, none lost`,
    );
    await Deno.remove(folder, { recursive: true });
    await until(() => processesOf(pair.left.name) === "", { ...WAIT, what: "the end of every process of the host" });
  });
}

function processesOf(namespace: string): string {
  const { stdout } = new Deno.Command("ip", { args: ["netns", "pids", namespace] }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}

/** The devices, and the filters of eth0 with what they do. */
function filtersOf(connection: Connection): string {
  const links = readLinks(connection, "list devices");
  const ifindex = links.find(({ name }) => name === "eth0")!.ifindex;
  const hooks = (["ingress", "egress"] as const).map((side) => ({ ifindex, side }));
  const filters = readFilters(connection, { operation: "list filters", hooks });
  return JSON.stringify([
    links.map(({ name }) => name),
    filters.map(({ parent, priority, handle, actions }) => [parent, priority, handle, actions.map(({ kind }) => kind)]),
  ]);
}

/** All that `ip` and `tc` say, without the numbers of actions and of devices. */
function witnessOf({ left }: GatePair): string {
  return withoutCounters(witness(left)).replaceAll(/ifindex \d+|^\d+: /gm, "");
}
