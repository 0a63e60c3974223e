// What recover() takes away and what it leaves, on a kernel that is a fake.
import { assertEquals } from "@std/assert";
import { Gate } from "../../gate/gate.ts";
import { recover } from "../../gate/recover.ts";
import { EINVAL } from "../../linux/netlink_error.ts";
import { hasSeveralProcessors } from "../../linux/process.ts";
import { Plug } from "../../plug/plug.ts";
import { FakeKernel } from "../plug/fake_kernel.ts";

const NOTHING = { discardedPackets: 0, drops: 0, lostPackets: 0 };

/** A machine with a plug and a gate of plugctl's, which hold a packet each, and a plug of somebody else's. */
function machine() {
  const kernel = new FakeKernel();
  kernel.addDevice("lo", { isLoopback: true });
  const [eth0, eth1, eth2] = ["eth0", "eth1", "eth2"].map((name) => kernel.addDevice(name));
  const { connection } = kernel;
  Plug.attach({ dev: "eth0", connection }).buffer({ force: true });
  Gate.open({ name: "web", dev: "eth1", direction: "egress", match: "arp", hold: true, connection });
  kernel.addQdisc(eth2, { kind: "plug", handle: 0x700000 }).plug?.change(0, 0);
  kernel.transmit("a", eth0);
  kernel.meet("b", eth1, "egress");
  kernel.transmit("c", eth2);
  return { kernel, connection, eth1, eth2 };
}

Deno.test("recover() releases what plugctl left, in one send, takes it away, and leaves what others made", async () => {
  const { kernel, connection, eth2 } = machine();
  const before = kernel.changes.length;
  const { foreign, filters, kept, failures, ...taken } = await recover(connection);
  // How long devices could not send differs from machine to machine.
  const [gates, plugs] = [taken.gates, taken.plugs].map((reports) => reports.map(({ gapMs: _gapMs, ...rest }) => rest));
  const clsact = hasSeveralProcessors() ? { keptClsact: ["eth1"] } : {};
  assertEquals({ gates, plugs, foreign, filters, kept, failures }, {
    gates: [{ name: "web", ...NOTHING, ...clsact }],
    plugs: [{ dev: "eth0", parent: 0xffffffff, handle: 0x504c0000, ...NOTHING }],
    foreign: [{ dev: "eth2", parent: 0xffffffff, handle: 0x700000 }],
    filters: 0,
    kept: [],
    failures: [],
  });
  assertEquals(
    kernel.changes[before],
    "change 5 root 504c: release-indefinite; change 2 root 504c: release-indefinite",
  );
  assertEquals([kernel.left.toSorted(), kernel.lost], [["a", "b"], []]);
  assertEquals([kernel.plugAt(eth2).holds, kernel.devices.map(({ name }) => name)], [true, [
    "lo",
    "eth0",
    "eth1",
    "eth2",
  ]]);
});

Deno.test("recover() discards what is held, when it is told so, and says how many", async () => {
  const { kernel, connection } = machine();
  const { gates, plugs } = await recover(connection, { drop: true });
  assertEquals([gates, plugs].map(([{ discardedPackets }]) => discardedPackets), [1, 1]);
  assertEquals([kernel.left, kernel.lost.toSorted()], [[], ["a", "b"]]);
});

Deno.test("recover() takes away filters that lead to a device that is gone", async () => {
  const { kernel, connection } = machine();
  const device = kernel.devices.find(({ name }) => name === "plug-web");
  if (device) kernel.removeDevice(device);
  const { gates, filters } = await recover(connection);
  assertEquals([gates, filters, kernel.filters.all], [[], 1, []]);
});

Deno.test("recover() goes on with the others, when the kernel refuses one, and says why", async () => {
  const { kernel, connection, eth1 } = machine();
  kernel.failures.set(`delete filter ${eth1.ifindex} egress pref 1000 0x504c0001`, [EINVAL, "Not now"]);
  const { gates, plugs, failures } = await recover(connection);
  assertEquals([gates, plugs.length], [[], 1]);
  assertEquals(failures.map((error) => error instanceof Error && error.message), [
    "Cannot delete gate web: Not now (EINVAL)",
  ]);
  assertEquals((await recover(connection)).gates.map(({ name }) => name), ["web"], "again it is taken away");
});

Deno.test("recover() takes away what is left of a gate whose maker was killed before it wrote a note", async () => {
  const { kernel, connection } = machine();
  kernel.addDevice("plug-half", { kind: "ifb", txqueuelen: 0x504c });
  const { gates } = await recover(connection);
  assertEquals(gates.map(({ name }) => name).sort(), ["half", "web"]);
  assertEquals(kernel.devices.some(({ name }) => name === "plug-half"), false);
});
