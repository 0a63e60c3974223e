/** What a machine's policy lets be held, and what is wrong in one. */

import { assertEquals, assertThrows } from "@std/assert";
import { Policy } from "../../control/policy.ts";
import { RequestError } from "../../control/problem.ts";

const FILE = "/etc/plugctl/policy.yaml";

const WRONG: [text: string, message: string | RegExp][] = [
  ["devices: eth0", `devices of ${FILE} is "eth0", must be a list: [eth0]`],
  ["devices: []", `devices of ${FILE} is empty, must be at least one`],
  ["devices: [3]", `devices.0 of ${FILE} is 3, must be a text`],
  ["device: [eth0]", `${FILE} takes no device`],
  ["max-hold: 10", `max-hold of ${FILE} is 10, must be a duration with its unit: 10s`],
  ["max-hold: soon", `max-hold of ${FILE} is "soon", must be a duration with its unit: 10s`],
  ["runs: maybe", `runs of ${FILE} is "maybe", must be true or false`],
  ["- eth0", `${FILE} has no keys: who, devices, directions, matches, max-hold, always-pass, runs`],
  ["eth0", `${FILE} has no keys: who, devices, directions, matches, max-hold, always-pass, runs`],
  ["devices: [", /^\/etc\/plugctl\/policy\.yaml is not YAML: /],
];

Deno.test("Policy says what is wrong in its file", () => {
  for (const [text, expected] of WRONG) {
    const { message } = assertThrows(() => new Policy(text, FILE), SyntaxError);
    if (typeof expected === "string") assertEquals(message, expected, text);
    else assertEquals(expected.test(message), true, message);
  }
});

Deno.test("Policy limits what its file names, and nothing else but runs", () => {
  const open = new Policy("# nothing yet", FILE);
  open.checkHold({ devs: ["lo"], ms: 1e9 });
  assertEquals(open.maxHoldMs, undefined);
  assertThrows(() => open.checkRun(), RequestError, "no scenario may be run");
  new Policy("runs: true", FILE).checkRun();

  const narrow = new Policy("devices: [veth*, eth1]\nmatches: ['tcp dst port *']\nmax-hold: 1m", FILE);
  assertEquals(narrow.maxHoldMs, 60_000);
  narrow.checkHold({ devs: ["veth0", "eth1"], match: ["tcp dst port 80", "tcp dst port 81"], ms: 60_000 });
  const refused = (hold: Parameters<Policy["checkHold"]>[0], why: string) => {
    assertEquals(assertThrows(() => narrow.checkHold(hold), RequestError, why).code, "policy");
  };
  const match = ["tcp dst port 80"];
  refused({ devs: ["eth10"], match }, 'eth10 may not be held, only "veth*", "eth1"');
  refused({ devs: ["veth0", "lo"], match }, "lo may not be held");
  refused({ devs: ["eth1"] }, 'a gate must match one of "tcp dst port *", and this is every packet');
  refused({ devs: ["eth1"], match: [...match, "udp"] }, 'gates may not match "udp"');
  refused({ devs: ["eth1"], match, ms: 60_001 }, "nothing may be held for 60001 ms, up to 60000 ms may be");
});
