/** Bad input gets a message that says what to do, its exit status, and leaves the queue as it was. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Plug, QueueError } from "../../mod.ts";
import { witness } from "./gate_pair.ts";
import { connect, Host } from "./host.ts";
import { sendNumbered } from "./numbered.ts";
import { type Outcome, PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { plugOf, qdiscs } from "./queue.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const WAIT = { timeoutMs: 20_000 };
const DEV = ["--dev", "eth0"];

/** A command line, what there is before, and how it must end. */
interface Row {
  name: string;
  /** `tc qdisc` commands that are run on `eth0` before. */
  tc?: string[];
  words: string[];
  status: number;
  message: string;
}

const HOLDING = ["add dev eth0 root handle 504c: plug limit 1000000"];
const PRIO = ["add dev eth0 root handle 1: prio"];

const KEEP = "keep it, and hold packets with a gate: plugctl gate add NAME --dev eth0 --direction egress";

const ROWS: Row[] = [{
  name: "buffer where no plug is",
  words: ["buffer", ...DEV],
  status: 1,
  message: "cannot buffer eth0 (root): no plug is attached; attach one with: plugctl attach --dev eth0",
}, {
  name: "detach where no plug is",
  words: ["detach", ...DEV],
  status: 1,
  message: "cannot detach eth0 (root): no plug is attached; list the plugs with: plugctl show",
}, {
  name: "buffer where a qdisc of another kind is",
  tc: PRIO,
  words: ["buffer", ...DEV],
  status: 1,
  message: "cannot buffer eth0 (root): the qdisc there is prio, not a plug; " + KEEP,
}, {
  name: "release-indefinite at a class that has no qdisc",
  tc: PRIO,
  words: ["release-indefinite", ...DEV, "--parent", "1:1"],
  status: 1,
  message: "cannot release eth0 (parent 1:1): no plug is attached; list the plugs with: plugctl show",
}, {
  name: "limit of a plug whose handle belongs to another kind",
  tc: PRIO,
  words: ["limit", "1m", ...DEV, "--handle", "1:"],
  status: 1,
  message: "cannot set the limit of eth0 (handle 1:): the qdisc there is prio, not a plug; " + KEEP,
}, {
  name: "an unknown device",
  tc: HOLDING,
  words: ["buffer", "--dev", "nosuch0"],
  status: 1,
  message: "cannot find nosuch0: there is no such device; the devices are: lo, eth0",
}, {
  name: "an unknown device beside one that is there",
  tc: HOLDING,
  words: ["release-indefinite", ...DEV, "--dev", "nosuch0"],
  status: 1,
  message: "cannot find nosuch0: there is no such device; the devices are: lo, eth0",
}, {
  name: "one device with a plug and one without",
  tc: HOLDING,
  words: ["release-indefinite", ...DEV, "--dev", "lo"],
  status: 1,
  message: "cannot release lo (root): no plug is attached; list the plugs with: plugctl show",
}, {
  name: "a handle that no qdisc has",
  tc: HOLDING,
  words: ["release-indefinite", ...DEV, "--handle", "77:"],
  status: 1,
  message: "cannot release eth0 (handle 77:): no plug is attached; list the plugs with: plugctl show",
}, {
  name: "a parent that is not there",
  tc: HOLDING,
  words: ["attach", ...DEV, "--parent", "9:1"],
  status: 1,
  message: "cannot attach to eth0 (parent 9:1): no such parent (the kernel says: Failed to find specified qdisc); " +
    "list the classes with: tc class show dev eth0",
}, {
  name: "a class that its qdisc does not have",
  tc: PRIO,
  words: ["attach", ...DEV, "--parent", "1:9"],
  status: 1,
  message: "cannot attach to eth0 (parent 1:9): no such parent (the kernel says: Specified class not found); " +
    "list the classes with: tc class show dev eth0",
}, {
  name: "a word that is no handle",
  words: ["buffer", ...DEV, "--handle", "one"],
  status: 2,
  message: `invalid handle "one": use MAJOR:, in hexadecimal, from 1: to fffe:`,
}, {
  name: "a word that is no parent",
  words: ["buffer", ...DEV, "--parent", "top"],
  status: 2,
  message: `invalid parent "top": use root, ingress, clsact, or MAJOR:MINOR in hexadecimal`,
}, {
  name: "a word that is no size",
  tc: HOLDING,
  words: ["limit", "many", ...DEV],
  status: 2,
  message: "limit needs a size, such as 64k or 1m, but is given: many",
}, {
  name: "an unknown command",
  words: ["hodl", ...DEV],
  status: 2,
  message: `unknown command "hodl"; did you mean: plugctl hold --dev eth0`,
}, {
  name: "a trailing word that names no gate",
  tc: HOLDING,
  words: ["release-indefinite", ...DEV, "now"],
  status: 1,
  message: "cannot find now: there is no gate or device of this name; the devices are: lo, eth0",
}, {
  name: "a trailing word",
  tc: HOLDING,
  words: ["detach", ...DEV, "now"],
  status: 1,
  message: "cannot find now: there is no such device; the devices are: lo, eth0",
}, {
  name: "limit 0 for a new plug",
  words: ["attach", ...DEV, "--limit", "0"],
  status: 2,
  message: "the limit is 0: with 0 every packet is dropped; the least is 1",
}, {
  name: "limit 0 for a plug that is there",
  tc: HOLDING,
  words: ["limit", "0", ...DEV],
  status: 2,
  message: "the limit is 0: with 0 every packet is dropped; the least is 1",
}, {
  name: "a class of a qdisc that drops everything once the plug below it is deleted",
  tc: ["add dev eth0 root handle 1: tbf rate 8mbit burst 16000 limit 100000"],
  words: ["attach", ...DEV, "--parent", "1:1"],
  status: 1,
  message: "cannot attach to eth0 (parent 1:1): below tbf the kernel leaves nothing in a deleted plug's place, and " +
    "drops every packet after it",
}, {
  name: "a root qdisc that somebody else made",
  tc: PRIO,
  words: ["attach", ...DEV],
  status: 1,
  message: "cannot attach to eth0 (root): prio 1: is there, which plugctl did not make; " + KEEP +
    "; plugctl attach --dev eth0 --replace would delete it, with its settings, for good",
}, {
  name: "a namespace that is not there",
  words: ["show", "--netns", "nosuch"],
  status: 1,
  message:
    "cannot enter network namespace nosuch: cannot open /run/netns/nosuch (ENOENT); list the namespaces with: ls /run/netns",
}, {
  name: "a second attach while the first holds",
  tc: HOLDING,
  words: ["attach", ...DEV],
  status: 1,
  message:
    "cannot attach to eth0 (root): a plug is there already, plug 504c:; detach it first with: plugctl detach --dev eth0",
}];

