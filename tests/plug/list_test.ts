import { assertEquals } from "@std/assert";
import { FIRST_HANDLE } from "../../plug/plug_requests.ts";
import { listPlugs } from "../../plug/qdiscs.ts";
import { FakeKernel } from "./fake_kernel.ts";

Deno.test("listPlugs() lists plugs only, with device, place and counters", () => {
  const kernel = new FakeKernel();
  kernel.addDevice("eth0");
  const eth1 = kernel.addDevice("eth1");
  kernel.addQdisc(eth1, { kind: "prio", handle: 0x10000 });
  kernel.addQdisc(eth1, { kind: "plug", handle: FIRST_HANDLE, parent: 0x10002 }).plug?.change(0, 0);
  kernel.transmit("a", eth1, 0x10002);
  assertEquals(listPlugs(kernel.connection), [{
    dev: "eth1",
    ifindex: 2,
    parent: 0x10002,
    handle: FIRST_HANDLE,
    stats: { bytes: 0, packets: 0, backlogPackets: 1, backlogBytes: 100, drops: 0, requeues: 0, overlimits: 0 },
  }]);
});

Deno.test("listPlugs() asks for no devices, when there is no plug", () => {
  const kernel = new FakeKernel();
  kernel.addDevice("eth0");
  assertEquals(listPlugs(kernel.connection), []);
  assertEquals(kernel.sends, [["getqdisc all"]]);
});

Deno.test("listPlugs() leaves a plug out, when its device vanishes meanwhile", () => {
  const kernel = new FakeKernel();
  const eth0 = kernel.addDevice("eth0");
  kernel.addQdisc(eth0, { kind: "plug", handle: FIRST_HANDLE });
  kernel.meanwhile = (request) => request === "getlink all" && kernel.removeDevice(eth0);
  assertEquals(listPlugs(kernel.connection), []);
});
