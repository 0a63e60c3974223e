import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Plug } from "../../plug/plug.ts";
import { FIRST_HANDLE } from "../../plug/plug_requests.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { FakeKernel } from "./fake_kernel.ts";

const OTHER_HANDLE = 0x80010000;

/** Plugs on eth0, eth1 and so on, opened. */
function opened(handles: readonly number[], kernel = new FakeKernel()) {
  const plugs = handles.map((handle, index) => {
    kernel.addQdisc(kernel.addDevice(`eth${index}`), { kind: "plug", handle });
    return Plug.open({ dev: `eth${index}`, connection: kernel.connection });
  });
  return { kernel, plugs, group: Plug.all(plugs) };
}

Deno.test("buffer() moves all in one send, each by its own handle", () => {
  const { kernel, plugs, group } = opened([FIRST_HANDLE, OTHER_HANDLE, FIRST_HANDLE]);
  group.buffer();
  assertEquals(kernel.changes, ["change 1 root 504c: buffer; change 2 root 8001: buffer; change 3 root 504c: buffer"]);
  assertEquals(plugs.map(({ lastAsked }) => lastAsked), ["hold", "hold", "hold"]);
});

Deno.test("every action of a group goes out in one send, after one look", () => {
  const { kernel, group } = opened([FIRST_HANDLE, OTHER_HANDLE]);
  group.setLimit(90_000);
  group.releaseOne();
  group.releaseIndefinite();
  assertEquals(kernel.sends, [
    ["getqdisc all"],
    ["change 1 root 504c: limit 90000", "change 2 root 8001: limit 90000"],
    ["change 1 root 504c: release-one", "change 2 root 8001: release-one"],
    ["change 1 root 504c: release-indefinite", "change 2 root 8001: release-indefinite"],
  ]);
});

Deno.test("a group of one, of none, and of attached plugs works as others do", () => {
  const { kernel, group } = opened([OTHER_HANDLE]);
  group.releaseOne();
  assertEquals(kernel.changes.at(-1), "change 1 root 8001: release-one");
  const none = kernel.sends.length;
  Plug.all([]).buffer();
  assertEquals(kernel.sends.length, none);
  kernel.addDevice("eth1");
  kernel.addDevice("eth2");
  const attached = Plug.attachAll(kernel.connection, [{ dev: "eth1" }, { dev: "eth2" }]);
  Plug.all(attached).buffer();
  assertEquals(kernel.changes.at(-1), "change 2 root 504c: buffer; change 3 root 504c: buffer");
});

Deno.test("buffer() of a group touches none, when one of them has no plug", () => {
  const { kernel, plugs, group } = opened([FIRST_HANDLE, FIRST_HANDLE]);
  kernel.removeQdisc(kernel.qdiscs[1]);
  const error: QueueError = assertThrows(() => group.buffer(), QueueError);
  assertEquals(error.message, "Cannot buffer eth1 (root): no plug is attached");
  assertEquals([kernel.changes, plugs[0].lastAsked], [[], undefined]);
});

Deno.test("buffer() of a group touches none, when one of them would lock out, or orphan an epoch", () => {
  const locked = opened([FIRST_HANDLE, FIRST_HANDLE]);
  locked.kernel.routes.push({ family: 2, destinationLength: 0, routeType: 1, ifindexes: [2] });
  assertThrows(() => locked.group.buffer(), QueueError, "Cannot buffer eth1 (root): the device carries");
  assertEquals(locked.kernel.changes, []);

  const ended = opened([FIRST_HANDLE, FIRST_HANDLE]);
  ended.plugs[1].buffer();
  ended.plugs[1].buffer();
  const before = ended.kernel.changes.length;
  assertThrows(() => ended.group.buffer(), QueueError, "Cannot buffer eth1 (root): an epoch has ended");
  assertEquals(ended.kernel.changes.length, before);
});

