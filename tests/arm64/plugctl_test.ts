/**
 * plugctl as it is installed, by itself in a machine: `init.sh` runs this there. What needs no process of its own calls
 * the installed program in this one, as a process takes three seconds to start there.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { runCommandLine } from "../../cli/main.ts";
import { readLines } from "../../linux/incoming.ts";
import { Written } from "../cli/written.ts";
import { until } from "../kernel/until.ts";

const INSTALLED = "/usr/local/lib/plugctl/plugctl.js";
const installed: { runCommandLine: typeof runCommandLine } = await import(INSTALLED);

/** How long anything may take that is emulated on a machine that is slow and has other work. */
const PATIENCE_MS = 60_000;
const LO = ["--dev", "lo"];

interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
async function run(program: string, ...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { status: code, stdout: out, stderr: err };
}

/** Runs plugctl as a user does. */
function plugctl(...words: string[]): Promise<Outcome> {
  return run("plugctl", ...words);
}

/** Runs plugctl in this process. */
async function call(...words: string[]): Promise<Outcome> {
  const [stdout, stderr] = [new Written(), new Written()];
  const status = await installed.runCommandLine(words, { stdout, stderr });
  // On a busy machine there are gaps, which are told.
  const quiet = stderr.text.replaceAll(/^plugctl: .* sent nothing for up to .*\n/gm, "");
  return { status, stdout: stdout.text, stderr: quiet };
}

/** Runs plugctl in this process, and returns what it printed. It has to succeed, and have nothing to say besides. */
async function here(...words: string[]): Promise<string> {
  const { stdout, ...rest } = await call(...words);
  assertEquals({ words, ...rest }, { words, status: 0, stderr: "" });
  return stdout;
}

/** What is used here of what `show --json` prints. */
interface Shown {
  packets: number;
  backlogPackets: number;
  drops: number;
}

/** What `show` says of the only plug. */
async function shown(...words: string[]): Promise<Shown> {
  const plugs = JSON.parse(await here("show", "--json", ...words));
  assertEquals(plugs.length, 1, JSON.stringify(plugs));
  return plugs[0];
}

/** Waits until so many packets wait at the only plug, and returns what `show` says of it then. */
async function backlog(packets: number, ...words: string[]): Promise<Shown> {
  const what = `a backlog of ${packets}`;
  return await until(async () => {
    const plug = await shown(...words);
    return plug.backlogPackets === packets ? plug : undefined;
  }, { timeoutMs: PATIENCE_MS, what });
}

/** Runs a command of this machine's that has to succeed, and returns what it printed. */
async function output(program: string, ...args: string[]): Promise<string> {
  const outcome = await run(program, ...args);
  assertEquals({ ...outcome, stdout: "" }, { status: 0, stdout: "", stderr: "" });
  return outcome.stdout;
}

/** Waits for the first line that a process prints, and reads no further. */
async function firstLine(process: Deno.ChildProcess): Promise<string | undefined> {
  for await (const line of readLines(process.stdout)) return line;
}

/** What `ip` says of the loopback device, its queueing discipline too. */
function loopback(): Promise<string> {
  return output("ip", "link", "show", "lo");
}

/** Starts to send three requests, whose answers may come as late as they like; returns what it says in the end. */
function startPing(...before: string[]): Promise<string> {
  const [program, ...args] = [...before, "ping", "-c", "3", "-i", "0.2", "-W", "3600", "127.0.0.1"];
  return output(program, ...args);
}

function assertAllAnswered(said: string): void {
  assertEquals(said.matchAll(/ seq=(\d+) /g).map(([, number]) => number).toArray(), ["0", "1", "2"], said);
  assertStringIncludes(said, "3 packets transmitted, 3 packets received, 0% packet loss");
}

/** Sends datagrams of a number each to itself, and keeps the numbers of those that arrive. */
class Datagrams implements AsyncDisposable {
  readonly arrived: number[] = [];
  readonly #socket: Deno.DatagramConn;
  readonly #received: Promise<void>;

  constructor(port: number) {
    this.#socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
    this.#received = this.#receive();
  }

  async send(...numbers: number[]): Promise<void> {
    for (const number of numbers) await this.#socket.send(Uint8Array.of(number), this.#socket.addr);
  }

