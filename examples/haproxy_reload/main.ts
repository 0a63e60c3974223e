/**
 * Reloads a HAProxy under load: `main.ts with|without RELOADS`. With the gate, the first packet of each new
 * connection waits in the kernel while HAProxy changes over. Needs root, HAProxy, and port 8000 of loopback.
 *
 * @module
 */

import { Gate } from "@plugctl/plugctl";
import { HaProxy } from "./haproxy.ts";
import type { Seen } from "./load.ts";

const CLIENTS = 8;
/** Between two reloads, so that there is traffic that waits for nothing. */
const PAUSE_MS = 100;

/** What a run saw. */
export interface Outcome extends Seen {
  gate: boolean;
  reloads: number;
  /** How long new connections waited at most, in milliseconds; 0 without a gate. */
  longestHoldMs: number;
}

/** Reloads once while the gate holds new connections, and returns for how long it did, in milliseconds. */
async function reloadBehind(gate: Gate, haproxy: HaProxy): Promise<number> {
  const held = performance.now();
  gate.buffer();
  await haproxy.reload();
  gate.releaseIndefinite();
  return performance.now() - held;
}

async function run(withGate: boolean, reloads: number): Promise<Outcome> {
  await using haproxy = await HaProxy.start();
  using gate = withGate
    ? Gate.open({ name: "haproxy", dev: "lo", direction: "egress", match: "tcp dst port 8000 flags syn,!ack" })
    : undefined;
  const load = startLoad();
  const lines = load.stdout.pipeThrough(new TextDecoderStream()).getReader();
  await lines.read(); // it is running
  let longestHoldMs = 0;
  for (let count = 0; count < reloads; count++) {
    if (gate) longestHoldMs = Math.max(longestHoldMs, await reloadBehind(gate, haproxy));
    else await haproxy.reload();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  load.kill("SIGTERM");
  const { value = "" } = await lines.read();
  return { gate: withGate, reloads, ...JSON.parse(value), longestHoldMs };
}

function startLoad(): Deno.ChildProcess {
  const args = ["run", "--allow-net", "--no-check", `${import.meta.dirname}/load.ts`, `${CLIENTS}`];
  return new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped" }).spawn();
}

if (import.meta.main) {
  const [gate, reloads] = Deno.args;
  console.log(JSON.stringify(await run(gate === "with", Number(reloads))));
}
