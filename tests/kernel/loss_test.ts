/** Nothing is lost by what plugctl puts in and takes out, while datagrams are on their way all the time. */

import { assert, assertEquals } from "@std/assert";
import { Gate, Plug } from "../../mod.ts";
import { GatePair } from "./gate_pair.ts";
import { Host } from "./host.ts";
import { plugctlDone } from "./plugctl.ts";
import { type Arrival, type Route, underTraffic } from "./traffic.ts";

const ROUNDS = Number(Deno.env.get("PLUGCTL_ROUNDS") ?? 20);
/** Each takes some two seconds in User-Mode Linux. */
const ROUNDS_OF_COMMANDS = Math.ceil(ROUNDS / 8);
/**
 * With several processors the kernel itself loses what others send while it puts in or takes out a root qdisc, or creates
 * clsact: that plugctl loses no more than tc does is measured by `bench:loss`.
 */
const SEVERAL_PROCESSORS = navigator.hardwareConcurrency > 1;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asserts that all arrived that was sent in a time in which enough was sent. */
function assertAll({ sent, lost }: Arrival, { grafts }: { grafts: number }): void {
  assert(sent > 500, `only ${sent} were sent`);
  if (SEVERAL_PROCESSORS) assert(lost <= grafts * 50, `${lost} of ${sent} were lost`);
  else assertEquals(lost, 0, `of ${sent}`);
}

function loopback(host: Host): Route {
  return { from: host, to: host, address: "127.0.0.1", rate: 1000 };
}

function across(pair: GatePair): Route {
  return { from: pair.left, to: pair.right, address: pair.ends[1].ipv4, rate: 1000 };
}

/** Attaches, buffers, releases and detaches, again and again. */
async function plugCycles(host: Host, dev: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    await using plug = host.enter(() => Plug.attach({ dev, force: true }));
    await pause(5);
    plug.buffer({ force: true });
    await pause(20);
    await plug.detach();
    await pause(5);
  }
}

Deno.test("attach, buffer and detach on lo lose nothing under traffic", async () => {
  using host = new Host();
  assertAll(await underTraffic(loopback(host), () => plugCycles(host, "lo")), { grafts: 2 * ROUNDS });
});

Deno.test("attach, buffer and detach on a device lose nothing under traffic", async () => {
  using pair = new GatePair();
  assertAll(await underTraffic(across(pair), () => plugCycles(pair.left, "eth0")), { grafts: 2 * ROUNDS });
});

Deno.test("a gate that is added, holds and is deleted loses nothing under traffic", async () => {
  using pair = new GatePair();
  for (const direction of ["egress", "ingress"] as const) {
    const host = direction === "egress" ? pair.left : pair.right;
    const arrival = await underTraffic(across(pair), async () => {
      for (let round = 0; round < ROUNDS; round++) {
        await using gate = host.enter(() => Gate.open({ dev: "eth0", direction, match: "udp dst port 9000" }));
        gate.buffer();
        await pause(20);
        await gate.close();
        await pause(5);
      }
    });
    assertAll(arrival, { grafts: 1 });
  }
});

Deno.test("hold --dev lo loses nothing under traffic, from its attach to its detach", async () => {
  using host = new Host();
  const arrival = await underTraffic(loopback(host), async () => {
    for (let round = 0; round < ROUNDS_OF_COMMANDS; round++) {
      await plugctlDone(host, "hold", "--dev", "lo", "--for", "50ms");
    }
  });
  assertAll(arrival, { grafts: 2 * ROUNDS_OF_COMMANDS });
});
