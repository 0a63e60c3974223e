/** Whoever is killed while it makes or deletes a gate leaves what `gate list` describes and `gate delete` removes. */

import { assert, assertEquals } from "@std/assert";
import { Connection } from "../../netlink/connection.ts";
import { Gate, listGates } from "../../mod.ts";
import { GatePair, witness } from "./gate_pair.ts";
import type { Host } from "./host.ts";

const PROGRAM = `${import.meta.dirname}/killed_gate.ts`;

/** Runs the program until it is killed, and tells whether it was not. */
async function finishes(host: Host, role: "add" | "delete", count: number): Promise<boolean> {
  const command = [Deno.execPath(), "run", "-A", "--no-check", PROGRAM, role, String(count)];
  const { stdout, signal } = await host.spawn(command, { stdin: "null", stdout: "piped", stderr: "inherit" }).output();
  const finished = new TextDecoder().decode(stdout) === "finished\n";
  // `ip netns exec` becomes the program, so its signal is seen here.
  assert(finished || signal === "SIGKILL", `it ended by ${signal}`);
  return finished;
}

Deno.test("a gate whose maker is killed behind any of its messages is listed, and deleted without a trace", async () => {
  using pair = new GatePair();
  using connection = pair.left.enter(() => Connection.open());
  const before = witness(pair.left);
  let count = 1;
  for (; !await finishes(pair.left, "add", count); count++) {
    const [listed, ...others] = listGates(connection);
    assertEquals([listed.name, others], ["web", []], `behind message ${count}`);
    const whole = listed.faults.length === 0;
    if (count > 1) assertEquals([listed.direction, listed.devs, listed.limitBytes], ["ingress", ["eth0"], 16 << 20]);
    if (whole) assertEquals(listed.match, ["tcp dst port 8000", "udp src host 10.0.0.0/24"]);
    const [gate] = Gate.named(connection, ["web"]);
    await gate.close();
    assertEquals(listGates(connection), []);
    assertEquals(witness(pair.left), before, `behind message ${count}: ${listed.faults.join(", ")}`);
  }
  // The device; its note, its silence, up; the plug and its release; clsact; three filters.
  assertEquals(count, 11);
});

Deno.test("a gate whose taking down is killed behind any of its messages is listed, and deleted without a trace", async () => {
  using pair = new GatePair();
  using connection = pair.left.enter(() => Connection.open());
  const before = witness(pair.left);
  const add = () => void Gate.open({ name: "web", dev: "eth0", direction: "ingress", match: "tcp", connection });
  add();
  let count = 1;
  for (; !await finishes(pair.left, "delete", count); count++) {
    const [left] = listGates(connection);
    if (left) {
      // The first message has it pass, so that it is still whole.
      assert(left.name === "web" && (count === 1 || left.faults.length > 0), `behind message ${count}`);
      const [gate] = Gate.named(connection, ["web"]);
      await gate.close();
    }
    assertEquals(witness(pair.left), before, `behind message ${count}: ${left?.faults.join(", ")}`);
    add();
  }
  assertEquals(witness(pair.left), before);
  // A release, two filters, a release, the plug, clsact and the device, behind which nothing is left to be described.
  assertEquals(count, 8);
});
