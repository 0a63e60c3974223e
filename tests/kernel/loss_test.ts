/** Nothing is lost by what plugctl puts in and takes out, while datagrams are on their way all the time. */

import { assert, assertEquals } from "@std/assert";
import { Gate, listGates, Plug } from "../../mod.ts";
import { sleep, timedUndisturbed } from "../../linux/process.ts";
import { Connection } from "../../netlink/connection.ts";
import { readLines } from "../../linux/incoming.ts";
import { GatePair, WAIT, witness } from "./gate_pair.ts";
import { Host } from "./host.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { type Arrival, type Route, underTraffic } from "./traffic.ts";
import { until } from "./until.ts";

const ROUNDS = Number(Deno.env.get("PLUGCTL_ROUNDS") ?? 20);
/** Each takes some two seconds in User-Mode Linux. */
const ROUNDS_OF_KILLS = Math.ceil(ROUNDS / 2);
const ROUNDS_OF_COMMANDS = Math.ceil(ROUNDS / 8);
/**
 * With several processors the kernel itself loses what others send while it puts in or takes out a root qdisc, or creates
 * clsact: that plugctl loses no more than tc does is measured by `bench:loss`.
 */
const SEVERAL_PROCESSORS = navigator.hardwareConcurrency > 1;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Asserts that all arrived that was sent in a time in which enough was sent, or that plugctl told how often its device
 * sent nothing for a while: a busy machine can make the kernel wait in the middle of a step.
 */
function assertAll({ sent, lost }: Arrival, { grafts, told }: { grafts: number; told: number }): void {
  assert(sent > 500, `only ${sent} were sent`);
  assert(lost <= (SEVERAL_PROCESSORS ? grafts : told) * 50, `${lost} of ${sent} were lost, and ${told} gaps were told`);
}

function loopback(host: Host): Route {
  return { from: host, to: host, address: "127.0.0.1", rate: 1000 };
}

function across(pair: GatePair): Route {
  return { from: pair.left, to: pair.right, address: pair.ends[1].ipv4, rate: 1000 };
}

/** Attaches, buffers, releases and detaches, again and again. Returns how often the device sent nothing meanwhile. */
async function plugCycles(host: Host, dev: string): Promise<number> {
  let told = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await using plug = host.enter(() => Plug.attach({ dev, force: true }));
    await pause(5);
    plug.buffer({ force: true });
    await pause(20);
    await plug.detach();
    told += Number(plug.gapMs > 0);
    await pause(5);
  }
  return told;
}

Deno.test("attach, buffer and detach on lo lose nothing under traffic", async () => {
  using host = new Host();
  let told = 0;
  const arrival = await underTraffic(loopback(host), async () => void (told = await plugCycles(host, "lo")));
  assertAll(arrival, { grafts: 2 * ROUNDS, told });
});

Deno.test("attach, buffer and detach on a device lose nothing under traffic", async () => {
  using pair = new GatePair();
  let told = 0;
  const arrival = await underTraffic(across(pair), async () => void (told = await plugCycles(pair.left, "eth0")));
  assertAll(arrival, { grafts: 2 * ROUNDS, told });
});

Deno.test("a gate that is added, holds and is deleted loses nothing under traffic", async () => {
  using pair = new GatePair();
  for (const direction of ["egress", "ingress"] as const) {
    const host = direction === "egress" ? pair.left : pair.right;
    let told = 0;
    const arrival = await underTraffic(across(pair), async () => {
      for (let round = 0; round < ROUNDS; round++) {
        await using gate = host.enter(() => Gate.open({ dev: "eth0", direction, match: "udp dst port 9000" }));
        gate.buffer();
        await pause(20);
        const { gapMs = 0 } = await gate.close();
        told += Number(gate.plug.gapMs + gapMs > 0);
        await pause(5);
      }
    });
    assertAll(arrival, { grafts: 1, told });
  }
});

