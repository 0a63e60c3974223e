/**
 * Whoever looks at packets and is killed at any moment leaves the filters as they were, and loses or reorders no packet.
 *
 * `PLUGCTL_KILLS` says how often each is killed, 6 times if it does not and 20 by `deno task test:kills`; `PLUGCTL_SEED`
 * repeats the moments of a run.
 */

import { assertEquals } from "@std/assert";
import { killIfThere } from "../../uml/processes.ts";
import { Random } from "../codec/random.ts";
import { Connection } from "../../netlink/connection.ts";
import { readFilters } from "../../plug/filter.ts";
import { readLinks } from "../../plug/qdiscs.ts";
import { GatePair, WAIT, withoutCounters, witness } from "./gate_pair.ts";
import { PLUGCTL, plugctlDone } from "./plugctl.ts";
import { hasEnded } from "./process_table.ts";
import { TerminalWindow } from "./tmux.ts";
import { type Arrival, underTraffic } from "./traffic.ts";
import { until } from "./until.ts";

const KILLS = Number(Deno.env.get("PLUGCTL_KILLS") ?? 6);
const SEED = Number(Deno.env.get("PLUGCTL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
/** The latest moment: from the start of the process on, so that some see nothing yet, or, every second time, from the tap on. */
const LATEST_MS = { start: 2500, tap: 300 };
/** How soon the filters are to be as before. */
const SOON_MS = 1000;
const SCENARIO = `name: watched
gates: { web: { dev: eth0, direction: out, match: "udp dst port 9000" } }
capture: true
steps:
  - buffer: web
  - sleep: 100ms
  - release: web
  - sleep: 20s
`;

/** A process that looks. */
interface Looker {
  /** Kills it, and returns when it has ended. */
  kill(): Promise<void>;
  /** Closes its terminal, where it has one. */
  close?(): void;
}

/** Starts one. */
type Start = (pair: GatePair, folder: string) => Promise<Looker>;

const LOOKERS: Readonly<Record<string, Start>> = {
  packets: spawned(() => ["packets", "web", "--follow", "--json"]),
  capture: spawned((folder) => ["capture", "web", "-w", `${folder}/web.pcapng`]),
  run: spawned((folder) => ["run", `${folder}/watched.yaml`, "--report", `${folder}/report.html`]),
  watch: onTerminal,
};

function spawned(wordsIn: (folder: string) => string[]): Start {
  return ({ left }, folder) => {
    const child = left.spawn([...PLUGCTL, ...wordsIn(folder)], { stdin: "null", stdout: "null", stderr: "null" });
    const kill = async () => {
      child.kill("SIGKILL");
      await child.status;
    };
    return Promise.resolve({ kill });
  };
}

async function onTerminal({ left }: GatePair): Promise<Looker> {
  const terminal = new TerminalWindow(left);
  const pid = await terminal.start("watch");
  const kill = async () => {
    killIfThere(pid, "SIGKILL");
    await until(() => hasEnded(pid), { ...WAIT, what: "the end of plugctl" });
  };
  return { kill, close: () => terminal[Symbol.dispose]() };
}

for (const [name, start] of Object.entries(LOOKERS)) {
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
    const delays = new Delays();
    const arrived: Arrival = await underTraffic(
      { from: pair.left, to: pair.right, address: pair.ends[1].ipv4, rate: 200 },
      async () => {
        for (let kill = 0; kill < KILLS; kill++) {
          const looker = await start(pair, folder);
          const isTapped = kill % 2 === 1;
          if (isTapped) await until(() => filters().includes("sample"), { ...WAIT, what: "a tap" });
          await new Promise((resolve) => setTimeout(resolve, random.below(isTapped ? LATEST_MS.tap : LATEST_MS.start)));
          const wasTapped = isTapped || filters().includes("sample");
          const killed = performance.now();
          const ended = looker.kill().then(() => performance.now());
          await until(() => filters() === before, {
            ...WAIT,
            what: `the filters as they were, after kill ${kill} of seed ${SEED}`,
          });
          const now = performance.now();
          const guardianMs = Math.max(0, now - await ended);
          looker.close?.();
          if (wasTapped) await delays.add({ allMs: now - killed, guardianMs });
        }
      },
    );
    assertEquals(witnessOf(pair), all);
    assertEquals([arrived.lost, arrived.reordered], [0, 0], `of ${arrived.sent}, seed ${SEED}`);
    console.log(`${delays.text}; ${arrived.sent} packets, none lost`);
    delays.check();
    await Deno.remove(folder, { recursive: true });
    await until(() => processesOf(pair.left.name) === "", { ...WAIT, what: "the end of every process of the host" });
  });
}

/** From SIGKILL until the filters were as before, in milliseconds, and from the end of the process: the guardian's own part. */
interface Delay {
  allMs: number;
  guardianMs: number;
}

/** How long it took each time, which is a second at the most, or on a machine with much else to do four times what Deno takes to start. */
class Delays {
  readonly #all: Delay[] = [];
  /** How long an empty program of Deno took, right after each time that was longer than a second. */
  readonly #starts: number[] = [];

  async add(delay: Delay): Promise<void> {
    this.#all.push(delay);
    if (delay.allMs <= SOON_MS) return;
    const begun = performance.now();
    await new Deno.Command(Deno.execPath(), { args: ["eval", "0"], stdin: "null" }).output();
    this.#starts.push(performance.now() - begun);
  }

  get text(): string {
    const what = (key: keyof Delay) => {
      const sorted = this.#all.map((delay) => delay[key]).sort((one, other) => one - other);
      return `${Math.ceil(sorted[sorted.length >> 1])} ms (median), ${Math.ceil(sorted.at(-1)!)} ms at most`;
    };
    const starts = this.#starts.map((ms) => `${Math.ceil(ms)} ms`).join(", ");
    return `${this.#all.length} of ${KILLS} killed with a tap; as before after ${what("allMs")}; ` +
      `of that the guardian ${what("guardianMs")}${starts && `; Deno started in ${starts}`}`;
  }

  check(): void {
    const longest = Math.max(SOON_MS, ...this.#starts.map((ms) => 4 * ms));
    const late = this.#all.filter(({ allMs }) => allMs > longest);
    assertEquals(late, [], `longer than ${Math.ceil(longest)} ms: ${this.text}`);
  }
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
