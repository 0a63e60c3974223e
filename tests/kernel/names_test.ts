/** Names are enough: an operand is a gate or a device, and a device has altnames. What a name means, the machine says. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { connect, Host } from "./host.ts";
import { Scenario } from "../../scenario/scenario.ts";
import { sendNumbered } from "./numbered.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { plugOf, qdiscs } from "./queue.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const WAIT = { timeoutMs: 20_000 };
const LONG = "enp0s31f6-the-card-by-the-window";
const TO = { address: "10.0.0.2", port: 5000 };

/** Two hosts, of which the left one's `eth0` has a short and a long altname. */
function machine(): { left: Host; right: Host } & Disposable {
  const [left, right] = [new Host(), new Host()];
  connect([left, right]);
  left.configure([`link property add dev eth0 altname ens3 altname ${LONG}`]);
  return {
    left,
    right,
    [Symbol.dispose]() {
      left[Symbol.dispose]();
      right[Symbol.dispose]();
    },
  };
}

for (const name of ["eth0", "ens3", LONG]) {
  Deno.test(`every command takes the device as ${name}, as an operand and with --dev`, async () => {
    using hosts = machine();
    const { left } = hosts;
    using sender = new UdpSocket(left, { address: "10.0.0.1", port: 0 });
    for (const words of [[name], ["--dev", name]]) {
      await plugctlDone(left, "attach", ...words);
      await plugctlDone(left, "buffer", ...words);
      sendNumbered(sender, TO, { count: 5, payloadBytes: 100 });
      await until(() => plugOf(left).qlen === 5, { ...WAIT, what: "five packets held" });
      await plugctlDone(left, "limit", "2m", ...words);
      const shown = JSON.parse(await plugctlDone(left, "show", "--json", ...words));
      assertEquals([shown.length, shown[0].dev, shown[0].backlogPackets], [1, "eth0", 5]);
      await plugctlDone(left, "release-one", ...words);
      assertEquals(plugOf(left).qlen, 5);
      await plugctlDone(left, "release", ...words);
      await until(() => plugOf(left).qlen === 0, { ...WAIT, what: "all packets gone" });
      await plugctlDone(left, "hold", ...words, "--for", "20ms");
      await plugctlDone(left, "detach", ...words);
      assertEquals(qdiscs(left).map(({ kind }) => kind), ["noqueue"]);
      await plugctlDone(left, "hold", ...words, "--for", "20ms");
      assertEquals(qdiscs(left).map(({ kind }) => kind), ["noqueue"]);
    }
    await plugctlDone(left, "gate", "add", "web", "--dev", name, "--direction", "egress", "--match", "udp");
    assertEquals(JSON.parse(await plugctlDone(left, "gate", "list", "--json"))[0].devs, ["eth0"]);
    await plugctlDone(left, "gate", "delete", "web");
  });
}

Deno.test("a gate is refused that names a device twice, by two of its names, and nothing is left of it", async () => {
  using hosts = machine();
  const { left } = hosts;
  const before = left.run("ip", "-brief", "link");
  const words = ["gate", "add", "web", "--dev", "eth0", "--dev", LONG, "--direction", "out"];
  assertEquals(await plugctl(left, ...words), {
    status: 1,
    stdout: "",
    stderr: `plugctl: cannot add gate web: eth0 and ${LONG} are names of one device, eth0\n`,
  });
  assertEquals(left.run("ip", "-brief", "link"), before);
  assertEquals(qdiscs(left).map(({ kind }) => kind), ["noqueue"]);
});

Deno.test("a scenario takes devices by their altnames", async () => {
  using hosts = machine();
  const { left } = hosts;
  const scenario = await Scenario.parse(`name: altnames
hosts: { near: { netns: ${left.name} } }
defaults: { host: near }
gates: { web: { dev: [ens3], direction: out, match: udp } }
plugs: { up: { dev: ${LONG} } }
steps:
  - hold: { gate: web, for: 10ms }
  - hold: { plug: up, for: 10ms }
  - expect: { command: tc qdisc show dev eth0, stdout: plug }
`);
  const { outcome, error, undone } = await scenario.run();
  assertEquals([outcome, error, undone], ["done", undefined, true]);
  assertEquals(qdiscs(left).map(({ kind }) => kind), ["noqueue"]);
});

