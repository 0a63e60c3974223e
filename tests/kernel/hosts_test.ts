/** The hosts of a scenario as `ip` sees them, and what is said where they cannot be made. */

import { assertEquals, assertMatch } from "@std/assert";
import { Scenario } from "../../mod.ts";
import { readLines } from "../../linux/incoming.ts";
import { Host } from "./host.ts";
import { PLUGCTL } from "./plugctl.ts";
import { processTable } from "./process_table.ts";
import { until } from "./until.ts";

const SCENARIO = `name: three hosts
defaults: { host: client }
hosts:
  client:
    devices: { eth0: { to: router, address: [10.0.0.1/24, "fd00::1/64"], mtu: 1400 } }
    routes: { default: 10.0.0.2, "10.2.0.0/16": 10.0.0.2, "fd01::/64": "fd00::2" }
  router:
    devices:
      eth0: { to: client, address: [10.0.0.2/24, "fd00::2/64"], mtu: 1400 }
      eth1: { to: server, address: [10.0.1.1/24, "fd01::1/64"] }
    forward: true
  server:
    devices: { eth0: { to: router, address: [10.0.1.2/24, "fd01::2/64"] } }
    routes: { default: 10.0.1.1, "fd00::/64": "fd01::1" }
steps:
  - { host: here, run: { command: "ip netns list | sort", stdout: "/^plugctl-\\\\w{6}-client.*\\nplugctl-\\\\w{6}-router.*\\nplugctl-/" } }
  - { host: here, run: "ip netns exec $(ip netns list | grep -o 'plugctl-[^ ]*-client') true" }
  - { host: here, run: { command: stat --format %a /run/netns/*-client, stdout: "444" } }
  - run: { command: ip -json address show dev lo, stdout: '/"operstate":"UNKNOWN"/' }
  - run: { command: ip address show dev eth0, stdout: "/mtu 1400 .*\\n.*link.ether 02:70:6c:00:00:00 /" }
  - run: { command: ip -4 address show dev eth0, stdout: inet 10.0.0.1/24 scope global eth0 }
  - run: { command: ip -6 address show dev eth0, stdout: "inet6 fd00::1/64 scope global nodad" }
  - expect: { command: ip -6 address show dev eth0 tentative, stdout: /^$/ }
  - expect: { command: ip -6 address show dev eth0 scope link, stdout: /^$/ }
  - run: { command: ip route, stdout: "/^default via 10.0.0.2 dev eth0 *\\n10.0.0.0.24 .*\\n10.2.0.0.16 via 10.0.0.2 dev eth0/" }
  - run: { command: ip -6 route, stdout: "fd01::/64 via fd00::2 dev eth0 metric 1024" }
  - run: { command: ip neighbour show, stdout: "10.0.0.2 dev eth0 lladdr 02:70:6c:00:01:00 PERMANENT" }
  - run: { command: ip neighbour show, stdout: "fd00::2 dev eth0 lladdr 02:70:6c:00:01:00 PERMANENT" }
  - { host: router, run: { command: ip address show dev eth1, stdout: "/mtu 1500 .*\\n.*link.ether 02:70:6c:00:01:01 /" } }
  - run: busybox ping -c 1 -W 60 10.0.1.2
  - run: busybox ping -c 1 -W 60 fd01::2
`;

Deno.test("a scenario's hosts have what it says, also for ip, and pass on what is for others", async () => {
  const scenario = await Scenario.parse(SCENARIO);
  const { outcome, error, step, undone } = await scenario.run();
  assertEquals([step, error, outcome, undone], [undefined, undefined, "done", true]);
});

/** What the kernel refuses of a host, by its file, and how that is told. */
const REFUSED = [
  [
    'a: { devices: { eth0: { to: b, address: "ff02::1/64" } } }',
    "plugctl: step setup.hosts: Cannot configure host a: give eth0 ff02::1/64: ",
  ],
  [
    "a: { devices: { eth0: { to: b, address: 10.0.0.1/24 } }, routes: { default: 10.9.0.1 } }",
    "plugctl: step setup.hosts: Cannot configure host a: add the route to default: Nexthop has invalid gateway",
  ],
  [
    'a: { devices: { eth0: { to: b, address: 10.0.0.1/24 } }, routes: { "10.1.0.0/16": "fd00::2" } }',
    "plugctl: Cannot make host a: its route to 10.1.0.0/16 leads via fd00::2, which is of the other IP version",
  ],
];

