import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { AttachOptions } from "../../plug/attach.ts";
import type { DetachReport } from "../../plug/detach_report.ts";
import { Plug } from "../../plug/plug.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { FakeKernel } from "./fake_kernel.ts";

/** What is counted: how long the device could not send differs from machine to machine. */
function counted({ discardedPackets, drops, lostPackets }: DetachReport): DetachReport {
  return { discardedPackets, drops, lostPackets };
}

function world(options: Partial<AttachOptions> = {}) {
  const kernel = new FakeKernel();
  const eth0 = kernel.addDevice("eth0");
  const plug = Plug.attach({ dev: "eth0", connection: kernel.connection, ...options });
  kernel.sends.length = 0;
  return { kernel, eth0, plug };
}

/** A world whose plug holds two packets. */
function holding() {
  const made = world({ hold: true });
  for (const packet of ["a", "b"]) made.kernel.transmit(packet, made.eth0);
  return made;
}

Deno.test("detach() releases, waits until nothing is held, and deletes by handle and parent", async () => {
  const { kernel, eth0, plug } = holding();
  eth0.stuck = 4;
  assertEquals(counted(await plug.detach()), { discardedPackets: 0, drops: 0, lostPackets: 0 });
  assertEquals([kernel.left, kernel.lost, kernel.qdiscs], [["a", "b"], [], []]);
  // Where it takes long others have their turn, and it is released again.
  assertEquals([...new Set(kernel.changes)], ["change 1 root 504c: release-indefinite", "delete 1 root 504c:"]);
  assertEquals(kernel.sends.filter(([text]) => text === "getqdisc all").length > 4, true);
});

Deno.test("detach() with drop deletes at once, and reports what it discarded", async () => {
  const { kernel, plug } = holding();
  assertEquals(counted(await plug.detach({ drop: true })), { discardedPackets: 2, drops: 0, lostPackets: 0 });
  assertEquals([kernel.left, kernel.lost], [[], ["a", "b"]]);
  assertEquals(kernel.changes, ["delete 1 root 504c:"]);
});

Deno.test("detach() reports what the limit made the plug drop", async () => {
  const { kernel, eth0, plug } = world({ hold: true, limitBytes: 250 });
  for (const packet of ["a", "b", "c", "d"]) kernel.transmit(packet, eth0);
  assertEquals(counted(await plug.detach()), { discardedPackets: 0, drops: 2, lostPackets: 0 });
});

Deno.test("detach() deletes the plug that was found, when it is one with another handle", async () => {
  const kernel = new FakeKernel();
  kernel.addQdisc(kernel.addDevice("eth0"), { kind: "plug", handle: 0x80010000 });
  await Plug.open({ dev: "eth0", connection: kernel.connection }).detach();
  assertEquals(kernel.changes.at(-1), "delete 1 root 8001:");
  assertEquals(kernel.qdiscs, []);
});

Deno.test("detach() throws not-drained in time and leaves the plug there, released", async () => {
  const { kernel, eth0, plug } = holding();
  eth0.stuck = Infinity;
  const error: QueueError = await assertRejects(() => plug.detach({ timeoutMs: 0 }), QueueError);
  assertEquals(error.code, "not-drained");
  assertEquals(error.reason, "its backlog is still 2 packets after 0 ms; it is left there");
  assertEquals([kernel.plugAt(eth0).holds, kernel.lost], [false, []]);
  eth0.stuck = 0;
  assertEquals((await plug.detach()).discardedPackets, 0);
  assertEquals(kernel.left, ["a", "b"]);
});

Deno.test("detach() loses nothing, when another process makes the plug hold while it waits", async () => {
  const { kernel, eth0, plug } = holding();
  eth0.stuck = 30;
  const other = Plug.open({ dev: "eth0", connection: kernel.connection });
  const detaching = plug.detach();
  const meddling = setInterval(() => kernel.qdiscs.length > 0 && other.buffer({ orphan: true }));
  kernel.meanwhile = (request) => {
    if (request.startsWith("delete")) kernel.transmit("late", eth0);
  };
  await detaching;
  clearInterval(meddling);
  assertEquals([kernel.left, kernel.lost], [["a", "b", "late"], []]);
});

Deno.test("detach() ends with the signal's reason and leaves the plug there, released", async () => {
  const { kernel, eth0, plug } = holding();
  eth0.stuck = Infinity;
  const aborting = new AbortController();
  const detaching = plug.detach({ signal: aborting.signal });
  aborting.abort(new EvalError("enough"));
  await assertRejects(() => detaching, EvalError, "enough");
  assertEquals([kernel.plugAt(eth0).holds, kernel.lost], [false, []]);
});

Deno.test("detach() says that device or plug are gone, when they vanish at any moment", async () => {
  for (const moment of ["change", "getqdisc", "delete"]) {
    for (const [what, code] of [["device", "no-device"], ["plug", "not-attached"]]) {
      const { kernel, eth0, plug } = holding();
      kernel.meanwhile = (request) => {
        if (!request.startsWith(moment) || kernel.qdiscs.length === 0) return;
        if (what === "device") kernel.removeDevice(eth0);
        else kernel.removeQdisc(kernel.qdiscs[0]);
      };
      const error: QueueError = await assertRejects(() => plug.detach(), QueueError);
      // A list does not tell why a plug is not in it.
      assertEquals(error.code, moment === "getqdisc" ? "vanished" : code, `${what} gone at ${moment}`);
    }
  }
});