Deno.test("an action of a group throws the one refusal, and remembers what went through", () => {
  const { kernel, plugs, group } = opened([FIRST_HANDLE, FIRST_HANDLE, FIRST_HANDLE]);
  group.releaseOne();
  kernel.removeDevice(kernel.devices[1]);
  const error: QueueError = assertThrows(() => group.buffer(), QueueError);
  assertEquals([error.code, error.operation], ["no-device", "buffer eth1 (root)"]);
  assertEquals(plugs.map(({ lastAsked }) => lastAsked), ["hold", undefined, "hold"]);
});

Deno.test("an action of a group throws an AggregateError of all refusals, when there are several", () => {
  const { kernel, plugs, group } = opened([FIRST_HANDLE, FIRST_HANDLE, FIRST_HANDLE]);
  group.releaseOne();
  kernel.removeDevice(kernel.devices[2]);
  kernel.removeQdisc(kernel.qdiscs[0]);
  const error: AggregateError = assertThrows(() => group.buffer(), AggregateError);
  assertEquals(error.errors.map(({ code }) => code), ["not-attached", "no-device"]);
  assertEquals(
    error.message,
    "Cannot buffer eth0 (root): no plug is attached; Cannot buffer eth2 (root): there is no such device",
  );
  assertEquals(plugs.map(({ lastAsked }) => lastAsked), [undefined, "hold", undefined]);
});

Deno.test("an action of a group goes out in one send a connection", () => {
  const one = opened([FIRST_HANDLE, FIRST_HANDLE]);
  const two = opened([OTHER_HANDLE]);
  Plug.all([...one.plugs, ...two.plugs]).releaseOne();
  assertEquals(one.kernel.changes, ["change 1 root 504c: release-one; change 2 root 504c: release-one"]);
  assertEquals(two.kernel.changes, ["change 1 root 8001: release-one"]);
});

Deno.test("detach() of a group releases all in one send before it deletes any", async () => {
  const { kernel, group } = opened([FIRST_HANDLE, OTHER_HANDLE]);
  group.buffer();
  kernel.devices.forEach((device) => kernel.transmit(device.name, device));
  const reports = await group.detach();
  const counts = reports.map(({ discardedPackets, drops, lostPackets }) => [discardedPackets, drops, lostPackets]);
  assertEquals(counts, [[0, 0, 0], [0, 0, 0]]);
  assertEquals(kernel.changes.slice(1), [
    "change 1 root 504c: release-indefinite; change 2 root 8001: release-indefinite",
    "delete 1 root 504c:",
    "delete 2 root 8001:",
  ]);
  assertEquals([kernel.left, kernel.lost], [["eth0", "eth1"], []]);
});

Deno.test("detach() of a group leaves all of them released, when one is not drained in time", async () => {
  const { kernel, group } = opened([FIRST_HANDLE, FIRST_HANDLE]);
  group.buffer();
  kernel.devices.forEach((device) => kernel.transmit(device.name, device));
  kernel.devices[0].stuck = Infinity;
  await assertRejects(() => group.detach({ timeoutMs: 0 }), QueueError, "its backlog is still 1 packet after 0 ms");
  assertEquals(kernel.devices.map((device) => kernel.plugAt(device).holds), [false, false]);
  assertEquals(kernel.lost, []);
});

Deno.test("an action of a group is refused, when a plug is named twice, and attachAll() when a place is", () => {
  const { kernel, plugs } = opened([FIRST_HANDLE]);
  const again = Plug.open({ dev: "eth0", handle: FIRST_HANDLE, connection: kernel.connection });
  assertThrows(() => Plug.all([plugs[0], again]).buffer(), RangeError, "Cannot buffer eth0 (root): it is named twice");
  kernel.addDevice("eth1");
  const twice = [{ dev: "eth1" }, { dev: "eth1", handle: OTHER_HANDLE }];
  assertThrows(
    () => Plug.attachAll(kernel.connection, twice),
    RangeError,
    "Cannot attach to eth1 (root): it is named twice",
  );
  assertEquals(kernel.changes, []);
});
