/**
 * A process that works on plugs and gates again and again has no more open than at first, and no more processes. What takes
 * a process each, and what grows in memory, `deno task bench:memory` measures.
 */

import { assert, assertEquals } from "@std/assert";
import { Gate, type GateOptions, Guardian, Plug } from "../../mod.ts";
import { Connection } from "../../netlink/connection.ts";
import { Desk } from "../../control/desk.ts";
import { Session } from "../../control/session.ts";
import { descriptors } from "./descriptors.ts";
import { Host } from "./host.ts";
import { PLUGCTL } from "./plugctl.ts";
import { children } from "./process_table.ts";
import { until } from "./until.ts";

/** How often each is done that leaves no process behind, where `PLUGCTL_CYCLES` says it, as `deno task test:cycles` does. */
const ASKED = Number(Deno.env.get("PLUGCTL_CYCLES") ?? NaN) || undefined;
/** How often a plug comes and goes: in User-Mode Linux 13 ms each. */
const CYCLES = ASKED ?? 5000;
/** What takes longer each, */
const HOLDS_OF_ONE_GUARDIAN = ASKED ?? 1000;
const REQUESTS = ASKED ?? 2000;
/** what makes a gate's device each time, which takes the kernel a while, */
const GATES = ASKED ?? 300;
/** what opens a connection each time, */
const CONNECTIONS = 200;
/** and what starts a guardian each time, and lets the event loop not turn. */
const HOLDS = 10;
/** How many cycles there are before it is counted. */
const FIRST_CYCLES = 3;
/** What a batch does takes three guardians each time. */
const ROUNDS = 4;

const GATE: GateOptions = { name: "web", dev: "lo", direction: "egress", match: "tcp" };

/** How much this process and its guardian have open, and how many processes it has started. */
function opened(guardian?: Guardian): number[] {
  return [descriptors(), guardian ? descriptors(guardian.pid) : [], children(Deno.pid)].map(({ length }) => length);
}

/** Waits until no more is open than before: a listener is closed a moment later, when the thread that waits there has woken. */
async function isAsBefore(before: readonly number[], guardian?: Guardian): Promise<void> {
  const isSo = () => opened(guardian).every((count, index) => count <= before[index]);
  await until(isSo, { timeoutMs: 30_000, what: `no more open than before: ${before}; there are ${opened(guardian)}` });
}

/**
 * Asserts that a cycle leaves nothing open, the first of which may load what stays: a connection that has looked twice at
 * routes hears from then on whether they change.
 */
async function assertFlat(
  cycles: number,
  cycle: () => void | Promise<void>,
  { guardian }: { guardian?: Guardian } = {},
): Promise<void> {
  for (let first = 0; first < FIRST_CYCLES; first++) await cycle();
  const before = opened(guardian);
  for (let done = 0; done < cycles; done++) await cycle();
  await isAsBefore(before, guardian);
}

Deno.test("plugs over one connection leave nothing open", async () => {
  using host = new Host();
  using connection = Connection.open({ netns: host.name });
  await assertFlat(CYCLES, async () => {
    const plug = Plug.attach({ dev: "lo", connection });
    plug.buffer();
    plug.release();
    await plug.detach();
  });
});

Deno.test("gates over one connection leave nothing open", async () => {
  using host = new Host();
  using connection = Connection.open({ netns: host.name });
  await assertFlat(GATES, async () => {
    const gate = Gate.open({ ...GATE, connection });
    gate.buffer();
    gate.release();
    await gate.close();
  });
});

Deno.test("plugs and gates that open connections of their own leave nothing open", async () => {
  using host = new Host();
  await assertFlat(CONNECTIONS, async () => {
    const plug = Plug.attach({ dev: "lo", netns: host.name });
    plug.buffer();
    plug.release();
    await plug.detach();
  });
  await assertFlat(CONNECTIONS / 4, async () => {
    const gate = Gate.open({ ...GATE, netns: host.name });
    gate.buffer();
    gate.release();
    await gate.close();
  });
  // Nor do those that somebody has deleted meanwhile, with their device.
  await assertFlat(HOLDS, async () => {
    host.configure(["link add other type dummy", "link set other up"]);
    const plug = Plug.attach({ dev: "other", netns: host.name });
    const gate = Gate.open({ ...GATE, netns: host.name });
    host.configure(["link delete other", "link delete plug-web"]);
    assertEquals((await Promise.allSettled([plug.detach(), gate.close()])).map(({ status }) => status), [
      "rejected",
      "rejected",
    ]);
  });
});

