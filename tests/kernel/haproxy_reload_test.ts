/** Thirty reloads of a HAProxy under load: connections are lost without a gate, and none with it. */

import { assert, assertEquals } from "@std/assert";
import type { Outcome } from "../../examples/haproxy_reload/main.ts";
import { witness } from "./gate_pair.ts";
import { testWithHaproxy } from "./haproxy.ts";
import { Host } from "./host.ts";

const MAIN = new URL("../../examples/haproxy_reload/main.ts", import.meta.url).pathname;
const RELOADS = 30;
/** How often all of it is done, at most, until the reloads without a gate lose a connection. */
const ROUNDS = 5;
/** Reloads without a gate and with one, and returns what was seen of either. */
async function reloads(host: Host): Promise<[Outcome, Outcome]> {
  const command = [Deno.execPath(), "run", "-A", "--no-check", MAIN, `${RELOADS}`];
  const { success, stdout } = await host.spawn(command, { stdin: "null", stdout: "piped" }).output();
  const text = new TextDecoder().decode(stdout);
  assert(success, `${MAIN} failed`);
  console.log(text.trim());
  const [without, behind] = text.trim().split("\n").map((line) => JSON.parse(line));
  return [without, behind];
}

async function body(): Promise<void> {
  using host = new Host();
  const before = witness(host, ["lo"]);
  for (let round = 0; round < ROUNDS; round++) {
    const [without, behind] = await reloads(host);
    assertEquals([behind.lost, behind.gate, behind.reloads], [0, true, RELOADS]);
    assert(behind.answered > RELOADS);
    assertEquals(witness(host, ["lo"]), before);
    if (without.lost > 0) return;
  }
  throw new Error(`Cannot show that reloads lose connections: none was lost in ${ROUNDS} rounds of ${RELOADS}`);
}

testWithHaproxy(`${RELOADS} reloads of HAProxy under load lose connections, and none behind a gate`, body);
