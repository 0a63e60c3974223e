/** Thirty reloads of a HAProxy under load: connections are lost without a gate, and none with it. */

import { assert, assertEquals } from "@std/assert";
import type { Outcome } from "../../examples/haproxy_reload/main.ts";
import { Host } from "./host.ts";
import { witness } from "./gate_pair.ts";

const MAIN = new URL("../../examples/haproxy_reload/main.ts", import.meta.url).pathname;
const RELOADS = 30;
/** How often the reloads are done without a gate, at most, until they lose a connection. */
const ROUNDS = 5;
const HOW = "install it with: sudo apt-get install --no-install-recommends haproxy";

function hasHaproxy(): boolean {
  try {
    return new Deno.Command("haproxy", { args: ["-v"], stdout: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function reloads(host: Host, gate: "with" | "without"): Promise<Outcome> {
  const command = [Deno.execPath(), "run", "-A", "--no-check", MAIN, gate, `${RELOADS}`];
  const { success, stdout } = await host.spawn(command, { stdin: "null", stdout: "piped" }).output();
  assert(success, `${MAIN} failed`);
  const outcome: Outcome = JSON.parse(new TextDecoder().decode(stdout));
  const { answered, lost, longestMs, longestHoldMs } = outcome;
  console.log(
    `${gate} the gate: ${RELOADS} reloads, ${answered} requests answered, ${lost} connections lost, ` +
      `longest wait ${Math.round(longestMs)} ms, longest hold ${Math.round(longestHoldMs)} ms`,
  );
  return outcome;
}

async function body(): Promise<void> {
  using host = new Host();
  const before = witness(host, ["lo"]);
  const withGate = await reloads(host, "with");
  assertEquals(withGate.lost, 0);
  assert(withGate.answered > RELOADS);
  assertEquals(witness(host, ["lo"]), before);
  for (let round = 0; round < ROUNDS; round++) {
    const { lost } = await reloads(host, "without");
    if (lost > 0) return;
  }
  throw new Error(`Cannot show that reloads lose connections: none was lost in ${ROUNDS} rounds of ${RELOADS}`);
}

const NAME = `${RELOADS} reloads of HAProxy under load lose connections, and none behind a gate`;
if (hasHaproxy()) Deno.test(NAME, body);
else if (Deno.env.get("CI") !== "true") Deno.test({ name: `${NAME}: NOT RUN, ${HOW}`, ignore: true, fn: body });
else {
  Deno.test(`${NAME}: NOT RUN`, () => {
    throw new Error(`Cannot run this test: there is no haproxy; ${HOW}`);
  });
}
