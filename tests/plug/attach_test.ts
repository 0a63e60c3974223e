import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { AttachOptions } from "../../plug/attach.ts";
import { Plug } from "../../plug/plug.ts";
import { FIRST_HANDLE, HANDLES } from "../../plug/plug_requests.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { FakeKernel } from "./fake_kernel.ts";

const CLASS_1_1 = 0x10001;
const CLASS_1_2 = 0x10002;
const INGRESS = 0xfffffff1;

/** A kernel with one device, and a way to attach to it. */
function world() {
  const kernel = new FakeKernel();
  const eth0 = kernel.addDevice("eth0");
  const attach = (options: Partial<AttachOptions> = {}) =>
    Plug.attach({ dev: "eth0", connection: kernel.connection, ...options });
  return { kernel, eth0, attach };
}

function refused(code: string, attach: () => Plug): QueueError {
  const error: QueueError = assertThrows(attach, QueueError);
  assertEquals(error.code, code, error.message);
  return error;
}

Deno.test("attach() creates and releases in one send, and passes packets", () => {
  const { kernel, eth0, attach } = world();
  const plug = attach();
  assertEquals(kernel.changes, ["create 1 root 504c: no options; change 1 root 504c: release-indefinite"]);
  kernel.transmit("a", eth0);
  assertEquals([kernel.left, plug.lastAsked, plug.limitBytesLastAsked], [["a"], "pass", undefined]);
  assertEquals(plug.place, { ifindex: 1, parent: 0xffffffff, handle: FIRST_HANDLE });
});

Deno.test("attach() looks at the device and its qdiscs before it changes anything", () => {
  const { kernel, attach } = world();
  attach();
  assertEquals(kernel.sends.map(([first]) => first.split(" ")[0]), ["getlink", "getqdisc", "create"]);
});

Deno.test("attach() looks at the qdiscs once, below a class too, with a limit and a hold", () => {
  const { kernel, eth0, attach } = world();
  kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
  attach({ parent: CLASS_1_1, limitBytes: 100, hold: true });
  const words = kernel.sends.map(([first]) => first.split(" ")[0]);
  assertEquals([words.filter((word) => word === "getqdisc").length, words.at(-1)], [1, "create"]);
});

Deno.test("attach() leaves it holding, when asked to", () => {
  const { kernel, eth0, attach } = world();
  const plug = attach({ hold: true });
  kernel.transmit("a", eth0);
  assertEquals(kernel.changes, ["create 1 root 504c: no options"]);
  assertEquals([kernel.left, plug.lastAsked, plug.stats().backlogPackets], [[], "hold", 1]);
});

Deno.test("attach() sends the limit with the creation, when there is one", () => {
  const { kernel, eth0, attach } = world();
  const plug = attach({ limitBytes: 200_000, hold: true });
  assertEquals(kernel.changes, ["create 1 root 504c: limit 200000"]);
  assertEquals([kernel.plugAt(eth0).limit, plug.limitBytesLastAsked], [200_000, 200_000]);
});

Deno.test("attach() sends nothing, when the limit is out of range", () => {
  const { kernel, attach } = world();
  for (const limitBytes of [0, -1, 0.5, 2 ** 32]) assertThrows(() => attach({ limitBytes }), RangeError, "limit is");
  assertEquals(kernel.sends, []);
});

Deno.test("attach() sends a limit of its own, when the kernel's would be 0 (txqueuelen 0)", () => {
  const kernel = new FakeKernel();
  kernel.addDevice("br0", { txqueuelen: 0, mtu: 9000 });
  const plug = Plug.attach({ dev: "br0", connection: kernel.connection });
  assertEquals(kernel.changes, ["create 1 root 504c: limit 9014000; change 1 root 504c: release-indefinite"]);
  assertEquals([plug.limitBytesLastAsked, kernel.accidents], [9_014_000, []]);
});

