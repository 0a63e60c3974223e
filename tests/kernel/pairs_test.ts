/**
 * Two plugctl at once, for every pair of what can be done, under traffic that never pauses: no packet is lost, nothing is
 * left, nobody undoes what another has made, and whoever says that it held, held.
 *
 * It tries one third of the pairs, once each, which third is left to chance and said; `PLUGCTL_PAIRS=2` chooses the second,
 * `PLUGCTL_PAIRS="hold, and hold"` that pair.
 * `deno task test:pairs` tries all of them, fifty times each, by `PLUGCTL_PAIRS=all` and `PLUGCTL_ROUNDS=50`.
 */

import { assert, assertEquals } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { witness } from "./gate_pair.ts";
import { connect, Host } from "./host.ts";
import { type Outcome, PLUGCTL, plugctl } from "./plugctl.ts";
import { ROUNDS } from "./rounds.ts";
import { until } from "./until.ts";

const PORT = 5000;
const PER_SECOND = 500;
const WAIT = { timeoutMs: 60_000 };
const STREAM = `${import.meta.dirname}/stream.py`;
const COMMAND_LINES = `${import.meta.dirname}/command_lines.ts`;

/**
 * A class of a prio through which all packets go, where the kernel loses none when a plug is attached or detached, as it
 * does at a device's root.
 */
const DEV = ["--dev", "eth0", "--parent", "1:4"];
const GATE = ["gate", "add", "web", "--dev", "eth0", "--direction", "egress", "--match", `udp dst port ${PORT}`];
const SCENARIO = `
name: a gate that holds
gates:
  web: { dev: eth0, direction: egress, match: udp dst port ${PORT} }
steps:
  - buffer: web
  - sleep: 50ms
  - release-indefinite: web
`;

/** What flows in a tenth of a second, however long a busy machine takes for that. */
const HELD = ["--until", `backlog>=${PER_SECOND / 10}`, "--for", "25s"];

/** What can be done, and which of the things it is about are there before: a plug on the device, a gate. */
const DEEDS: Readonly<Record<string, { words: string[]; needs?: "plug" | "gate" }>> = {
  attach: { words: ["attach", ...DEV, "--limit", "16m"] },
  buffer: { words: ["buffer", ...DEV, "--max-hold", "20s"], needs: "plug" },
  "buffer, for ever": { words: ["buffer", ...DEV], needs: "plug" },
  hold: { words: ["hold", ...DEV, "--limit", "16m", ...HELD] },
  "hold of a gate": { words: ["hold", "web", ...HELD], needs: "gate" },
  release: { words: ["release", ...DEV], needs: "plug" },
  detach: { words: ["detach", ...DEV], needs: "plug" },
  "gate add": { words: GATE },
  "gate delete": { words: ["gate", "delete", "web"], needs: "gate" },
  recover: { words: ["recover"] },
  run: { words: ["run"] },
};

const THIRDS = ["1", "2", "3"] as const;
/** Which of the pairs are tried. */
const PART = Deno.env.get("PLUGCTL_PAIRS") ?? THIRDS[crypto.getRandomValues(new Uint8Array(1))[0] % THIRDS.length];

/** The pairs of this run; each is in one of the thirds. */
function chosenPairs(): [string, string][] {
  const names = Object.keys(DEEDS);
  const pairs = names.flatMap((one, index) => names.slice(index).map((other): [string, string] => [one, other]));
  if (PART === "all") return pairs;
  const named = pairs.filter((pair) => pair.join(", and ") === PART);
  if (named.length > 0) return named;
  const third = THIRDS.findIndex((part) => part === PART);
  assert(third >= 0, `PLUGCTL_PAIRS is ${PART}, must be 1, 2, 3, all, or a pair such as "hold, and hold"`);
  return pairs.filter((_, index) => index % THIRDS.length === third);
}

/** A process that has an input and an output of lines. */
class Talker {
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: AsyncIterator<string>;

  constructor(child: Deno.ChildProcess) {
    this.#input = child.stdin.getWriter();
    this.#output = readLines(child.stdout)[Symbol.asyncIterator]();
  }

  async hear(): Promise<string> {
    const { value, done } = await this.#output.next();
    assert(!done, "the process has ended");
    return value;
  }

