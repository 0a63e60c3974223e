/** `plugctl fleet hold` and `release` as a person sees them, over a real broker; the hosts only pretend to hold. */

import { assertEquals, assertMatch } from "@std/assert";
import { FleetWatch } from "../../cli/fleet/watch.ts";
import { runCommandLine } from "../../cli/main.ts";
import { RequestError } from "../../control/problem.ts";
import type { ToldHold } from "../../control/leased_hold.ts";
import { Written } from "../cli/written.ts";
import { jetstreamManager } from "@nats-io/jetstream";
import { keepWhatIsTold } from "../../fleet/caller.ts";
import { STREAMS } from "../../fleet/subject.ts";
import { until } from "../kernel/until.ts";
import { FakeHost } from "./hosts.ts";
import { connectAs, TestBroker } from "./nats.ts";

/** A broker, and hosts of the group `db`, of which one may refuse, or end each hold after so many milliseconds. */
async function setUp(hosts: Record<string, { refuses?: string; maxMs?: number }>) {
  const stack = new AsyncDisposableStack();
  const broker = stack.use(await TestBroker.start());
  const made = new Map<string, FakeHost>();
  for (const [name, how] of Object.entries(hosts)) {
    const host = stack.use(await FakeHost.start(await connectAs(broker.url, { kind: "hosts", name }), { host: name }));
    host.worker.answer = pretended(how);
    made.set(name, host);
  }
  const run = async (command: string, ...words: string[]) => {
    const [stdout, stderr] = [new Written(), new Written()];
    const status = await runCommandLine(["fleet", command, "--nats", broker.url, "--group", "db", ...words], {
      stdout,
      stderr,
    });
    return { status, stdout: stdout.text, stderr: stderr.text };
  };
  return { made, run, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Holds of a host that keeps none: told as `LeasedHold` does. */
function pretended({ refuses, maxMs = Infinity }: { refuses?: string; maxMs?: number }) {
  const holds = new Map<string, ToldHold>();
  const end = (hold: ToldHold, ended: ToldHold["ended"]) => {
    if (hold.state === "ended") return;
    const queues = hold.names.map((name) => ({ name, packets: 0, drops: 0 }));
    Object.assign(hold, { state: "ended", heldMs: 1, queues, ended: hold.state === "armed" ? "called-off" : ended });
  };
  return (operation: string, input: Record<string, unknown>) => {
    if (operation === "holds") return [...holds.values()];
    if (operation === "release") return [{ name: String(input.on), releasedPackets: 3 }];
    const id = String(input.hold);
    if (operation === "arm") {
      if (refuses !== undefined) throw new RequestError("policy", refuses);
      holds.set(id, { id, names: [input.on].flat().map(String), state: "armed", until: "" });
    }
    const hold = holds.get(id);
    if (!hold) throw new RequestError("no-hold", `there is no hold ${id}`);
    if (operation === "begin" && hold.state === "armed") {
      Object.assign(hold, { state: "holding", from: new Date().toISOString() });
      const ms = Math.min(Number(input.forMs ?? Infinity), maxMs);
      if (ms < Infinity) setTimeout(() => end(hold, "for"), ms);
    }
    if (operation === "end") end(hold, "released");
    if (operation === "renew" && hold.state === "ended") throw new RequestError("ended", "it has ended");
    return { ...hold };
  };
}

const NOW = ["--broadcast", "--for", "100ms"];

Deno.test("fleet hold --require N is well where N took part to the end, and says who did not and why", async () => {
  await using fleet = await setUp({ db1: {}, db2: {}, db3: { refuses: "the policy forbids it" } });
  const two = await fleet.run("hold", "eth0", "--on", "*", "--require", "2", ...NOW);
  assertEquals(two.status, 0, two.stderr);
  assertMatch(two.stderr, /^plugctl: db3: does not take part: the policy forbids it$/m);
  for (const host of ["db1", "db2"]) {
    assertMatch(two.stderr, new RegExp(`^plugctl: ${host}: released: held 0 packets of eth0`, "m"));
  }
  const named = await fleet.run("hold", "eth0", "--on", "db1,db2", ...NOW);
  assertEquals([named.status, /db3/.test(named.stderr)], [0, false], named.stderr);
  const all = await fleet.run("hold", "eth0", "--on", "*", ...NOW);
  assertEquals(all.status, 1, all.stderr);
  assertMatch(all.stderr, /^plugctl: db1: called off, nothing was held$/m);
  assertMatch(all.stderr, /^plugctl: nothing was held: 2 of 3 hosts were ready, 3 must be$/m);
});

Deno.test("fleet hold fails where a host holds for less than the command takes, and waits for the command", async () => {
  await using fleet = await setUp({ db1: { maxMs: 100 }, db2: {} });
  const short = await fleet.run("hold", "eth0", "--on", "*", "--broadcast", "--", "sleep", "1");
  assertEquals(short.status, 1, short.stderr);
  assertMatch(short.stderr, /^plugctl: db1: released: held .*: nothing is held for longer there: --max-hold/m);
  assertMatch(short.stderr, /^plugctl: db2: released: held 0 packets of eth0 for \d+\.\d ms$/m);
  const from = performance.now();
  const own = await fleet.run("hold", "eth0", "--on", "db2", ...NOW, "--", "sh", "-c", "sleep 1; exit 7");
  assertEquals([own.status, performance.now() - from > 1000], [7, true], own.stderr);
});

Deno.test("fleet hold refuses a time that has passed before any host is asked", async () => {
  await using fleet = await setUp({ db1: {} });
  const past = await fleet.run("hold", "eth0", "--on", "*", "--at", "2020-01-01T00:00:00Z", "--for", "1s");
  assertEquals(past.status, 2);
  assertMatch(past.stderr, /^plugctl: --at 2020-01-01T00:00:00Z has passed\n$/);
  assertEquals(fleet.made.get("db1")?.worker.asked, []);
});

Deno.test("fleet hold and release take no host that stands for all", async () => {
  await using fleet = await setUp({ db1: {} });
  for (const [command, ...words] of [["hold", "eth0", ...NOW], ["release"], ["list"]]) {
    const { status, stderr } = await fleet.run(command, ...words, "--on", "@all");
    assertEquals([status, stderr], [
      2,
      'plugctl: invalid --on "@all": must not begin with @, nor have control characters\n',
    ]);
  }
});

Deno.test("fleet release NAME ends the holds of that device, and releases by name what no hold has", async () => {
  await using fleet = await setUp({ db1: {} });
  const worker = fleet.made.get("db1")!.worker;
  for (const [hold, on] of [["h1", "eth0"], ["h2", "eth1"]]) {
    await worker.perform("arm", { hold, on }, "root");
    await worker.perform("begin", { hold }, "root");
  }
  const states = async () => (await worker.perform("holds", {}, "root") as ToldHold[]).map(({ state }) => state);
  const one = await fleet.run("release", "eth0", "--on", "db1");
  assertEquals([one.status, one.stdout, await states()], [0, "db1: ended 1 hold\n", ["ended", "holding"]], one.stderr);
  const other = await fleet.run("release", "web", "--on", "db1");
  assertEquals([other.status, other.stdout], [0, "db1: released web: 3 packets\n"]);
  const rest = await fleet.run("release", "--on", "db1");
  assertEquals([rest.stdout, await states()], ["db1: ended 1 hold\n", ["ended", "ended"]]);
});

Deno.test("fleet hold fails where somebody else releases before its end, and says so", async () => {
  await using fleet = await setUp({ db1: {}, db2: {} });
  const held = fleet.run("hold", "eth0", "--on", "*", "--broadcast", "--", "sleep", "3");
  const worker = fleet.made.get("db1")!.worker;
  const isHolding = async () => (await worker.perform("holds", {}, "root") as ToldHold[])[0]?.state === "holding";
  await until(isHolding, { timeoutMs: 10_000 });
  assertEquals((await fleet.run("release", "--on", "db1")).stdout, "db1: ended 1 hold\n");
  const { status, stderr } = await held;
  assertEquals(status, 1, stderr);
  assertMatch(stderr, /^plugctl: db1: released: held .* ms: somebody else has released it$/m);
  assertMatch(stderr, /^plugctl: db2: released: held .* ms$/m);
});

Deno.test("agent says why it waits for a broker that lets it not in, and nothing of its password", async () => {
  await using broker = await TestBroker.start({ config: 'authorization { user: "a", password: "b" }' });
  const folder = await Deno.makeTempDir();
  const url = broker.url.replace("//", "//a:wrong@");
  const args = ["run", "-A", "--no-check", "cli/main.ts", "agent", "--nats", url, "--state", folder];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "piped" }).spawn();
  let text = "";
  for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (part.includes("waiting")) child.kill("SIGTERM");
  }
  await child.status;
  await Deno.remove(folder, { recursive: true });
  assertMatch(text, /^plugctl: waiting for the broker at 127\.0\.0\.1:\d+: '?Authorization Violation$/m);
  assertEquals(text.includes("wrong"), false);
});