Deno.test("an operand is a gate or a device; where it is both, the error says how to tell which", async () => {
  using hosts = machine();
  const { left } = hosts;
  await plugctlDone(left, "gate", "add", "web", "--dev", "eth0", "--direction", "egress", "--match", "udp");
  await plugctlDone(left, "attach", "lo");
  await plugctlDone(left, "buffer", "web", "lo");
  const shown = async (...words: string[]) =>
    JSON.parse(await plugctlDone(left, "show", "--json", ...words)).map(({ dev }: { dev: string }) => dev);
  assertEquals(await shown("web"), ["plug-web"]);
  assertEquals(await shown("lo", "web"), ["lo", "plug-web"]);
  assertEquals(await shown("--gate", "web"), ["plug-web"]);
  for (const words of [["web", "4m"], ["4m", "web"], ["4m", "--gate", "web"]]) {
    await plugctlDone(left, "limit", ...words);
  }
  assertEquals(JSON.parse(await plugctlDone(left, "gate", "list", "--json"))[0].limitBytes, 4 << 20);
  await plugctlDone(left, "release", "web", "lo");
  await plugctlDone(left, "hold", "web", "--for", "20ms");

  left.configure(["link add web type dummy", "link set web up"]);
  const both = await plugctl(left, "buffer", "web");
  assertEquals(both, {
    status: 2,
    stdout: "",
    stderr: "plugctl: web is both a gate and a device: write --gate web or --dev web\n",
  });
  await plugctlDone(left, "buffer", "--gate", "web");
  await plugctlDone(left, "release", "--gate", "web");
  assertStringIncludes((await plugctl(left, "buffer", "--dev", "web")).stderr, "cannot buffer web (root): no plug");
});

/** What is typed, and what is answered, where there are the devices lo and eth0 and the gate web. */
const ANSWERS: [line: string, status: number, message: string][] = [
  ["buffer wev", 1, "cannot find wev: there is no gate or device of this name; did you mean web"],
  ["buffer eht0", 1, "cannot find eht0: there is no gate or device of this name; did you mean eth0"],
  ["buffer --dev eht0", 1, "cannot find eht0: there is no such device; did you mean eth0"],
  ["attach eth", 1, "cannot find eth: there is no such device; did you mean eth0"],
  [
    "release nothing",
    1,
    "cannot find nothing: there is no gate or device of this name; " +
    "the devices are: lo, eth0; the gates are: web",
  ],
  ["gate delete wbe", 1, "cannot find gate wbe: there is no such gate; did you mean web"],
  ["gate delete eth0", 1, "cannot find gate eth0: there is no such gate; eth0 is a device: plugctl detach eth0"],
  ["detach web", 1, "cannot find web: there is no such device; web is a gate: plugctl gate delete web"],
  [
    "attach web",
    1,
    "cannot find web: there is no such device; " +
    "web is a gate, which has a plug already: plugctl buffer web",
  ],
  ["buffer --dev web", 1, "cannot find web: there is no such device; web is a gate: write --gate web"],
  ["buffer --gate eth0", 1, "cannot find gate eth0: there is no such gate; eth0 is a device: write --dev eth0"],
  [
    "hold eth0 curl http://x --for 1s",
    2,
    'invalid device name "http://x": ' +
    "a name has up to 15 bytes, an altname up to 127, without space, / and :",
  ],
  [
    "hold eth0 sleep 1 --for 1s",
    1,
    "cannot find sleep: there is no gate or device of this name; " +
    "a command goes behind --: plugctl hold eth0 -- sleep 1",
  ],
  [
    "hold eth0 200ms --until drops>0",
    1,
    "cannot find 200ms: there is no gate or device of this name; " +
    "did you mean --for 200ms",
  ],
  ["buffer web --parent 1:1", 2, "--parent goes with a device, and web is a gate, which has one plug"],
  ["buffer web web", 2, "web is named twice"],
  ["limit web eth0", 2, "limit needs a size, such as 64k or 1m, but is given: web, eth0"],
  ["limit 1m 2m", 2, "1m and 2m look like sizes: name a gate with --gate, a device with --dev"],
];

Deno.test("a name that is not there is answered with the one that is meant, or with those that there are", async () => {
  using hosts = machine();
  const { left } = hosts;
  await plugctlDone(left, "gate", "add", "web", "--dev", "eth0", "--direction", "egress", "--match", "udp");
  const before = qdiscs(left);
  for (const [line, status, message] of ANSWERS) {
    assertEquals(
      await plugctl(left, ...line.split(" ")),
      { status, stdout: "", stderr: `plugctl: ${message}\n` },
      line,
    );
  }
  assertEquals(qdiscs(left), before);
});

Deno.test("advice on a device that somebody else shaped is a gate, which works there and keeps the shaper", async () => {
  using hosts = machine();
  const { left } = hosts;
  left.run("tc", ..."qdisc add dev eth0 root handle 1: tbf rate 8mbit burst 16000 limit 100000".split(" "));
  const { status, stderr } = await plugctl(left, "attach", "eth0");
  assertEquals(status, 1);
  const [, advice] = /a gate: (plugctl gate add NAME [^;]*);/.exec(stderr) ?? [];
  await plugctlDone(left, ...advice.replace("NAME", "web").split(" ").slice(1));
  await plugctlDone(left, "hold", "web", "--for", "20ms");
  await plugctlDone(left, "gate", "delete", "web");
  assertStringIncludes(stderr, "--replace would delete it, with its settings, for good");
  assertEquals(qdiscs(left).map(({ kind }) => kind), ["tbf"]);
});