/** Runs a scenario with host `a`, from the command line on a host, with a way of starting programs before it. */
async function runHosts(host: Host, a: string, start: readonly string[] = []) {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  const b = "b: { devices: { eth0: { to: a, address: 10.0.0.2/24 } } }";
  await Deno.writeTextFile(file, `name: x\nhosts:\n  ${a}\n  ${b}\nsteps:\n  - { host: here, run: touch /run/ran }\n`);
  const words = [...start, ...PLUGCTL, "run", file];
  const { code, stdout, stderr } = await host.spawn(words, { stdout: "piped", stderr: "piped" }).output();
  await Deno.remove(file);
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("run says what the kernel refuses of a host, and leaves none of it behind", async () => {
  using here = new Host();
  const before = here.run("ip", "netns", "list");
  for (const [a, message] of REFUSED) {
    const { status, stderr } = await runHosts(here, a);
    assertEquals([status, stderr.slice(0, message.length)], [1, message], stderr);
    assertEquals(here.run("ip", "netns", "list"), before);
  }
});

Deno.test("run says what hosts take, without CAP_SYS_ADMIN, before anything is made", async () => {
  using here = new Host();
  const before = here.run("ip", "netns", "list");
  const drop = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"];
  const { status, stdout, stderr } = await runHosts(here, REFUSED[1][0], drop);
  assertEquals(
    [status, stderr],
    [
      4,
      "plugctl: cannot make hosts a, b: it takes root, or CAP_SYS_ADMIN (EPERM); plugctl doctor says how\n",
    ],
    stdout,
  );
  assertMatch(stdout, /^(?!.*setup)/s);
  assertEquals(here.run("ip", "netns", "list"), before);
});

/** As many hosts in a row as take a while to make. */
function manyHosts(count: number): string {
  const hosts = Array.from({ length: count }, (_, index) => {
    const back = index > 0 ? `back: { to: h${index - 1}.on }, ` : "";
    return `  h${index}: { devices: { ${back}on: { to: h${index + 1}.back } } }\n`;
  });
  return `name: x\nhosts:\n${hosts.join("")}  h${count}: { devices: { back: { to: h${count - 1}.on } } }\n`;
}

Deno.test("run that SIGKILL ends while it makes hosts leaves none of them, and no process", async () => {
  using here = new Host();
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(file, `${manyHosts(30)}steps:\n  - { host: here, run: sleep 600 }\n`);
  const made = () =>
    Array.from(Deno.readDirSync("/run/netns"), ({ name }) => name).filter((name) => name !== here.name);
  const before = processTable().join();
  for (const count of [1, 10, 31]) {
    const child = here.spawn([...PLUGCTL, "run", file, "--quiet"], { stdout: "null", stderr: "null" });
    await until(() => made().length >= count, { timeoutMs: 60_000, what: `${count} hosts` });
    child.kill("SIGKILL");
    await child.status;
    await until(() => made().length === 0 && processTable().join() === before, {
      timeoutMs: 30_000,
      what: "namespaces and processes as before",
    });
  }
  await Deno.remove(file);
});

/** More than the runtime has threads for what waits. */
const MANY = 40;

Deno.test("run holds on more hosts at once than a process has threads, and their guardian has charge of all", async () => {
  using here = new Host();
  const names = Array.from({ length: MANY }, (_, index) => `h${index}`);
  const cables = names.map((name, index) => `      ${name}: { to: ${name}.eth0, address: 10.0.${index}.1/24 }\n`);
  const hosts = names.map((name, index) =>
    `  ${name}: { devices: { eth0: { to: hub.${name}, address: 10.0.${index}.2/24 } } }\n`
  );
  const gates = names.map((name) =>
    `  gate_${name}: { host: ${name}, dev: eth0, direction: out, match: udp dst port 9 }\n`
  );
  const all = `[${names.map((name) => `gate_${name}`).join(", ")}]`;
  const sends = [0, MANY - 1].map((index) => `
  - { host: h${index}, run: "bash -c 'echo x > /dev/udp/10.0.${index}.1/9'" }
  - wait: { gate: gate_h${index}, backlog: 1 }`);
  const text = `name: x\nhosts:\n  hub:\n    devices:\n${cables.join("")}${hosts.join("")}gates:\n${gates.join("")}` +
    `steps:\n  - buffer: ${all}${sends.join("")}\n  - release: ${all}\n`;
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(file, text);
  const child = here.spawn([...PLUGCTL, "run", file, "--max-hold", "120s"], { stdout: "piped", stderr: "piped" });
  const { code, stdout, stderr } = await child.output();
  const told = new TextDecoder().decode(stdout);
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""], told);
  for (const index of [0, MANY - 1]) assertMatch(told, new RegExp(`gate_h${index}: 1 packet, 0 dropped, held 1 time`));

  await Deno.writeTextFile(
    file,
    text.replace(/ {2}- release: .*\n/, "  - { host: here, run: echo all hold }\n  - { host: here, run: sleep 600 }\n"),
  );
  const before = processTable().join();
  const killed = here.spawn([...PLUGCTL, "run", file, "--max-hold", "120s"], { stdout: "piped", stderr: "null" });
  for await (const line of readLines(killed.stdout)) if (/all hold/.test(line)) break;
  killed.kill("SIGKILL");
  await killed.status;
  const made = () =>
    Array.from(Deno.readDirSync("/run/netns"), ({ name }) => name).filter((name) => name !== here.name);
  await until(() => made().length === 0 && processTable().join() === before, {
    timeoutMs: 60_000,
    what: "namespaces and processes as before",
  });
  await Deno.remove(file);
});

Deno.test("the API says what it takes to enter a namespace, without CAP_SYS_ADMIN", async () => {
  using here = new Host();
  using there = new Host();
  const script = `import { Connection, Plug } from ${JSON.stringify(import.meta.resolve("../../mod.ts"))};
    for (const work of [() => Connection.open({ netns: "${there.name}" }), () => Plug.attach({ dev: "lo", netns: "${there.name}" })]) {
      try { work(); } catch (error) { console.log(error.message); }
    }`;
  const drop = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"];
  const child = here.spawn([...drop, Deno.execPath(), "eval", "--no-check", script], { stdout: "piped" });
  const message = `Cannot enter network namespace ${there.name}: it takes root, or CAP_SYS_ADMIN (EPERM)\n`;
  assertEquals(new TextDecoder().decode((await child.output()).stdout), message + message);
});
