/** What others do to a queue while a scenario holds with it ends the scenario at once, and is said. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Scenario } from "../../scenario/scenario.ts";
import type { ScenarioEvent } from "../../scenario/event.ts";
import { seen } from "./disturbed.ts";
import { PLUGCTL } from "./plugctl.ts";

const SEND = `run: [bash, -c, "for i in {1..10}; do echo x >/dev/udp/10.0.0.2/9; done"]`;

/** How a scenario ends in which ten packets are held by a gate or a plug while a command is run, and how soon. */
async function ending(queue: "gates" | "plugs", command: readonly string[]) {
  const match = queue === "gates" ? ", direction: egress, match: udp" : "";
  const file = `${Deno.makeTempDirSync({ prefix: "plugctl-lost-" })}/seen`;
  const scenario = await Scenario.parse(`name: lost
hosts:
  one: { devices: { eth0: { to: two, address: 10.0.0.1/24 } } }
  two: { devices: { eth0: { to: one, address: 10.0.0.2/24 } } }
defaults: { host: one, timeout: 60s }
${queue}: { held: { dev: eth0${match} } }
steps:
  - buffer: held
  - ${SEND}
  - wait: { ${queue.slice(0, -1)}: held, backlog: 10 }
  - wait: { file: ${file} }
  - run: ${JSON.stringify(command)}
  - sleep: 1h
`);
  // What its guardian has seen of them is what is told.
  const onEvent = (event: ScenarioEvent) => {
    if (event.event === "step-end" && event.step === "3") seen().then(() => Deno.writeTextFile(file, ""));
  };
  const { outcome, step, undone, error } = await scenario.run({ onEvent });
  return { outcome, step, undone, message: (error as Error | undefined)?.message ?? "" };
}

const CASES = [
  [
    "plugs",
    "the device's link goes down",
    ["ip", "link", "set", "eth0", "down"],
    /: held: its device went down, which discards what is held: at least 10 packets are lost$/,
  ],
  [
    "plugs",
    "the plug is deleted",
    ["tc", "qdisc", "del", "dev", "eth0", "root"],
    /: held: the plug vanished, .* deleted it: at least 10 packets are lost$/,
  ],
  [
    "plugs",
    "the device is deleted",
    ["ip", "link", "del", "eth0"],
    /: held: the plug vanished, .* device was deleted, .*: at least 10 packets are lost$/,
  ],
  [
    "plugs",
    "another releases",
    [...PLUGCTL, "release-indefinite", "--dev", "eth0"],
    /: held: .* released what it held$/,
  ],
  [
    "gates",
    "the device is deleted",
    ["ip", "link", "del", "eth0"],
    /: held: a device that it is on is gone, .*: at least 10 packets are lost$/,
  ],
  [
    "gates",
    "another releases",
    [...PLUGCTL, "release-indefinite", "held"],
    /: held: .* released what it held$/,
  ],
] as const;

for (const [queue, what, command, expected] of CASES) {
  Deno.test(`a scenario ends at once where ${what} while it holds with ${queue}`, async () => {
    const { outcome, step, undone, message } = await ending(queue, command);
    assertEquals([outcome, undone], ["failed", true], message);
    assertMatch(message, expected);
    assert(step === "5" || step === "6", step);
  });
}