Deno.test("hold --dev lo loses nothing under traffic, from its attach to its detach", async () => {
  using host = new Host();
  let told = 0;
  const arrival = await underTraffic(loopback(host), async () => {
    for (let round = 0; round < ROUNDS_OF_COMMANDS; round++) {
      const { status, stderr, gaps = [] } = await plugctl(host, "hold", "--dev", "lo", "--for", "50ms");
      assertEquals(status, 0, stderr);
      told += Math.min(gaps.length, 1);
    }
  });
  assertAll(arrival, { grafts: 2 * ROUNDS_OF_COMMANDS, told });
});

/** Without CAP_SYS_NICE other processes send in the middle, as they do where there are several processors. */
const DISTURBED = ["setpriv", "--bounding-set", "-sys_nice", Deno.execPath(), "run", "-A", "--no-check"];
const CYCLES = `${import.meta.dirname}/cycles.ts`;

Deno.test("a plug beside a clsact loses nothing where others can send meanwhile, and leaves nothing", async () => {
  using pair = new GatePair();
  pair.left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
  const before = witness(pair.left);
  const arrival = await underTraffic(across(pair), async () => {
    const child = pair.left.spawn([...DISTURBED, CYCLES, "eth0", String(ROUNDS)], { stdout: "piped" });
    const output = readLines(child.stdout);
    assertEquals((await output.next()).value, "begun");
    assertEquals((await output.next()).value, '{"longestGapMs":0}');
    assertEquals((await child.status).code, 0);
  });
  assert(arrival.sent > 500, `only ${arrival.sent} were sent`);
  assertEquals(arrival.lost, 0, `of ${arrival.sent}`);
  assertEquals(witness(pair.left), before);
});

Deno.test("a plug says that its device sent nothing where there is no clsact, and others did send meanwhile", async () => {
  using pair = new GatePair();
  let longestGapMs = 0;
  const arrival = await underTraffic({ ...across(pair), rate: 10_000 }, async () => {
    const child = pair.left.spawn([...DISTURBED, CYCLES, "eth0", String(ROUNDS)], { stdout: "piped" });
    const output = readLines(child.stdout);
    await output.next();
    ({ longestGapMs } = JSON.parse((await output.next()).value));
    assertEquals((await child.status).code, 0);
  });
  assert(longestGapMs < 5000, `${longestGapMs} ms`);
  assert(arrival.lost === 0 || longestGapMs > 0, `${arrival.lost} were lost, which was not told`);
});

Deno.test("timedUndisturbed() tells of a gap where others could run, and of none where nobody could", () => {
  assert(timedUndisturbed(() => sleep(5)).gapMs >= 5);
  const gaps = Array.from({ length: 20 }, () => timedUndisturbed(() => {}).gapMs);
  assertEquals(gaps.includes(0), !SEVERAL_PROCESSORS, `${gaps}`);
});

Deno.test("who is killed while a plug comes or goes beside a clsact leaves nothing that holds, and recover takes it away", async () => {
  using pair = new GatePair();
  pair.left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
  const before = witness(pair.left);
  using connection = pair.left.enter(() => Connection.open());
  let left = 0;
  const arrival = await underTraffic(across(pair), async () => {
    for (let round = 0; round < ROUNDS_OF_KILLS; round++) {
      const child = pair.left.spawn([...DISTURBED, CYCLES, "eth0", "1000000", "pass"], { stdout: "piped" });
      const output = readLines(child.stdout);
      await output.next();
      await until(() => listGates(connection).length > 0, { ...WAIT, what: "a temporary gate" });
      child.kill("SIGKILL");
      await child.status;
      await output.return?.(undefined);
      if (pair.left.run("ip", "-o", "link", "show", "type", "ifb") !== "") left++;
      await plugctlDone(pair.left, "recover");
      assertEquals(witness(pair.left), before, `round ${round}`);
    }
  });
  assert(left > 0, `no kill of ${ROUNDS_OF_KILLS} met a gate`);
  assertEquals(arrival.lost, 0, `of ${arrival.sent}`);
});