Deno.test("fleet run names the scenario that is not there", async () => {
  await using fleet = await setUp({});
  const { status, stderr } = await fleet.run("run", "/nowhere/s.yaml", "--on", "*");
  assertEquals([status, stderr], [2, "plugctl: cannot read /nowhere/s.yaml: there is no such file\n"]);
});

Deno.test("fleet list forgets after a week a host that is gone for good", async () => {
  await using broker = await TestBroker.start();
  const user = await connectAs(broker.url);
  await keepWhatIsTold(user);
  const { config } = await (await jetstreamManager(user)).streams.info(STREAMS.here.name);
  assertEquals(config.max_age / 1e9, 7 * 24 * 3600);
  await user.close();
});

Deno.test("FleetWatch shows an entry once that is sent again after the broker was away", () => {
  const lines: string[] = [];
  using watch = new FleetWatch([], (line) => void lines.push(line));
  const entry = (log: string, seq: number) => ({ log, seq, time: "T", event: `e${log}${seq}` });
  const told = [["a", 1], ["a", 2], ["a", 1], ["a", 2], ["a", 3], ["b", 1]] as const;
  for (const [log, seq] of told) watch.take({ host: "db1", kind: "log", data: entry(log, seq) });
  watch.take({ host: "db2", kind: "log", data: entry("c", 1) });
  assertEquals(lines.filter((line) => line.startsWith("T")), [
    ...["ea1", "ea2", "ea3", "eb1"].map((event) => `T db1: ${event}`),
    "T db2: ec1",
  ]);
});

Deno.test("fleet list names the file of credentials that is not there", async () => {
  await using fleet = await setUp({});
  const { status, stderr } = await fleet.run("list", "--creds", "/nowhere/me.creds");
  assertEquals([status, stderr], [
    1,
    "plugctl: cannot read the credentials in /nowhere/me.creds: there is no such file\n",
  ]);
});
