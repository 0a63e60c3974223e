/** A filter that comes behind a gate that is there already: whoever holds with the gate is told that it is bypassed. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Connection, Gate, QueueError } from "../../mod.ts";
import { runCommandLine } from "../../cli/main.ts";
import { WAIT } from "./gate_pair.ts";
import { COUNT, PORT, Traffic } from "./gate_traffic.ts";
import { Written } from "../cli/written.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { until } from "./until.ts";

const FILTER = `protocol ip pref 5000 flower ip_proto udp dst_port ${PORT} action drop`;
const NAME = "filter protocol ip pref 5000 flower chain 0 handle 0x1 (drop)";
const GATE = ["gate", "add", "web", "--dev", "eth0", "--direction", "in", "--match", `udp dst port ${PORT}`];
const BYPASSED = `the packets that the gate web takes bypass: ${NAME}`;

/** A gate behind which somebody has put a filter that drops what it takes. */
async function gateWithFilter(): Promise<Traffic> {
  const traffic = new Traffic("ingress");
  await plugctlDone(traffic.pair.left, ...GATE);
  addFilter(traffic);
  return traffic;
}

function addFilter(traffic: Traffic): void {
  traffic.tc("filter", "add", "dev", "eth0", "ingress", ...FILTER.split(" "));
}

Deno.test("a filter that comes behind a gate later is marked in gate list", async () => {
  using traffic = await gateWithFilter();
  const { left } = traffic.pair;
  assertEquals((await plugctl(left, "gate", "list")).stderr, `plugctl: ${BYPASSED}\n`);
  const again = await plugctl(left, ...GATE);
  assertEquals(again, {
    status: 0,
    stdout: "",
    stderr: `plugctl: ${BYPASSED}\nplugctl: the gate web is there already, and nothing was changed\n`,
  });
});

const HOLDING = [
  ["hold", "web", "--for", "50ms"],
  ["hold", "web", "--for", "50ms", "--dev", "sink"],
  ["buffer", "web"],
  ["buffer", "web", "--max-hold", "60s"],
];

for (const words of HOLDING) {
  Deno.test(`${words.join(" ")} refuses a gate that bypasses a filter, and says so with --force`, async () => {
    using traffic = await gateWithFilter();
    const { left } = traffic.pair;
    const refused = await plugctl(left, ...words);
    assertEquals([refused.status, refused.stdout], [1, ""]);
    assertEquals(
      refused.stderr,
      `plugctl: cannot ${
        words[0]
      } gate web: the packets that it takes bypass what others have put behind it: ${NAME}; ` +
        "put the gate behind that: plugctl gate add web ... --replace --priority N, N being higher; " +
        "or if that is what you want, add --force\n",
    );
    assertEquals(await traffic.arrived(), [COUNT, 0, 0]);
    assertEquals(JSON.parse(await plugctlDone(left, "show", "--dev", "sink", "--json")), []);

    const forced = await plugctl(left, ...words, "--force");
    assertEquals(forced.status, 0, forced.stderr);
    assertEquals(forced.stderr.split("\n")[0], `plugctl: ${BYPASSED}`);
    if (words[0] === "hold") return;
    traffic.send();
    await traffic.pair.holds("web", COUNT);
    await plugctlDone(left, "release", "web");
    assertEquals(await traffic.arrived(), [2 * COUNT, 0, 0]);
  });
}

Deno.test("a gate that holds already goes on where a filter comes behind it: each epoch can end", async () => {
  using traffic = new Traffic("ingress");
  using connection = Connection.open({ netns: traffic.pair.left.name });
  using gate = Gate.open({ name: "web", dev: "eth0", direction: "in", match: `udp dst port ${PORT}`, connection });
  gate.buffer();
  addFilter(traffic);
  traffic.send();
  await traffic.pair.holds("web", COUNT);
  gate.buffer();
  gate.releaseOne();
  await until(() => gate.stats().backlogPackets === 0, { ...WAIT, what: "the epoch's end" });
  gate.release();
  const refusals = [() => gate.buffer(), () => gate.buffer({ force: true, bypass: false }), () => gate.hold()];
  for (const refused of refusals) assertEquals(assertThrows(refused, QueueError).code, "would-bypass");
  for (const bypass of [true, undefined]) {
    gate.buffer({ force: true, bypass });
    gate.release();
  }
  gate.hold({ bypass: true }).release();
});

Deno.test("a gate that was made by force may be held by the object that made it", async () => {
  using traffic = new Traffic("ingress");
  const { left } = traffic.pair;
  traffic.tc("qdisc", "add", "dev", "eth0", "clsact");
  addFilter(traffic);
  using connection = Connection.open({ netns: left.name });
  const options = { name: "web", dev: "eth0", direction: "in", match: `udp dst port ${PORT}`, connection } as const;
  assertEquals(assertThrows(() => Gate.open(options), QueueError).code, "would-bypass");
  {
    using gate = Gate.open({ ...options, force: true });
    gate.hold().release();
    gate.buffer();
    gate.release();
    // Another process knows nothing of that.
    assertEquals((await plugctl(left, "hold", "web", "--for", "50ms")).status, 1);
  }
  assertEquals(await traffic.arrived(), [0, 0, 0]);
});

/** A scenario whose gate gets a filter behind it before it is to hold. */
function scenario({ force }: { force: boolean }): string {
  return `name: bypass
hosts:
  one: { devices: { eth0: { to: two, address: 10.0.0.1/24 } } }
  two: { devices: { eth0: { to: one, address: 10.0.0.2/24 } } }
defaults: { host: one, timeout: 60s }
gates: { web: { dev: eth0, direction: in, match: udp dst port ${PORT}${force ? ", force: true" : ""} } }
steps:
  - run: tc filter add dev eth0 ingress ${FILTER}
  - hold: { gate: web, for: 50ms }
  - buffer: web
`;
}

for (const force of [false, true]) {
  Deno.test(`a scenario ${force ? "with force says" : "refuses"} what its gate bypasses when it is to hold`, async () => {
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    await Deno.writeTextFile(file, scenario({ force }));
    const [stdout, stderr] = [new Written(), new Written()];
    const status = await runCommandLine(["run", file], { stdout, stderr });
    const output = stdout.text + stderr.text;
    if (force) {
      assertEquals(status, 0, output);
      // Once: it is known by then.
      assertEquals(output.split(BYPASSED).length, 2, output);
    } else {
      assertEquals(status, 1, output);
      assertMatch(
        output,
        new RegExp(`Cannot buffer gate web: the packets that it takes bypass .*${RegExp.escape(NAME)}`),
      );
      assertMatch(output, /\(drop\); give the gate a higher priority, or force: true\n/);
      assertMatch(output, /web: 0 packets, 0 dropped, never held/);
    }
  });
}