for (const { name, tc = [], words, status, message } of ROWS) {
  Deno.test(`plugctl refuses ${name}, and leaves the queue as it was`, async () => {
    using left = new Host();
    using right = new Host();
    const [client, server] = connect([left, right]);
    for (const line of tc) left.run("tc", "qdisc", ...line.split(" "));
    using sender = new UdpSocket(left, { address: client.ipv4, port: 0 });
    sendNumbered(sender, { address: server.ipv4, port: 5000 }, { count: 3 });
    const before = qdiscs(left);
    assertEquals(await plugctl(left, ...words), { status, stdout: "", stderr: `plugctl: ${message}\n` });
    assertEquals(qdiscs(left), before);
  });
}

/** What changes something, where eth0 has a plug and lo the gate web. */
const NEED_PRIVILEGES = [
  "attach lo",
  "buffer eth0",
  "buffer eth0 --max-hold 5s",
  "buffer web",
  "hold eth0 --for 1s",
  "hold lo --for 1s",
  "hold web --for 1s",
  "release eth0",
  "release-one eth0",
  "release web",
  "limit 1m eth0",
  "limit 1m web",
  "detach eth0",
  "gate add other lo --direction out",
  "gate delete web",
];

Deno.test("plugctl says that it takes CAP_NET_ADMIN where it has it not, and leaves the queue as it was", async () => {
  using left = new Host();
  using right = new Host();
  connect([left, right]);
  left.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "504c:", "plug", "limit", "1000000");
  const before = qdiscs(left);
  await plugctlDone(left, "gate", "add", "web", "lo", "--direction", "out", "--match", "udp dst port 9");
  const there = witness(left);
  for (const line of NEED_PRIVILEGES) {
    const { status, stderr } = await runWithout("net_admin", left, line.split(" "));
    assertEquals(status, 4, `${line}: ${stderr}`);
    assertMatch(
      stderr,
      /^plugctl: cannot [^;\n]*: it takes root, or CAP_NET_ADMIN[^;\n]*; plugctl doctor says how\n$/,
      line,
    );
  }
  for (const line of ["show", "show eth0", "gate list"]) {
    const { status, stderr } = await runWithout("net_admin", left, line.split(" "));
    assertEquals([status, stderr], [0, ""], line);
  }
  assertEquals(witness(left), there);
  assertEquals(qdiscs(left), before);
});

