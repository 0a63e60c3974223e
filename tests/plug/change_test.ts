// buffer, release-one, release-indefinite and limit: what goes out, and that it never makes a plug.
import { assertEquals, assertThrows } from "@std/assert";
import { Plug } from "../../plug/plug.ts";
import { FIRST_HANDLE } from "../../plug/plug_requests.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { FakeKernel } from "./fake_kernel.ts";

const CLASS_1_1 = 0x10001;
const ROOT = 0xffffffff;
const OTHER_HANDLE = 0x80010000;

function world() {
  const kernel = new FakeKernel();
  const eth0 = kernel.addDevice("eth0");
  const open = (options: { parent?: number; handle?: number } = {}) =>
    Plug.open({ dev: "eth0", connection: kernel.connection, ...options });
  return { kernel, eth0, open };
}

const ACTIONS: [name: string, act: (plug: Plug) => void, sent: string][] = [
  ["buffer", (plug) => plug.buffer({ force: true }), "buffer"],
  ["releaseOne", (plug) => plug.releaseOne(), "release-one"],
  ["release", (plug) => plug.release(), "release-indefinite"],
  ["releaseIndefinite", (plug) => plug.releaseIndefinite(), "release-indefinite"],
  ["setLimit", (plug) => plug.setLimit(5000), "limit 5000"],
];

for (const [name, act, sent] of ACTIONS) {
  Deno.test(`${name}() sends one change with plugctl's handle, when that is at the root`, () => {
    const { kernel, eth0, open } = world();
    kernel.addQdisc(eth0, { kind: "plug", handle: FIRST_HANDLE });
    const plug = open();
    act(plug);
    act(plug);
    assertEquals(kernel.changes, [`change 1 root 504c: ${sent}`, `change 1 root 504c: ${sent}`]);
  });

  Deno.test(`${name}() looks for the handle once, when the plug at the root has another`, () => {
    const { kernel, eth0, open } = world();
    kernel.addQdisc(eth0, { kind: "plug", handle: OTHER_HANDLE });
    const plug = open();
    act(plug);
    act(plug);
    assertEquals(kernel.changes.slice(-2), [`change 1 root 8001: ${sent}`, `change 1 root 8001: ${sent}`]);
    assertEquals(kernel.sends.filter(([text]) => text === "getqdisc all").length, 1);
    assertEquals(plug.place.handle, OTHER_HANDLE);
  });

  Deno.test(`${name}() never makes a plug, wherever it is sent and whatever is there`, () => {
    for (const arrange of ARRANGEMENTS) {
      for (
        const place of [{}, { parent: CLASS_1_1 }, { handle: FIRST_HANDLE }, { parent: CLASS_1_1, handle: 0x70000 }]
      ) {
        const { kernel, eth0, open } = world();
        arrange(kernel, eth0);
        const before = kernel.qdiscs.map(({ kind, handle, parent }) => ({ kind, handle, parent }));
        try {
          act(open(place));
        } catch (error) {
          if (!(error instanceof QueueError)) throw error;
        }
        assertEquals(kernel.accidents, []);
        assertEquals(kernel.qdiscs.map(({ kind, handle, parent }) => ({ kind, handle, parent })), before);
      }
    }
  });

  Deno.test(`${name}() throws not-attached, when there is no plug`, () => {
    const error: QueueError = assertThrows(() => act(world().open()), QueueError, "no plug is attached");
    assertEquals(error.code, "not-attached");
  });

  Deno.test(`${name}() throws foreign-qdisc and names it, when another qdisc is there`, () => {
    for (const handle of [FIRST_HANDLE, OTHER_HANDLE]) {
      const { kernel, eth0, open } = world();
      kernel.addQdisc(eth0, { kind: "htb", handle });
      const error: QueueError = assertThrows(() => act(open()), QueueError, "the qdisc there is htb, not a plug");
      assertEquals(error.code, "foreign-qdisc");
    }
  });

  Deno.test(`${name}() throws, when device, plug or the qdisc above it vanish after it was found`, () => {
    for (const [vanish, code] of VANISHINGS) {
      const { kernel, eth0, open } = world();
      kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
      kernel.addQdisc(eth0, { kind: "plug", handle: OTHER_HANDLE, parent: CLASS_1_1 });
      const plug = open({ parent: CLASS_1_1 });
      act(plug);
      vanish(kernel, eth0);
      const error: QueueError = assertThrows(() => act(plug), QueueError);
      assertEquals([error.code, kernel.accidents], [code, []]);
    }
  });

  Deno.test(`${name}() throws no-permission, when the process may not`, () => {
    const { kernel, eth0, open } = world();
    kernel.addQdisc(eth0, { kind: "plug", handle: FIRST_HANDLE });
    kernel.permits = false;
    const plug = open();
    const error: QueueError = assertThrows(() => act(plug), QueueError, "it takes root, or CAP_NET_ADMIN");
    assertEquals([error.code, plug.lastAsked, plug.limitBytesLastAsked], ["no-permission", undefined, undefined]);
  });
}