  /** Waits until as many have arrived, which have to be these, in this order. */
  async haveArrived(...numbers: number[]): Promise<void> {
    const what = `${numbers.length} datagrams`;
    await until(() => this.arrived.length >= numbers.length, { timeoutMs: PATIENCE_MS, what });
    assertEquals(this.arrived, numbers);
  }

  async #receive(): Promise<void> {
    for await (const [[number]] of this.#socket) this.arrived.push(number);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#received;
  }
}

/** A test that, where it fails, leaves nothing for the next one to stumble over. */
function test(name: string, work: () => Promise<void>): void {
  Deno.test(name, async () => {
    try {
      await work();
    } catch (error) {
      await call("recover");
      throw error;
    }
  });
}

test("doctor finds all that plugctl needs, but for libpcap, which is not in this machine", async () => {
  const { status, stdout, stderr } = await plugctl("doctor");
  assertEquals({ status, stderr }, { status: 0, stderr: "" }, stdout);
  const [table, verdict] = stdout.trimEnd().split("\n\n");
  const answers = table.split("\n");
  const lacking = answers.filter((line) => !line.startsWith("ok "));
  assertEquals(lacking.map((line) => line.split(/ {2,}/).slice(0, 2)), [["MISSING", "libpcap"]]);
  // It has looked at what holding takes, and gates
  for (const name of ["sch_plug", "ifb", "act_mirred"]) assert(answers.some((line) => line.includes(name)), stdout);
  assertMatch(answers[0], / aarch64 /);
  assertEquals(verdict, "Ready to hold packets. What does not work: matches beyond flower (libpcap missing).");
});

test("what a plug holds arrives when it is released, and the device is as before", async () => {
  const before = await loopback();
  assertEquals(await plugctl("attach", ...LO, "--quiet"), { status: 0, stdout: "", stderr: "" });
  assertStringIncludes(await loopback(), " qdisc plug ");
  await here("buffer", ...LO);
  const ping = startPing();
  await backlog(3);
  assertMatch(await here("show"), /^DEVICE .*\nlo +root +504c: +0 +0 +3 +294 +0\n$/);
  assertEquals(await plugctl("release-indefinite", ...LO), { status: 0, stdout: "", stderr: "" });
  assertAllAnswered(await ping);
  assertEquals(await plugctl("detach", ...LO, "--quiet"), { status: 0, stdout: "", stderr: "" });
  assertEquals(await loopback(), before);
});

test("release-one lets the ended epoch go, and nothing else", async () => {
  await using datagrams = new Datagrams(5000);
  await here("attach", ...LO, "--hold", "--quiet");
  await datagrams.send(1, 2);
  await here("buffer", ...LO);
  await datagrams.send(3);
  await here("release-one", ...LO);
  await datagrams.haveArrived(1, 2);
  const { backlogPackets, packets } = await backlog(1);
  assertEquals({ backlogPackets, packets }, { backlogPackets: 1, packets: 2 });
  await here("buffer", ...LO);
  await datagrams.send(4);
  await here("release-one", ...LO);
  await datagrams.haveArrived(1, 2, 3);
  await here("detach", ...LO, "--quiet");
  await datagrams.haveArrived(1, 2, 3, 4);
});

test("limit sets the queue limit of a plug", async () => {
  await using datagrams = new Datagrams(5000);
  await here("attach", ...LO, "--hold", "--quiet");
  const datagramBytes = 14 + 20 + 8 + 1; // Ethernet's header, IP's, UDP's
  await here("limit", String(2 * datagramBytes), ...LO, "--quiet");
  await datagrams.send(1, 2, 3);
  const { backlogPackets, drops } = await shown();
  assertEquals({ backlogPackets, drops }, { backlogPackets: 2, drops: 1 });
  await here("release-indefinite", ...LO);
  await datagrams.send(4);
  await datagrams.haveArrived(1, 2, 4);
  await here("detach", ...LO, "--quiet");
});

