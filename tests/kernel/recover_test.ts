/** `recover` makes a machine as it was, from what the kernel has, and leaves alone what others made. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openTap } from "../../gate/tap.ts";
import { Connection, Gate, Guardian } from "../../mod.ts";
import { GatePair, WAIT, witness } from "./gate_pair.ts";
import { Host } from "./host.ts";
import { receiveNumbers, sendNumbered } from "./numbered.ts";
import { PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { plugOf } from "./queue.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const PROGRAM = `${import.meta.dirname}/killed_gate.ts`;

Deno.test("recover takes down gates, what is left of one, and plugs, and lets go what they hold", async () => {
  using pair = new GatePair();
  const [near, far] = pair.ends;
  pair.left.configure(["link add eth1 type dummy", "link set eth1 up"]);
  pair.left.run("tc", "qdisc", "add", "dev", "eth1", "root", "handle", "7:", "plug", "limit", "100000");
  const before = witness(pair.left, ["lo", "eth0", "eth1"]);

  // The kernel has the first five messages of it: no clsact, no filter.
  await pair.left.spawn([Deno.execPath(), "run", "-A", "--no-check", PROGRAM, "add", "5"]).status;
  await plugctlDone(pair.left, "gate", "add", "dns", "--dev", "lo", "--direction", "egress", "--match", "udp");
  await plugctlDone(pair.left, "attach", "--hold", "--dev", "eth0");
  using sender = new UdpSocket(pair.left, { address: near.ipv4, port: 0 });
  using receiver = new UdpSocket(pair.right, { address: far.ipv4, port: 5000 });
  sendNumbered(sender, { address: far.ipv4, port: 5000 }, { count: 100 });

  const holding = witness(pair.left, ["lo", "eth0", "eth1"]);
  assertEquals(
    await plugctlDone(pair.left, "recover", "--dry-run"),
    "would take down gate web\nwould take down gate dns\n" +
      "would detach plug 504c: on eth0 (root), which holds 100 packets\n",
  );
  const found = JSON.parse(await plugctlDone(pair.left, "recover", "--dry-run", "--json"));
  assertEquals(found.plugs, [{ dev: "eth0", parent: "root", handle: "504c:", packets: 100 }]);
  assertEquals(found.foreign, [{ dev: "eth1", parent: "root", handle: "7:" }]);
  assertEquals(witness(pair.left, ["lo", "eth0", "eth1"]), holding);

  assertEquals(await plugctl(pair.left, "recover"), {
    status: 0,
    stdout: "took down gate web\ntook down gate dns\ndetached plug 504c: on eth0 (root)\n",
    stderr: "plugctl: left alone: plug 7: on eth1 (root), which plugctl did not make\n",
  });
  const numbers = Array.from({ length: 100 }, (_, index) => index);
  assertEquals(await receiveNumbers(receiver, { count: 100, ...WAIT }), numbers);
  assertEquals(witness(pair.left, ["lo", "eth0", "eth1"]), before);
  assertEquals(await plugctlDone(pair.left, "recover", "--quiet"), "there is nothing to recover\n");
});

Deno.test("recover deletes the filters of a gate whose device somebody has deleted, which lose packets", async () => {
  using pair = new GatePair();
  pair.left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
  const before = witness(pair.left);
  await plugctlDone(pair.left, "gate", "add", "web", "--dev", "eth0", "--direction", "egress", "--match", "tcp");
  pair.left.run("ip", "link", "delete", "plug-web");
  // A gate behind them would not see what they lose.
  const refused = await plugctl(pair.left, "gate", "add", "other", "--dev", "eth0", "--direction", "egress");
  assertEquals(refused, {
    status: 1,
    stdout: "",
    stderr:
      "plugctl: cannot add gate other: filters of a gate whose device is gone are on eth0, and lose the packets " +
      "that they match; delete them with: plugctl recover\n",
  });
  const would = "would delete 2 filters whose gate is gone\n";
  assertEquals(await plugctlDone(pair.left, "recover", "--dry-run"), would);
  assertEquals(await plugctlDone(pair.left, "recover"), "deleted 2 filters whose gate was gone\n");
  assertEquals(witness(pair.left), before);
});

Deno.test("recover --all says what is hidden from it, as text and as JSON, and exits with 4", async () => {
  using host = new Host();
  await plugctlDone(host, "attach", "lo", "--netns", host.name);
  const withoutRight = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", ...PLUGCTL, "recover"];
  for (const more of [[], ["--dry-run"]]) {
    const run = async (...words: string[]) => {
      const child = host.spawn([...withoutRight, "--all", ...more, ...words], { stdout: "piped", stderr: "piped" });
      const { code, stdout, stderr } = await child.output();
      return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
    };
    const text = await run();
    assertMatch(text.stderr, /not looked at: \d+ names? (and|or) process/);
    assertEquals([text.code, text.stdout.includes("nothing to recover")], [4, false]);
    const { code, stdout } = await run("--json");
    const { namespaces, hidden, strays } = JSON.parse(stdout);
    assertEquals([code, hidden > 0, strays, Array.isArray(namespaces)], [4, true, [], true]);
  }
  assertEquals(JSON.parse(await plugctlDone(host, "recover", "--all", "--json")).hidden, 0);
});

Deno.test("recover leaves alone an empty clsact, of which nothing tells who made it, and says so", async () => {
  using pair = new GatePair();
  const { left } = pair;
  left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
  const before = witness(left);
  const note =
    "plugctl: left alone: clsact on eth0, empty: nothing tells whether plugctl has made it; if nobody needs it, " +
    "delete it when eth0 is idle: tc qdisc del dev eth0 clsact\n";
  for (const words of [["recover"], ["recover", "--dry-run"]]) {
    assertEquals(await plugctl(left, ...words), { status: 0, stdout: "there is nothing to recover\n", stderr: note });
    assertEquals(JSON.parse(await plugctlDone(left, ...words, "--json")).bareClsacts, ["eth0"]);
  }
  assertEquals(witness(left), before);
  left.run("tc", "filter", "add", "dev", "eth0", "ingress", "protocol", "ip", "pref", "9", "matchall", "action", "ok");
  assertEquals((await plugctl(left, "recover")).stderr, "");
});

Deno.test("recover takes taps out for which no guardian stands, of gates that others have in hand", async () => {
  using pair = new GatePair();
  const { left } = pair;
  using connection = Connection.open({ netns: left.name });
  using guardian = Guardian.start();
  const match = { direction: "egress", match: "udp dst port 9000", connection, guardian } as const;
  await using gate = Gate.open({ name: "web", dev: "eth0", ...match });
  const filters = () => left.run("tc", "filter", "show", "dev", "eth0", "egress");
  // Whoever puts in the first is killed together with its guardian.
  using _stray = openTap(connection, { name: "web", groups: [7], truncBytes: 96 });
  using _living = openTap(connection, { name: "web", groups: [8], truncBytes: 96, guardian });
  assertEquals([filters().includes("group 7 "), filters().includes("group 8 ")], [true, true], filters());
  const would = await plugctl(left, "recover", "--dry-run");
  assertStringIncludes(would.stdout, "would take a tap out of gate web, whose copies nobody reads\n");
  const { status, stdout, stderr } = await plugctl(left, "recover");
  assertEquals([status, stdout], [0, "took a tap out of gate web, whose copies nobody read\n"]);
  assertMatch(
    stderr,
    /^plugctl: left alone: gate web, for which process \d+ stands guard; --force releases it first\n$/,
  );
  assertEquals([filters().includes("group 7 "), filters().includes("group 8 ")], [false, true], filters());
  assertEquals(gate.read().faults, []);
  assertEquals((await plugctl(left, "recover")).stdout, "");
});

/** A host on which a gate and a plug hold what it says to itself. */
class HoldingHost extends Host {
  readonly #to = [5000, 5001].map((port) => ({ address: "127.0.0.1", port }));
  readonly #sender = new UdpSocket(this, { address: "127.0.0.1", port: 0 });
  readonly #receivers = this.#to.map((to) => new UdpSocket(this, to));
  #keeper?: Deno.ChildProcess;