Deno.test("holds with one guardian leave nothing open, neither here nor there", async () => {
  using host = new Host();
  using connection = Connection.open({ netns: host.name });
  using guardian = Guardian.start();
  await using plug = Plug.attach({ dev: "lo", connection });
  await using gate = Gate.open({ ...GATE, connection });
  const both = Plug.all([plug, gate]);
  const cycle = () => void both.hold({ guardian, maxMs: 5000 }).release();
  await assertFlat(HOLDS_OF_ONE_GUARDIAN, cycle, { guardian });
});

Deno.test("holds with a guardian each leave nothing open, and no process", async () => {
  using host = new Host();
  using connection = Connection.open({ netns: host.name });
  await using plug = Plug.attach({ dev: "lo", connection });
  await assertFlat(HOLDS, () => void plug.hold({ maxMs: 5000 }).release());
});

Deno.test("what a session is asked leaves nothing open, neither here nor with its guardian", async () => {
  using host = new Host();
  const desk = new Desk({ netns: host.name, maxHoldMs: 600_000, onCutShort: () => {} });
  const { guardian } = desk;
  const said: unknown[] = [];
  const session = new Session(desk, (line) => void said.push(line));
  /** Asks one after the other, each of which is answered by then. */
  const ask = async (...requests: Record<string, unknown>[]) => {
    for (const [id, request] of requests.entries()) await session.take(JSON.stringify({ id, ...request }));
    assertEquals(said.splice(0).filter((answer) => "error" in (answer as object)), []);
  };
  const on = "lo";
  const attach = () => ask({ op: "attach", dev: on }, { op: "counts", on }, { op: "detach", on });
  await assertFlat(GATES, attach, { guardian });
  await ask({ op: "attach", dev: on });
  const cycle = () => ask({ op: "buffer", on }, { op: "release", on, count: false });
  await assertFlat(REQUESTS, cycle, { guardian });
  await session.close();
  assertEquals(await desk.close(), []);
});

Deno.test("a guardian keeps nothing of the namespaces that it has nothing to do with any more", async () => {
  using guardian = Guardian.start();
  /** Has a plug and a gate on a host of their own in its charge, and takes them away again. */
  const serve = async () => {
    using host = new Host();
    await using plug = Plug.attach({ dev: "lo", netns: host.name, guardian });
    await using gate = Gate.open({ ...GATE, netns: host.name, guardian });
    Plug.all([plug, gate]).hold({ guardian }).release();
  };
  await serve();
  const before = opened(guardian);
  for (let times = 0; times < HOLDS; times++) await serve();
  await isAsBefore(before, guardian);
});

Deno.test("what a batch does again and again leaves nothing open, and no process", async () => {
  using host = new Host();
  const counts = await Deno.makeTempFile();
  // What its parent, plugctl, has open, and the processes that this has started.
  const script = await Deno.makeTempFile();
  await Deno.writeTextFile(
    script,
    `open=$(ls /proc/$PPID/fd | wc -l)\nstarted=$(grep -l "^[0-9]* (.*) . $PPID " /proc/[0-9]*/stat | wc -l)\n` +
      `echo $open $started >> ${counts}\n`,
  );
  const round = [
    "attach lo",
    "buffer lo --max-hold 1h",
    "release lo",
    "detach lo",
    "gate add web lo --direction out --match udp",
    "hold web --for 1ms",
    "gate delete web",
    `hold lo -- sh ${script}`,
  ];
  const batch = await Deno.makeTempFile();
  await Deno.writeTextFile(batch, Array(ROUNDS).fill(round).flat().join("\n"));
  host.run(...PLUGCTL, "batch", batch);
  const rows = (await Deno.readTextFile(counts)).trim().split("\n").map((row) => row.split(" ").map(Number));
  assertEquals(rows.length, ROUNDS);
  const [[descriptors, processes], ...more] = rows;
  for (const [open, started] of more) assert(open <= descriptors && started <= processes, JSON.stringify(rows));
  for (const file of [counts, script, batch]) await Deno.remove(file);
});
