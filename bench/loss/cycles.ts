// Puts plugs and gates in and takes them out while traffic flows that never pauses, by plain tc and by plugctl, and tells
// what was lost, and in how many cycles plugctl told that something can have been:  cycles.ts TRAFFIC_PROGRAM CYCLES
// [PATTERN [MINUTES]]  prints a line "result|traffic|work|cycles|…" each, of those whose "traffic|work" the pattern matches,
// each for MINUTES at the longest.
import { Gate, Plug } from "../../mod.ts";
import { inNamespace } from "../../linux/namespace.ts";

const [program, count, pattern = ".", minutes = "Infinity"] = Deno.args;
const CYCLES = Number(count);
const LONGEST_MS = Number(minutes) * 60_000;
/** Starting a process for each message takes so much longer. */
const CYCLES_OF_COMMANDS = Math.ceil(CYCLES / 500);
/** How long the traffic is watched while nothing is done. */
const CYCLES_OF_NOTHING = Math.ceil(CYCLES / 10);
/** All traffics but the first are looked at for less long. */
const OTHERS = 20;
const CONTROL = "/run/plugctl-bench-loss";
const MAIN = new URL("../../cli/main.ts", import.meta.url).pathname;
const NEAR = "bench-near";
const FAR = "bench-far";
/** A device by whose qdisc one knows that tc has come so far. */
const MARK = "bench-mark";
const MARKED = "7777:";
const HOLD_MS = 2;

/** What flows, over which device of the near namespace. */
interface Traffic {
  name: string;
  words: readonly string[];
  dev: string;
}

const near = `/run/netns/${NEAR}`;
const acrossVeth = [near, `/run/netns/${FAR}`, "10.9.0.2", "9000"];
const TRAFFIC: readonly Traffic[] = [
  { name: "UDP, 2,000/s, veth", words: ["udp", CONTROL, "2000", ...acrossVeth], dev: "bench0" },
  { name: "UDP, 50,000/s, veth", words: ["udp", CONTROL, "50000", ...acrossVeth], dev: "bench0" },
  { name: "UDP, 2,000/s, lo", words: ["udp", CONTROL, "2000", near, near, "127.0.0.1", "9000"], dev: "lo" },
  { name: "TCP in bulk, veth", words: ["tcp", CONTROL, "0", ...acrossVeth], dev: "bench0" },
];

/** A way to put something in, hold, release and take it out. */
interface Work {
  name: string;
  cycles: number;
  /** Returns whether plugctl told that something can have been lost; nothing where it is not plugctl that works. */
  cycle: (dev: string) => Promise<boolean | void>;
}

/** The devices that have had a clsact put there. */
const withClsact = new Set<string>();

const WORKS: readonly Work[] = [
  { name: "nothing", cycles: CYCLES_OF_NOTHING, cycle: () => pause(4 * HOLD_MS) },
  { name: "a plug, by plugctl", cycles: CYCLES, cycle: plugByPlugctl },
  { name: "a gate, by plugctl", cycles: CYCLES, cycle: gateByPlugctl },
  { name: "a plug beside clsact, by plugctl", cycles: CYCLES, cycle: plugBesideClsact },
  { name: "a plug, by its commands", cycles: CYCLES_OF_COMMANDS, cycle: plugByCommands },
  { name: "a gate, by its commands", cycles: CYCLES_OF_COMMANDS, cycle: gateByCommands },
  { name: "a plug, by tc", cycles: CYCLES, cycle: plugByTc },
  { name: "clsact and a filter, by tc", cycles: CYCLES, cycle: clsactByTc },
];

ip("netns", "add", NEAR);
ip("netns", "add", FAR);
/** One process of tc, which does what each line says, and no more until the next. */
const batch = new Deno.Command("ip", {
  args: ["netns", "exec", NEAR, "tc", "-batch", "-"],
  stdin: "piped",
  stdout: "piped",
}).spawn();
const lines = batch.stdin.getWriter();
const answers = batch.stdout.pipeThrough(new TextDecoderStream()).getReader();
try {
  ip("link", "add", "bench0", "netns", NEAR, "type", "veth", "peer", "name", "bench1", "netns", FAR);
  for (const [namespace, dev, address] of [[NEAR, "bench0", "10.9.0.1"], [FAR, "bench1", "10.9.0.2"]]) {
    ip("-netns", namespace, "address", "add", `${address}/24`, "dev", dev);
    for (const name of ["lo", dev]) ip("-netns", namespace, "link", "set", name, "up");
  }
  // What a release lets go at once must not be lost behind the queue: veth and lo drop what is beyond this.
  Deno.writeTextFileSync("/proc/sys/net/core/netdev_max_backlog", "1000000");
  ip("-netns", NEAR, "link", "add", MARK, "type", "ifb");
  await tc(`qdisc add dev ${MARK} root handle ${MARKED} pfifo`);
  const chosen = new RegExp(pattern);
  for (const [index, traffic] of TRAFFIC.entries()) {
    for (const { name, cycles, cycle } of WORKS) {
      if (!chosen.test(`${traffic.name}|${name}`)) continue;
      await measure(traffic, { name, cycle, cycles: index === 0 ? cycles : Math.ceil(cycles / OTHERS) });
    }
  }
} finally {
  await lines.close();
  if (!(await batch.status).success) console.error("tc could not do all that it was asked for");
  ip("netns", "delete", NEAR);
  ip("netns", "delete", FAR);
}