  /** Has the gate hold what goes to one port, and the plug what goes to the other. */
  async hold(): Promise<void> {
    const match = ["--direction", "egress", "--match", "udp dst port 5000"];
    await plugctlDone(this, "gate", "add", "web", "--dev", "lo", ...match);
    await plugctlDone(this, "buffer", "web");
    await plugctlDone(this, "attach", "--hold", "--dev", "lo");
    for (const to of this.#to) sendNumbered(this.#sender, to, { count: 100 });
    for (const dev of ["plug-web", "lo"]) {
      await until(() => plugOf(this, dev).qlen === 100, { ...WAIT, what: `100 packets held at ${dev}` });
    }
  }

  /** Takes its name away, of which a file is left that is no namespace, and returns the number of the one process in it. */
  async loseName(): Promise<number> {
    const { pid } = this.#keeper = this.spawn(["sleep", "infinity"]);
    await until(() => this.run("ip", "netns", "pids", this.name).split("\n").includes(`${pid}`), WAIT);
    assert(new Deno.Command("umount", { args: ["-l", `/run/netns/${this.name}`] }).outputSync().success);
    return pid;
  }

  /** Waits until everything has arrived, in order. */
  async allArrived(): Promise<void> {
    const numbers = Array.from({ length: 100 }, (_, index) => index);
    for (const receiver of this.#receivers) {
      assertEquals(await receiveNumbers(receiver, { count: 100, ...WAIT }), numbers);
    }
  }

  override [Symbol.dispose](): void {
    this.#keeper?.kill("SIGKILL");
    for (const socket of [this.#sender, ...this.#receivers]) socket[Symbol.dispose]();
    super[Symbol.dispose]();
  }
}

Deno.test("recover --all takes down what is in namespaces with a name and in those that a process alone keeps", async () => {
  using named = new HoldingHost();
  using nameless = new HoldingHost();
  named.configure(["link add eth1 type dummy", "link set eth1 up"]);
  named.run("tc", "qdisc", "add", "dev", "eth1", "root", "handle", "7:", "plug", "limit", "100000");
  const before = witness(named, ["lo", "eth1"]);
  await named.hold();
  await nameless.hold();
  const pid = await nameless.loseName();

  assertEquals(await plugctl(named, "recover", "--all"), {
    status: 0,
    stdout: [named.name, `pid:${pid}`]
      .map((place) => `took down gate web in ${place}\ndetached plug 504c: on lo (root) in ${place}\n`).join(""),
    stderr: `plugctl: left alone: ${nameless.name}, which is not a network namespace\n` +
      `plugctl: left alone: plug 7: on eth1 (root) in ${named.name}, which plugctl did not make\n`,
  });
  await named.allArrived();
  await nameless.allArrived();
  assertEquals(witness(named, ["lo", "eth1"]), before);
  assertEquals(await plugctlDone(named, "recover", "--all", "--quiet"), "there is nothing to recover\n");
});