Deno.test("detach() leaves a qdisc alone that took the plug's place", async () => {
  const { kernel, eth0, plug } = holding();
  kernel.removeQdisc(kernel.qdiscs[0]);
  kernel.addQdisc(eth0, { kind: "htb", handle: 0x10000 });
  await assertRejects(() => plug.detach(), QueueError);
  await assertRejects(() => plug.detach({ drop: true }), QueueError);
  assertEquals([kernel.qdiscs.map(({ kind }) => kind), kernel.accidents], [["htb"], []]);
});

Deno.test("drained() resolves, when the backlog is 0, and changes nothing", async () => {
  const { kernel, eth0, plug } = holding();
  plug.releaseIndefinite();
  assertEquals(await plug.drained(), undefined);
  eth0.stuck = 3;
  kernel.transmit("c", eth0);
  await plug.drained();
  assertEquals([kernel.left, kernel.changes], [["a", "b", "c"], ["change 1 root 504c: release-indefinite"]]);
});

Deno.test("drained() throws not-drained, when it holds", async () => {
  const error: QueueError = await assertRejects(() => holding().plug.drained({ timeoutMs: 0 }), QueueError);
  assertEquals([error.code, error.operation], ["not-drained", "drain eth0 (root)"]);
});

Deno.test("drained() looks at nothing, when the signal was given before", async () => {
  const { kernel, plug } = holding();
  const signal = AbortSignal.abort(new EvalError("before"));
  await assertRejects(() => plug.drained({ signal }), EvalError, "before");
  assertEquals(kernel.sends, []);
});

Deno.test("drained() throws not-attached, when there is no plug", async () => {
  const { kernel, plug } = holding();
  kernel.removeQdisc(kernel.qdiscs[0]);
  await assertRejects(() => plug.drained(), QueueError, "no plug is attached");
});

Deno.test("[Symbol.dispose]() of a plug that was attached releases, drains and deletes it", () => {
  const { kernel, eth0, plug } = holding();
  eth0.stuck = 3;
  plug[Symbol.dispose]();
  assertEquals([kernel.left, kernel.lost, kernel.qdiscs], [["a", "b"], [], []]);
});

Deno.test("[Symbol.dispose]() does the same, when the block throws", () => {
  const { kernel, plug } = holding();
  assertThrows(() => {
    using _ending = plug;
    throw new EvalError("on purpose");
  }, EvalError);
  assertEquals([kernel.left, kernel.qdiscs], [["a", "b"], []]);
});

Deno.test("[Symbol.asyncDispose]() of a plug that was attached releases, drains and deletes it", async () => {
  const { kernel, eth0, plug } = holding();
  eth0.stuck = 3;
  await plug[Symbol.asyncDispose]();
  assertEquals([kernel.left, kernel.lost, kernel.qdiscs], [["a", "b"], [], []]);
});

Deno.test("disposing twice, or after detach(), asks the kernel nothing more", async () => {
  const once = holding();
  once.plug[Symbol.dispose]();
  const detached = holding();
  await detached.plug.detach();
  for (const { kernel, plug } of [once, detached]) {
    kernel.sends.length = 0;
    plug[Symbol.dispose]();
    await plug[Symbol.asyncDispose]();
    assertEquals(kernel.sends, []);
  }
});

Deno.test("disposing of a plug that was opened releases what it made hold, and leaves it there", async () => {
  for (const dispose of [Symbol.dispose, Symbol.asyncDispose] as const) {
    const { kernel, eth0 } = world();
    const opened = Plug.open({ dev: "eth0", connection: kernel.connection });
    opened.buffer();
    kernel.transmit("a", eth0);
    await opened[dispose]();
    assertEquals([kernel.left, kernel.qdiscs.length], [["a"], 1]);
  }
});

Deno.test("disposing of a plug that was opened asks nothing, when it did not make it hold", async () => {
  for (const dispose of [Symbol.dispose, Symbol.asyncDispose] as const) {
    const { kernel, eth0 } = holding();
    const opened = Plug.open({ dev: "eth0", connection: kernel.connection });
    opened.setLimit(5000);
    kernel.sends.length = 0;
    await opened[dispose]();
    assertEquals([kernel.sends, kernel.plugAt(eth0).holds], [[], true]);
  }
});

Deno.test("disposing is silent, when device, plug or the qdisc above are gone", async () => {
  for (const dispose of [Symbol.dispose, Symbol.asyncDispose] as const) {
    for (const gone of ["device", "plug", "above"]) {
      const kernel = new FakeKernel();
      const eth0 = kernel.addDevice("eth0");
      const prio = kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
      const plug = Plug.attach({ dev: "eth0", connection: kernel.connection, parent: 0x10001 });
      if (gone === "device") kernel.removeDevice(eth0);
      else kernel.removeQdisc(gone === "plug" ? kernel.qdiscs[1] : prio);
      await plug[dispose]();
      assertEquals(kernel.accidents, []);
    }
  }
});

Deno.test("disposing throws what else the kernel refuses", async () => {
  const { kernel, plug } = holding();
  kernel.permits = false;
  assertThrows(() => plug[Symbol.dispose](), QueueError, "CAP_NET_ADMIN");
  const other = holding();
  other.kernel.permits = false;
  await assertRejects(() => other.plug[Symbol.asyncDispose](), QueueError, "CAP_NET_ADMIN");
});

Deno.test("disposing leaves a connection open that was given", () => {
  const { kernel, plug } = holding();
  plug[Symbol.dispose]();
  assertEquals(kernel.socket.closed, 0);
});