test("a gate holds what it matches, while the rest passes", async () => {
  const before = await loopback();
  await using matched = new Datagrams(5001);
  await using others = new Datagrams(5002);
  await here("gate", "add", "web", ...LO, "--direction", "egress", "--match", "udp dst port 5001");
  await here("buffer", "web");
  await matched.send(1, 2);
  await others.send(3, 4);
  await others.haveArrived(3, 4);
  assertEquals((await shown()).backlogPackets, 2);
  assertEquals(matched.arrived, []);
  await here("release-indefinite", "web");
  await matched.haveArrived(1, 2);
  // It has two processors, on which something could be lost.
  const kept = "plugctl: clsact stays on lo, empty: the kernel would lose packets while it takes it away; when lo is " +
    "idle, delete it with: tc qdisc del dev lo clsact\n";
  assertEquals((await call("gate", "delete", "web")).stderr, kept);
  assertEquals(await here("gate", "list", "--json"), "[]\n");
  await matched.send(5);
  await matched.haveArrived(1, 2, 5);
  assertEquals(await loopback(), before);
});

test("hold that is killed is put right by its guardian", async () => {
  const before = await loopback();
  await using datagrams = new Datagrams(5000);
  const args = ["hold", ...LO, "--", "sh", "-c", "echo it holds; exec sleep 3600"];
  await using hold = new Deno.Command("plugctl", { args, stdin: "null", stdout: "piped" }).spawn();
  assertEquals(await firstLine(hold), "it holds");
  await datagrams.send(1, 2, 3);
  assertEquals((await shown()).backlogPackets, 3);
  hold.kill("SIGKILL");
  assertEquals((await hold.status).signal, "SIGKILL");
  await datagrams.haveArrived(1, 2, 3);
  const isAsBefore = async () => await loopback() === before;
  await until(isAsBefore, { timeoutMs: PATIENCE_MS, what: "the device as before" });
});

const SCENARIO = `name: Three requests wait
plugs: { all: { dev: lo } }
max-hold: 1h
defaults: { timeout: 1h }
steps:
  - buffer: all
  - start: { name: ping, command: [ping, -c, "3", -i, "0.2", -W, "3600", 127.0.0.1] }
  - wait: { plug: all, backlog: ">=3" }
  - release-indefinite: all
  - join: { name: ping, exit: 0 }
  - expect: { plug: all, drops: 0 }
`;

test("run plays a scenario, and reports", async () => {
  const before = await loopback();
  const [scenario, report] = ["/tmp/scenario.yaml", "/tmp/report.html"];
  await Deno.writeTextFile(scenario, SCENARIO);
  const { status, stdout, stderr } = await plugctl("run", scenario, "--json", "--report", report);
  assertEquals(status, 0, stdout + stderr);
  const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const { event, outcome, undone } = events.at(-1);
  assertEquals({ event, outcome, undone }, { event: "scenario-end", outcome: "done", undone: true }, stdout);
  const page = await Deno.readTextFile(report);
  assertStringIncludes(page, "<title>Three requests wait");
  assertEquals(await loopback(), before);
});

test("--netns reaches the namespace of a process, and no other", async () => {
  const args = ["-n", "sh", "-c", "ip link set lo up; echo it is up; exec sleep 3600"];
  await using process = new Deno.Command("unshare", { args, stdin: "null", stdout: "piped" }).spawn();
  assertEquals(await firstLine(process), "it is up");
  const [byProcess, byPath] = [["--netns", `pid:${process.pid}`], ["--netns", `/proc/${process.pid}/ns/net`]];
  await here("attach", ...LO, "--hold", ...byProcess, "--quiet");
  const ping = startPing("nsenter", "-n", "-t", String(process.pid));
  await backlog(3, ...byPath);
  assertEquals(await here("show", "--json"), "[]\n");
  await here("release-indefinite", ...LO, ...byPath);
  assertAllAnswered(await ping);
  await here("detach", ...LO, ...byProcess, "--quiet");
});

test("a device that is not there is an error, and a word that is not one is wrong usage", async () => {
  assertEquals(await call("buffer", "--dev", "nosuch0"), {
    status: 1,
    stdout: "",
    stderr: "plugctl: cannot find nosuch0: there is no such device; the devices are: lo\n",
  });
  const { status, stdout, stderr } = await plugctl("bufer", ...LO);
  assertEquals({ status, stdout }, { status: 2, stdout: "" });
  assertMatch(stderr, /^plugctl: .*bufer/);
});