type Arrange = (kernel: FakeKernel, eth0: ReturnType<FakeKernel["addDevice"]>) => void;

/** What may be on a device, the kernel's traps among them: a qdisc of another kind, an empty class, a handle elsewhere. */
const ARRANGEMENTS: Arrange[] = [
  () => {},
  (kernel, eth0) => kernel.addQdisc(eth0, { kind: "pfifo", handle: 0x10000 }),
  (kernel, eth0) => kernel.addQdisc(eth0, { kind: "pfifo", handle: FIRST_HANDLE }),
  (kernel, eth0) => kernel.addQdisc(eth0, { kind: "plug", handle: OTHER_HANDLE }),
  (kernel, eth0) => kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 }),
  (kernel, eth0) => {
    kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
    kernel.addQdisc(eth0, { kind: "plug", handle: FIRST_HANDLE, parent: 0x10002 });
  },
  (kernel, eth0) => {
    kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
    kernel.addQdisc(eth0, { kind: "plug", handle: 0x70000, parent: 0x10002 });
    kernel.addQdisc(eth0, { kind: "pfifo", handle: 0x90000, parent: CLASS_1_1 });
  },
];

const VANISHINGS: [vanish: Arrange, code: string][] = [
  [(kernel, eth0) => kernel.removeDevice(eth0), "no-device"],
  [(kernel) => kernel.removeQdisc(kernel.qdiscs[1]), "not-attached"],
  [(kernel) => kernel.removeQdisc(kernel.qdiscs[0]), "no-parent"],
];

Deno.test("setLimit() throws a RangeError and sends nothing, when the limit is out of range", () => {
  const { kernel, eth0, open } = world();
  kernel.addQdisc(eth0, { kind: "plug", handle: FIRST_HANDLE });
  const plug = open();
  for (const limit of [0, -1, 2 ** 32, NaN]) assertThrows(() => plug.setLimit(limit), RangeError, `limit is ${limit}`);
  assertEquals([kernel.changes, plug.limitBytesLastAsked], [[], undefined]);
});

Deno.test("setLimit() keeps what is held and drops what comes, when it is below the backlog", () => {
  const { kernel, eth0, open } = world();
  kernel.addQdisc(eth0, { kind: "plug", handle: FIRST_HANDLE });
  const plug = open();
  plug.buffer();
  for (const packet of ["a", "b", "c"]) kernel.transmit(packet, eth0);
  plug.setLimit(200);
  kernel.transmit("d", eth0);
  plug.releaseIndefinite();
  assertEquals([kernel.left, plug.stats().drops, plug.limitBytesLastAsked], [["a", "b", "c"], 1, 200]);
});

Deno.test("open() throws no-device, when there is none, and asks for nothing else", () => {
  const { kernel } = world();
  assertThrows(() => Plug.open({ dev: "eth9", connection: kernel.connection }), QueueError, "no such device");
  assertEquals(kernel.sends, []);
});

Deno.test("open() finds a plug by its handle alone, wherever it hangs", () => {
  const { kernel, eth0, open } = world();
  kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
  kernel.addQdisc(eth0, { kind: "plug", handle: 0x70000, parent: CLASS_1_1 });
  const plug = open({ handle: 0x70000 });
  plug.releaseOne();
  assertEquals(plug.place, { ifindex: 1, parent: CLASS_1_1, handle: 0x70000 });
});

Deno.test("buffer() asks about a default route also, when the plug at the root is found by its handle", () => {
  const { kernel, eth0, open } = world();
  kernel.addQdisc(eth0, { kind: "plug", handle: 0x70000, parent: ROOT });
  kernel.routes.push({ family: 2, destinationLength: 0, routeType: 1, ifindexes: [eth0.ifindex] });
  const error: QueueError = assertThrows(() => open({ handle: 0x70000 }).buffer(), QueueError);
  assertEquals([error.code, kernel.changes], ["would-lock-out", []]);
});

Deno.test("stats() throws not-attached, when the plug at the place has another handle than asked for", () => {
  const { kernel, eth0, open } = world();
  kernel.addQdisc(eth0, { kind: "plug", handle: OTHER_HANDLE });
  assertThrows(() => open({ handle: FIRST_HANDLE, parent: ROOT }).stats(), QueueError, "no plug is attached");
});

Deno.test("lastAsked is what this object asked, when another object moves the same plug", () => {
  const { kernel, eth0, open } = world();
  kernel.addQdisc(eth0, { kind: "plug", handle: FIRST_HANDLE });
  const [one, two] = [open(), open()];
  one.buffer();
  kernel.transmit("a", eth0);
  assertEquals([one.lastAsked, two.lastAsked], ["hold", undefined]);
  two.releaseIndefinite();
  assertEquals([one.lastAsked, two.lastAsked, kernel.left], ["hold", "pass", ["a"]]);
  assertEquals([one.stats(), two.stats()].map(({ packets }) => packets), [1, 1]);
});
