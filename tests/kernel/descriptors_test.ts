/** A process that works on plugs and gates again and again has no more open than at first. */

import { assertEquals } from "@std/assert";
import { Gate, Guardian, Plug } from "../../mod.ts";
import { Connection } from "../../netlink/connection.ts";
import { Host } from "./host.ts";
import { until } from "./until.ts";

const CYCLES = 200;
/** Each starts a guardian, and lets the event loop not turn. */
const HOLDS = 10;

/** What a process has open, this one by default. */
function open(pid: number | "self" = "self"): string[] {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
    } catch (error) {
      // That of the folder itself.
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }).map((link) => link.replace(/\d+/g, "")).sort();
}

/** Asserts that a cycle leaves nothing open, the first of which may load what stays. */
async function assertFlat(cycles: number, cycle: () => void | Promise<void>): Promise<void> {
  await cycle();
  const before = open();
  for (let done = 0; done < cycles; done++) await cycle();
  assertEquals(open(), before);
}

Deno.test("nothing more is open behind many cycles of plugs, gates and holds", async () => {
  using host = new Host();
  // Each opens a connection of its own.
  await assertFlat(CYCLES, async () => {
    const plug = Plug.attach({ dev: "lo", netns: host.name });
    plug.buffer();
    plug.releaseIndefinite();
    await plug.detach();
  });
  await assertFlat(CYCLES / 4, async () => {
    const gate = Gate.open({ dev: "lo", netns: host.name, direction: "egress", match: "tcp" });
    gate.buffer();
    gate.releaseIndefinite();
    await gate.close();
  });
  using connection = host.enter(() => Connection.open());
  await using plug = Plug.attach({ dev: "lo", connection });
  await assertFlat(HOLDS, () => void plug.hold({ maxMs: 5000 }).release());
});

Deno.test("a guardian keeps nothing of the namespaces that it has nothing to do with any more", async () => {
  using guardian = Guardian.start();
  /** Has a plug and a gate on a host of their own in its charge, and takes them away again. */
  const serve = async () => {
    using host = new Host();
    await using plug = Plug.attach({ dev: "lo", netns: host.name, guardian });
    await using gate = Gate.open({ dev: "lo", netns: host.name, direction: "egress", match: "tcp", guardian });
    Plug.all([plug, gate]).hold({ guardian }).release();
  };
  await serve();
  const before = open(guardian.pid).length;
  for (let times = 0; times < HOLDS; times++) await serve();
  // A listener is closed a moment later, when the thread that waits there has woken.
  await until(() => open(guardian.pid).length <= before, { timeoutMs: 30_000, what: "no more than it had open" });
});