  async tell(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  async ask(line: string): Promise<string> {
    await this.tell(line);
    return await this.hear();
  }
}

function talker(host: Host, command: string[]): Talker {
  return new Talker(host.spawn(command, { stdin: "piped", stdout: "piped", stderr: "inherit" }));
}

Deno.test("two plugctl at once", async (t) => {
  const pairs = chosenPairs();
  if (PART !== "all") console.log(`a third of the pairs, which PLUGCTL_PAIRS=${PART} repeats`);
  using left = new Host();
  using right = new Host();
  const [, far] = connect([left, right]);
  const prio = ["root", "handle", "1:", "prio", "bands", "4", "priomap", ...Array(16).fill("3")];
  left.run("tc", "qdisc", "add", "dev", "eth0", ...prio);
  // Nor when clsact is there already, which gates then leave.
  left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
  const before = witness(left);
  const receiver = talker(right, ["python3", STREAM, "receive", far.ipv4, String(PORT)]);
  await receiver.hear();
  await talker(left, ["python3", STREAM, "send", far.ipv4, String(PORT), String(PER_SECOND)]).hear();
  const run = [Deno.execPath(), "run", "-A", "--no-check", COMMAND_LINES];
  const both = [talker(left, run), talker(left, run)];
  for (const one of both) await one.hear();
  const scenario = Deno.makeTempFileSync({ suffix: ".yaml" });
  Deno.writeTextFileSync(scenario, SCENARIO);

  const wordsOf = (deed: string) => deed === "run" ? ["run", scenario] : DEEDS[deed].words;

  /** What earlier rounds have lost, and said to be lost. */
  let lost = new Set<number>();
  let overflown = overflownPackets();

  /** Waits until all has arrived that was sent till now. */
  const allArrived = async () => {
    const from: { highest: number } = JSON.parse(await receiver.ask(""));
    let missing: number[] = [];
    await until(async () => {
      const seen: { highest: number; missing: number[] } = JSON.parse(await receiver.ask(""));
      missing = seen.missing.filter((number) => !lost.has(number));
      return seen.highest > from.highest && missing.length === 0;
    }, { ...WAIT, timeoutMs: 10_000, what: "all datagrams" }).catch(() => {
      lost = new Set([...lost, ...missing]);
      const before = overflown;
      overflown = overflownPackets();
      // On a busy machine a release lets more go at once than the kernel takes behind the queue.
      if (missing.length > 0 && missing.length === overflown - before) return;
      throw new Error(`datagrams are lost: ${missing.join(", ") || "all"}, of those after ${from.highest}`);
    });
  };

  const round = async (deeds: readonly [string, string]) => {
    const needs = new Set(deeds.map((deed) => DEEDS[deed].needs));
    if (needs.has("plug")) assertEquals((await plugctl(left, "attach", ...DEV, "--limit", "16m")).status, 0);
    if (needs.has("gate")) assertEquals((await plugctl(left, ...GATE)).status, 0);
    const answers = await Promise.all(deeds.map((deed, index) => both[index].ask(JSON.stringify(wordsOf(deed)))));
    const outcomes: Outcome[] = answers.map((answer) => JSON.parse(answer));
    const told = outcomes.map(({ status, stderr }, index) => `${deeds[index]}: ${status} ${stderr}`).join("\n");
    try {
      for (const [index, outcome] of outcomes.entries()) isTrue(deeds[index], outcome);
      // What a deed leaves there by intention goes, and nothing is left beside it.
      await until(async () => {
        const { status, stderr } = await plugctl(left, "recover", "--force");
        // The clsact is there on purpose.
        return status === 0 && !/left alone: (?!clsact)/.test(stderr);
      }, { ...WAIT, what: "a machine without plugctl's" });
      await allArrived();
      assertEquals(witness(left), before);
    } catch (error) {
      // The other pairs begin anew.
      await plugctl(left, "recover", "--force");
      throw new Error(`${told}\n${error instanceof Error ? error.message : error}`, { cause: error });
    }
  };

  for (const [one, other] of pairs) {
    await t.step(`${one}, and ${other}`, async () => {
      for (let number = 0; number < ROUNDS; number++) await round(number % 2 === 0 ? [one, other] : [other, one]);
    });
  }
  Deno.removeSync(scenario);
});

/** Takes the name that plugctl takes in its turn, and has it until it is told to end. */
const IN_TURN = `
import socket, sys
name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name.bind("\\0plugctl/turn")
print("in its turn", flush=True)
sys.stdin.readline()
`;
/** Longer than one is waited for that was stopped in its turn. */
const LONG_MS = 8000;

Deno.test("who has its turn is waited for as long as it goes on, and not where it is stopped", async () => {
  using host = new Host();
  using other = new Host();
  connect([host, other]);
  const takeTurn = async () => {
    const child = host.spawn(["python3", "-c", IN_TURN], { stdin: "piped", stdout: "piped" });
    const holder = new Talker(child);
    await holder.hear();
    return { child, holder };
  };

  const slow = await takeTurn();
  let hasEnded = false;
  const attach = host.spawn([...PLUGCTL, "attach", "eth0"]).status.finally(() => hasEnded = true);
  await new Promise((resolve) => setTimeout(resolve, LONG_MS));
  assert(!hasEnded, "it has not waited for its turn");
  await slow.holder.tell("");
  assertEquals((await attach).code, 0);
  await slow.child.status;

  const stopped = await takeTurn();
  stopped.child.kill("SIGSTOP");
  assertEquals((await plugctl(host, "detach", "eth0")).status, 0);
  stopped.child.kill("SIGKILL");
  await stopped.child.status;
});

/** How many packets the kernel had no room for behind any queue: `net.core.netdev_max_backlog` says how much it has. */
function overflownPackets(): number {
  const rows = Deno.readTextFileSync("/proc/net/softnet_stat").trim().split("\n");
  return rows.reduce((sum, row) => sum + parseInt(row.split(" ")[1], 16), 0);
}

/** What is said must be so: a hold that ended well has held what flows all the time; a failure is explained. */
function isTrue(deed: string, { status, stderr, stdout }: Outcome): void {
  assert(status === 0 || status === 1, `${deed} ended with ${status}: ${stderr}${stdout}`);
  if (status === 1 && deed !== "run") assert(/^plugctl: cannot |: cannot /m.test(stderr), `no reason: ${stderr}`);
  if (deed.startsWith("hold") && status === 0) {
    const [, packets] = /held (\d+) packets/.exec(stderr) ?? [];
    assert(Number(packets) > 0, `it says that it held, and has not: ${stderr}`);
  }
}
