/**
 * Reloads a HAProxy under load, without a gate and with one: `main.ts [RELOADS]`, 30 of each if not given.
 *
 * HAProxy's new process listens beside the old one, then tells it to stop. A connection that has reached the old one
 * by then, and that it has not accepted yet, is reset. With the gate, the first packet of each new connection waits in
 * the kernel while HAProxy changes over, so none has. Needs root, HAProxy, Python, and port 8000 of loopback.
 *
 * @module
 */

import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { Gate } from "@plugctl/plugctl";
import { HaProxy } from "./haproxy.ts";

const CLIENTS = 8;
const LOAD = ["python3", `${import.meta.dirname}/load.py`, "127.0.0.1", "8000", `${CLIENTS}`];
const DEFAULT_RELOADS = 30;
/** Between two reloads, so that there is traffic that waits for nothing. */
const PAUSE_MS = 50;

/** What one run saw, a line of JSON each. */
export interface Outcome {
  gate: boolean;
  reloads: number;
  /** Requests that were answered. */
  answered: number;
  /** Connections that were refused, or ended without an answer. */
  lost: number;
  /** The longest that a request took, from connecting to the end of its answer, in milliseconds. */
  longestMs: number;
  /** How long the gate held new connections at most, in milliseconds; 0 without it. */
  longestHoldMs: number;
}

/** Reloads once while the gate holds new connections, and returns for how long it did, in milliseconds. */
async function reloadBehind(gate: Gate, haproxy: HaProxy): Promise<number> {
  const start = performance.now();
  gate.buffer();
  await haproxy.acceptedAll();
  await haproxy.reload();
  gate.release();
  return performance.now() - start;
}

async function run(reloads: number, { withGate }: { withGate: boolean }): Promise<Outcome> {
  await using haproxy = await HaProxy.start();
  using gate = withGate
    ? Gate.open({ name: "haproxy", dev: "lo", direction: "egress", match: "tcp dst port 8000 flags syn,!ack" })
    : undefined;
  const [program, ...args] = LOAD;
  const load = new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
  const lines = createInterface({ input: Readable.fromWeb(load.stdout) })[Symbol.asyncIterator]();
  await lines.next(); // it is running
  let longestHoldMs = 0;
  for (let count = 0; count < reloads; count++) {
    if (gate) longestHoldMs = Math.max(longestHoldMs, await reloadBehind(gate, haproxy));
    else await haproxy.reload();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  load.kill("SIGTERM");
  const { value, done } = await lines.next();
  const { code, signal } = await load.status;
  if (done) throw new Error(`Cannot tell what the load saw: it ended with ${signal ?? code} and without a word`);
  return { gate: withGate, reloads, ...JSON.parse(value), longestHoldMs: Math.round(longestHoldMs) };
}

if (import.meta.main) {
  const reloads = Number(Deno.args[0] ?? DEFAULT_RELOADS);
  for (const withGate of [false, true]) console.log(JSON.stringify(await run(reloads, { withGate })));
}