async function runWithout(capability: string, host: Host, words: string[]): Promise<Outcome> {
  const drop = ["setpriv", "--bounding-set", `-${capability}`, "--inh-caps", `-${capability}`];
  const child = host.spawn([...drop, ...PLUGCTL, ...words], { stdout: "piped", stderr: "piped" });
  const { code, stdout, stderr } = await child.output();
  return { status: code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("attach, limit and gate add warn of a limit that one packet of bulk TCP passes", async () => {
  using left = new Host();
  using right = new Host();
  connect([left, right]);
  assertEquals(await plugctl(left, "attach", ...DEV, "--limit", "32k"), {
    status: 0,
    stdout: "",
    stderr: "plugctl: the limit of 32768 bytes is less than one packet may measure on eth0 (65536 bytes, " +
      "segmentation offload): bulk TCP would be dropped\n",
  });
  assertEquals(plugOf(left).handle, "504c:");
  assertMatch(
    (await plugctl(left, "limit", "1k", ...DEV)).stderr,
    /^plugctl: the limit of 1024 bytes is less than one/,
  );
  const gate = ["gate", "add", "web", ...DEV, "--direction", "egress"];
  assertMatch(
    (await plugctl(left, ...gate, "--limit", "1k")).stderr,
    /^plugctl: the limit of 1024 bytes is less than one packet may measure on plug-web \(65536 bytes/,
  );
});

Deno.test("attach --hold refuses a device that carries the default route, unless forced", async () => {
  using left = new Host();
  using right = new Host();
  connect([left, right]);
  left.run("ip", "route", "add", "default", "via", "10.0.0.2");
  const { status, stderr } = await plugctl(left, "attach", "--hold", ...DEV);
  assertEquals(status, 1);
  assertStringIncludes(
    stderr,
    "the device carries the default route, which it would hold too; if that is what you want",
  );
  assertEquals(qdiscs(left).map(({ kind }) => kind), ["noqueue"]);
  await plugctlDone(left, "attach", "--hold", "--force", ...DEV);
  await plugctlDone(left, "release-indefinite", ...DEV);
  assertEquals((await plugctl(left, "buffer", ...DEV)).status, 1);
  await plugctlDone(left, "buffer", "--force", ...DEV);
});

Deno.test("detach says that the device is gone where it vanishes while packets leave", async () => {
  using left = new Host();
  using right = new Host();
  const [client, server] = connect([left, right]);
  left.run("tc", "qdisc", "add", ..."dev eth0 root handle 1: htb default 1".split(" "));
  left.run("tc", "class", "add", ..."dev eth0 parent 1: classid 1:1 htb rate 8kbit burst 1600".split(" "));
  await plugctlDone(left, "attach", ...DEV, "--parent", "1:1", "--hold", "--limit", "1m");
  using sender = new UdpSocket(left, { address: client.ipv4, port: 0 });
  sendNumbered(sender, { address: server.ipv4, port: 5000 }, { count: 100, payloadBytes: 1000 });
  const detach = plugctl(left, "detach", ...DEV, "--parent", "1:1", "--timeout", "1m");
  await until(() => plugOf(left).qlen < 100, { ...WAIT, what: "the first packet gone" });
  left.run("ip", "link", "delete", "eth0");
  const { status, stderr } = await detach;
  assertEquals(status, 1);
  assertMatch(stderr, /^plugctl: cannot detach eth0 \(parent 1:1\): the plug vanished, with what it still held/);
});

Deno.test("Plug says that the device is gone where it vanished, and is disposed of all the same", () => {
  using host = new Host();
  host.run("ip", "link", "add", "eth0", "type", "dummy");
  using plug = host.enter(() => Plug.attach({ dev: "eth0" }));
  host.run("ip", "link", "delete", "eth0");
  try {
    plug.buffer();
    throw new Error("buffer() did not fail");
  } catch (error) {
    assertEquals(error instanceof QueueError && error.code, "no-device");
  }
});

Deno.test("one process detaches the plug of another, which is told that there is none", async () => {
  using left = new Host();
  using right = new Host();
  connect([left, right]);
  using plug = left.enter(() => Plug.attach({ dev: "eth0" }));
  plug.buffer();
  await plugctlDone(left, "detach", ...DEV);
  try {
    plug.releaseIndefinite();
    throw new Error("releaseIndefinite() did not fail");
  } catch (error) {
    assertEquals(error instanceof QueueError && error.code, "not-attached");
  }
  assertEquals(qdiscs(left).map(({ kind }) => kind), ["noqueue"]);
});
