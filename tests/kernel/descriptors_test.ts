/** A process that works on plugs and gates again and again has no more open than at first. */

import { assertEquals } from "@std/assert";
import { Gate, Plug } from "../../mod.ts";
import { Connection } from "../../netlink/connection.ts";
import { Host } from "./host.ts";

const CYCLES = 200;
/** Each starts a guardian, and lets the event loop not turn. */
const HOLDS = 10;

/** What this process has open. */
function open(): string[] {
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`);
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