async function measure({ name, words, dev }: Traffic, { name: work, cycles, cycle }: Work): Promise<void> {
  Deno.writeFileSync(CONTROL, new Uint8Array(64));
  const traffic = new Deno.Command(program, { args: [...words], stdout: "piped" }).spawn();
  await pause(500);
  const end = performance.now() + LONGEST_MS;
  let done = 0;
  let told: number | undefined;
  for (; done < cycles && performance.now() < end; done++) {
    const isTold = await cycle(dev);
    if (isTold !== undefined) told = (told ?? 0) + Number(isTold);
    await pause(HOLD_MS);
  }
  await pause(500);
  using control = Deno.openSync(CONTROL, { write: true });
  control.seekSync(1, Deno.SeekMode.Start);
  control.writeSync(new TextEncoder().encode("q"));
  const { stdout, success } = await traffic.output();
  if (!success) throw new Error(`Cannot measure: ${program} ${words.join(" ")} failed`);
  const columns = [name, work, done, ...figures(new TextDecoder().decode(stdout)), told ?? "-"];
  console.log(["result", ...columns].join("|"));
}

/** What was sent, how fast, what was lost or sent again, on how many occasions, and the longest gap in milliseconds. */
function figures(text: string): number[] {
  const lines = text.trim().split("\n").map((line) => line.split(" "));
  const number = (word: string) => Number(lines.find(([name]) => name === word)?.[1] ?? 0);
  const lost = lines.filter(([name]) => name === "lost").map(([, , ...numbers]) => numbers.map(Number));
  const packets = lost.reduce((sum, [packets]) => sum + packets, number("retransmitted"));
  const occasions = lost.reduce((sum, [, times]) => sum + times, 0);
  const longestUs = Math.max(0, ...lost.map(([, , longest]) => longest));
  return [number("sent"), number("rate"), packets, occasions, longestUs / 1000, number("reordered")];
}

async function plugByPlugctl(dev: string): Promise<boolean> {
  const plug = inNamespace(NEAR, () => Plug.attach({ dev, force: true }));
  await pause(HOLD_MS);
  plug.buffer({ force: true });
  await pause(HOLD_MS);
  await plug.detach();
  return plug.gapMs > 0;
}

/** With one processor it is as without clsact. */
async function plugBesideClsact(dev: string): Promise<boolean> {
  if (!withClsact.has(dev)) run("ip", ["netns", "exec", NEAR, "tc", "qdisc", "replace", "dev", dev, "clsact"]);
  withClsact.add(dev);
  return await plugByPlugctl(dev);
}

async function gateByPlugctl(dev: string): Promise<boolean> {
  const match = ["udp dst port 9000", "tcp dst port 9000"];
  const gate = inNamespace(NEAR, () => Gate.open({ name: "bench", dev, direction: "egress", match, force: true }));
  await pause(HOLD_MS);
  gate.buffer({ force: true });
  await pause(HOLD_MS);
  const { gapMs = 0 } = await gate.close();
  return gapMs + gate.plug.gapMs > 0;
}

/** A process for each. */
function plugByCommands(dev: string): Promise<boolean> {
  return byCommands(["attach", "buffer", "release", "detach"].map((command) => [command, dev]));
}

function gateByCommands(dev: string): Promise<boolean> {
  return byCommands([
    ["gate", "add", "bench", dev, "--direction", "out", "--match", "udp dst port 9000 or tcp dst port 9000"],
    ["hold", "bench", "--for", `${HOLD_MS}ms`],
    ["gate", "delete", "bench"],
  ]);
}

/** Runs them one after the other. */
function byCommands(commands: readonly string[][]): Promise<boolean> {
  const told = commands.map((words) => plugctl(...words).includes("sent nothing for up to"));
  return Promise.resolve(told.includes(true));
}

async function plugByTc(dev: string): Promise<void> {
  await tc(`qdisc add dev ${dev} root handle 1: plug limit 16777216`);
  await tc(`qdisc change dev ${dev} root handle 1: plug release_indefinite`);
  await pause(HOLD_MS);
  await tc(`qdisc change dev ${dev} root handle 1: plug block`);
  await pause(HOLD_MS);
  await tc(`qdisc change dev ${dev} root handle 1: plug release_indefinite`);
  await pause(HOLD_MS);
  await tc(`qdisc delete dev ${dev} root`);
  await done(dev);
}

/** With several processors plugctl leaves its own there. */
async function clsactByTc(dev: string): Promise<void> {
  if ((await done(dev)).includes("clsact")) await tc(`qdisc delete dev ${dev} clsact`);
  await tc(`qdisc add dev ${dev} clsact`);
  await tc(`filter add dev ${dev} egress protocol ip prio 1000 flower ip_proto icmp`);
  await pause(HOLD_MS);
  await tc(`filter delete dev ${dev} egress`);
  await tc(`qdisc delete dev ${dev} clsact`);
  await done(dev);
}

/** Has tc do something. */
async function tc(line: string): Promise<void> {
  await lines.write(new TextEncoder().encode(`${line}\n`));
}

/** Waits until tc has done all, and returns the qdiscs of a device. */
async function done(dev: string): Promise<string> {
  await tc(`qdisc show dev ${dev}`);
  await tc(`qdisc show dev ${MARK}`);
  let text = "";
  while (!text.includes(MARKED)) {
    const { value, done } = await answers.read();
    if (done) throw new Error("tc has ended");
    text += value;
  }
  return text;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Returns what it says. */
function plugctl(...words: string[]): string {
  const [deno, ...options] = [Deno.execPath(), "run", "-A", "--no-check", MAIN];
  return run("ip", ["netns", "exec", NEAR, deno, ...options, ...words]);
}

function ip(...words: string[]): void {
  run("ip", words);
}

function run(program: string, args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args }).outputSync();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}