Deno.test("attach() warns of a limit below one packet of segmentation offload, and not otherwise", () => {
  const { attach } = world();
  const plug = attach({ limitBytes: 65_535 });
  assertMatch(
    plug.warnings.join(),
    /^the limit of 65535 bytes is less than one packet may measure on eth0 \(65536 bytes/,
  );
  assertEquals(world().attach({ limitBytes: 65_536 }).warnings, []);
  assertEquals(world().attach().warnings, []);
  const kernel = new FakeKernel();
  kernel.addDevice("plain", { gsoMaxSize: 0 });
  assertEquals(Plug.attach({ dev: "plain", connection: kernel.connection, limitBytes: 1 }).warnings, []);
});

Deno.test("attach() refuses no-device, when there is none of that name", () => {
  const { kernel, attach } = world();
  const error = refused("no-device", () => attach({ dev: "eth9" }));
  assertEquals([error.message, kernel.changes], ["Cannot find eth9: there is no such device", []]);
});

Deno.test("attach() refuses and names a foreign qdisc, and changes nothing", () => {
  const { kernel, eth0, attach } = world();
  kernel.addQdisc(eth0, { kind: "htb", handle: 0x10000 });
  const error = refused("foreign-qdisc", () => attach());
  assertEquals(error.message, "Cannot attach to eth0 (root): htb 1: is there, which plugctl did not make");
  assertEquals(kernel.changes, []);
});

Deno.test("attach() refuses already-attached, when a plug is there, whatever its handle", () => {
  for (const handle of [FIRST_HANDLE, 0x80010000]) {
    const { kernel, eth0, attach } = world();
    kernel.addQdisc(eth0, { kind: "plug", handle });
    refused("already-attached", () => attach());
    assertEquals(kernel.changes, []);
  }
});

Deno.test("attach() goes beside clsact, and below a class that has no qdisc", () => {
  const { kernel, eth0, attach } = world();
  kernel.addQdisc(eth0, { kind: "clsact", handle: 0xffff0000, parent: INGRESS });
  kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
  attach({ parent: CLASS_1_1 });
  assertEquals(kernel.qdiscs.map(({ kind }) => kind), ["clsact", "prio", "plug"]);
});

Deno.test("attach() gives the next handle, when the first is taken, and none, when all are", () => {
  const { kernel, eth0, attach } = world();
  kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
  assertEquals(attach({ parent: CLASS_1_1 }).place.handle, FIRST_HANDLE);
  assertEquals(attach({ parent: CLASS_1_2 }).place.handle, FIRST_HANDLE + 0x10000);
  for (let index = 2; index < HANDLES; index++) {
    kernel.addQdisc(eth0, { kind: "pfifo", handle: FIRST_HANDLE + index * 0x10000, parent: 0x10003 });
  }
  refused("handle-in-use", () => attach({ parent: 0x10004 }));
});

Deno.test("attach() gives the handle asked for, and refuses, when another qdisc of the device has it", () => {
  const { kernel, eth0, attach } = world();
  kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
  assertEquals(attach({ parent: CLASS_1_1, handle: 0x70000 }).place.handle, 0x70000);
  const before = kernel.changes.length;
  const error = refused("handle-in-use", () => attach({ parent: CLASS_1_2, handle: 0x70000 }));
  assertEquals(error.reason, "handle 7: belongs to another qdisc of the device");
  assertEquals(kernel.changes.length, before);
});

Deno.test("attach() refuses no-parent, when the class or the qdisc above it is not there", () => {
  const { kernel, eth0, attach } = world();
  refused("no-parent", () => attach({ parent: CLASS_1_1 }));
  kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
  refused("no-parent", () => attach({ parent: 0x10009 }));
  assertEquals(kernel.qdiscs.length, 1);
});

Deno.test("attach() refuses no-permission and no-module, with the kernel's answer as cause", () => {
  const { kernel, attach } = world();
  kernel.lacks.add("sch_plug");
  assertMatch(`${refused("no-module", () => attach()).cause}`, /Specified qdisc kind is unknown \(ENOENT\)/);
  kernel.permits = false;
  assertMatch(`${refused("no-permission", () => attach()).cause}`, /EPERM/);
});

Deno.test("attach() with replace puts the plug in a foreign qdisc's place", () => {
  const { kernel, eth0, attach } = world();
  kernel.addQdisc(eth0, { kind: "pfifo", handle: 0x10000 });
  attach({ replace: true });
  assertEquals(kernel.changes, ["replace 1 root 504c: no options; change 1 root 504c: release-indefinite"]);
  assertEquals(kernel.qdiscs.map(({ kind }) => kind), ["plug"]);
});

Deno.test("attach() with replace lets go what the plug there holds, before it is replaced", () => {
  const { kernel, eth0, attach } = world();
  kernel.addQdisc(eth0, { kind: "plug", handle: 0x80010000 });
  kernel.plugAt(eth0).change(0, 0);
  for (const packet of ["a", "b"]) kernel.transmit(packet, eth0);
  eth0.stuck = 3;
  attach({ replace: true });
  assertEquals([kernel.left, kernel.lost], [["a", "b"], []]);
  assertEquals(kernel.changes, [
    "change 1 root 8001: release-indefinite",
    "delete 1 root 8001:",
    "replace 1 root 504c: no options; change 1 root 504c: release-indefinite",
  ]);
});

Deno.test("attach() with replace lets go what plugs of classes hold, before they vanish with the root", () => {
  const { kernel, eth0, attach } = world();
  kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
  const below = attach({ parent: CLASS_1_1 });
  below.buffer();
  kernel.transmit("a", eth0, CLASS_1_1);
  attach({ replace: true });
  assertEquals([kernel.left, kernel.lost], [["a"], []]);
});

Deno.test("attach() with replace refuses, when the foreign qdisc itself has the handle asked for", () => {
  const { kernel, eth0, attach } = world();
  kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
  const error = refused("handle-in-use", () => attach({ replace: true, handle: 0x10000 }));
  assertEquals([error.reason, kernel.changes], ["handle 1: belongs to another qdisc of the device", []]);
});

Deno.test("attach() with replace gives another handle, when the foreign qdisc has plugctl's first", () => {
  const { kernel, eth0, attach } = world();
  kernel.addQdisc(eth0, { kind: "pfifo", handle: FIRST_HANDLE });
  assertEquals(attach({ replace: true }).place.handle, FIRST_HANDLE + 0x10000);
});

Deno.test("attach() takes the plug away again, when it cannot be released", () => {
  const { kernel, attach } = world();
  kernel.meanwhile = (request) => kernel.permits = !request.startsWith("change");
  refused("no-permission", () => attach());
  assertEquals([kernel.qdiscs, kernel.accidents], [[], []]);
});

Deno.test("attach() refuses no-device, when the device vanishes between look and creation", () => {
  const { kernel, eth0, attach } = world();
  kernel.meanwhile = (request) => request.startsWith("create") && kernel.removeDevice(eth0);
  refused("no-device", () => attach());
});

Deno.test("attach() refuses foreign-qdisc, when one appears between look and creation, and leaves it there", () => {
  const { kernel, eth0, attach } = world();
  kernel.meanwhile = (request) =>
    request.startsWith("create") && kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
  refused("foreign-qdisc", () => attach());
  assertEquals([kernel.qdiscs.map(({ kind }) => kind), kernel.accidents], [["prio"], []]);
});

Deno.test("attachAll() creates and releases all in one send", () => {
  const { kernel } = world();
  kernel.addDevice("eth1");
  Plug.attachAll(kernel.connection, [{ dev: "eth0" }, { dev: "eth1", hold: true, limitBytes: 1000 }]);
  assertEquals(kernel.changes, [
    "create 1 root 504c: no options; change 1 root 504c: release-indefinite; create 2 root 504c: limit 1000",
  ]);
});

Deno.test("attachAll() creates none, when one of them is refused after a look", () => {
  const { kernel } = world();
  kernel.addQdisc(kernel.addDevice("eth1"), { kind: "htb", handle: 0x10000 });
  assertThrows(() => Plug.attachAll(kernel.connection, [{ dev: "eth0" }, { dev: "eth1" }]), QueueError, "htb 1:");
  assertEquals(kernel.changes, []);
});

Deno.test("attachAll() takes away those that it created, when the kernel refuses another", () => {
  const { kernel } = world();
  const eth1 = kernel.addDevice("eth1");
  kernel.meanwhile = (request) => request.startsWith("create 2") && kernel.removeDevice(eth1);
  assertThrows(
    () => Plug.attachAll(kernel.connection, [{ dev: "eth0" }, { dev: "eth1" }]),
    QueueError,
    "no such device",
  );
  assertEquals(kernel.qdiscs, []);
});

Deno.test("attachAll() gives each plug of a device a handle of its own", () => {
  const { kernel, eth0 } = world();
  kernel.addQdisc(eth0, { kind: "prio", handle: 0x10000 });
  for (const replace of [false, true]) {
    const plugs = Plug.attachAll(
      kernel.connection,
      [CLASS_1_1, CLASS_1_2].map((parent) => ({ dev: "eth0", parent, replace })),
    );
    assertEquals(plugs.map(({ place }) => place.handle), [FIRST_HANDLE, FIRST_HANDLE + 0x10000]);
    assertEquals(kernel.accidents, []);
    for (const plug of plugs) plug[Symbol.dispose]();
  }
});
