// Gates on a kernel that is a fake: what is sent, in which order, what is left where a step fails, and what is said.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Gate } from "../../gate/gate.ts";
import { type GateOptions, planGate } from "../../gate/gate_plan.ts";
import { listGates } from "../../gate/gate_state.ts";
import { foreseeGate } from "../../gate/open_gate.ts";
import { EINVAL } from "../../linux/netlink_error.ts";
import { hasSeveralProcessors } from "../../linux/process.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { FakeKernel } from "../plug/fake_kernel.ts";
import type { FakeDevice } from "../plug/kernel_messages.ts";

const WEB: GateOptions = { name: "web", dev: "eth0", direction: "egress", match: "tcp dst port 80" };
const EGRESS = 0xfffffff3;
const HOOK_HANDLE = 0xffff0000;
const HOOK_PARENT = 0xfffffff1;
const DROP = { kind: "gact", index: 9, verdict: 2, packets: 0 };
const OTHERS = { ifindex: 2, parent: EGRESS, protocol: 3, handle: 1, kind: "matchall" };

/** A machine with lo and eth0. */
function machine(): { kernel: FakeKernel; eth0: FakeDevice } {
  const kernel = new FakeKernel();
  kernel.addDevice("lo", { isLoopback: true });
  return { kernel, eth0: kernel.addDevice("eth0") };
}

/** What can be left behind on a machine. */
function traces({ devices, qdiscs, filters, lost }: FakeKernel): unknown {
  return {
    devices: devices.map(({ name }) => name),
    qdiscs: qdiscs.map(({ ifindex, kind }) => `${kind} on ${ifindex}`),
    filters: filters.all.length,
    lost,
  };
}

const UNTOUCHED = { devices: ["lo", "eth0"], qdiscs: [], filters: 0, lost: [] };
/** With several processors a clsact of its own stays, as to take it away would lose packets. */
const GONE = { ...UNTOUCHED, qdiscs: hasSeveralProcessors() ? ["clsact on 2"] : [] };

const DEVICE = "plug-web";
const PASS = "change 3 root 504c: release-indefinite";
const FILTERS = ["filter 2 egress pref 1000 0x504c0001", "filter 2 egress pref 1000 0x504c0002"];
/** Each step of a set-up. */
const SET_UP = [
  [`create link ${DEVICE}`],
  ["note 3", "quiet 3", "link 3 up", "create 3 root 504c: limit 16777216", PASS],
  ["create clsact 2"],
  FILTERS.map((filter) => `create ${filter}`),
];

Deno.test("Gate.open() makes the device with its plug, then clsact, and the filters last, and passes", () => {
  const { kernel, eth0 } = machine();
  using gate = Gate.open({ ...WEB, connection: kernel.connection });
  assertEquals(kernel.changes, SET_UP.map((steps) => steps.join("; ")));
  assertEquals([gate.made, listGates(kernel.connection).map(({ name, faults }) => ({ name, faults }))], [true, [{
    name: "web",
    faults: [],
  }]]);
  kernel.meet("a", eth0, "egress");
  gate.buffer();
  kernel.meet("b", eth0, "egress");
  kernel.meet("c", eth0, "ingress");
  assertEquals([kernel.left, gate.stats().backlogPackets], [["a", "c"], 1]);
  gate.release();
  assertEquals(kernel.left, ["a", "c", "b"]);
});

Deno.test("Gate.open() holds from the first moment on, when it is told so", () => {
  const { kernel, eth0 } = machine();
  using gate = Gate.open({ ...WEB, hold: true, connection: kernel.connection });
  kernel.meet("a", eth0, "egress");
  assertEquals([kernel.left, gate.read().hitPackets], [[], 1]);
});

Deno.test("foreseeGate() tells what Gate.open() would do, refuses what that refuses, and changes nothing", () => {
  const { kernel } = machine();
  const foresee = (options: GateOptions) => {
    const before = kernel.changes.length;
    const { would, existing, warnings } = foreseeGate(kernel.connection, planGate(options));
    assertEquals(kernel.changes.slice(before), []);
    return [would, existing?.match, warnings];
  };
  const other = { ...WEB, match: "tcp dst port 81" };
  assertEquals(foresee(WEB), ["make", undefined, []]);
  using _gate = Gate.open({ ...WEB, connection: kernel.connection });
  assertEquals(foresee(WEB), ["keep", ["tcp dst port 80"], []]);
  assertEquals(foresee({ ...other, replace: true }), ["replace", ["tcp dst port 80"], []]);
  const refusals = [other, { ...WEB, name: "dns", dev: "eth7" }].map((options) =>
    assertThrows(() => foresee(options), QueueError).code
  );
  assertEquals(refusals, ["different-gate", "no-device"]);
});

Deno.test("close() lets go what is held before the filters go, and the device last", async () => {
  const { kernel, eth0 } = machine();
  const gate = Gate.open({ ...WEB, connection: kernel.connection });
  gate.buffer();
  kernel.meet("a", eth0, "egress");
  kernel.meet("b", eth0, "egress");
  const before = kernel.changes.length;
  const report = await gate.close();
  assertEquals(report.discardedPackets, 0);
  assertEquals(kernel.left, ["a", "b"]);
  assertEquals(kernel.changes.slice(before), [
    PASS,
    FILTERS.map((filter) => `delete ${filter}`).join("; "),
    PASS,
    "delete 3 root 504c:",
    ...hasSeveralProcessors() ? [] : ["delete clsact 2"],
    "delete link 3",
  ]);
  assertEquals(traces(kernel), GONE);
});

Deno.test("close() discards what is held, when it is told so, and says how many", async () => {
  const { kernel, eth0 } = machine();
  const gate = Gate.open({ ...WEB, hold: true, connection: kernel.connection });
  kernel.meet("a", eth0, "egress");
  assertEquals((await gate.close({ drop: true })).discardedPackets, 1);
  assertEquals(traces(kernel), { ...GONE, lost: ["a"] });
});

Deno.test("close() leaves a gate there, released, when what it holds does not leave; again it takes it down", async () => {
  const { kernel, eth0 } = machine();
  const gate = Gate.open({ ...WEB, hold: true, connection: kernel.connection });
  kernel.meet("a", eth0, "egress");
  const device = kernel.devices[2];
  device.stuck = Infinity;
  const error = await assertRejects(() => gate.close({ timeoutMs: 20 }), QueueError);
  assertEquals([error.code, error.reason], [
    "not-drained",
    "its backlog is still 1 packet after 20 ms; it is left there",
  ]);
  assertEquals(kernel.devices.includes(device), true);
  device.stuck = 0;
  await gate.close();
  assertEquals([kernel.left, traces(kernel)], [["a"], GONE]);
});

Deno.test("close() passes over filters that another process deletes at that moment", async () => {
  const { kernel } = machine();
  const gate = Gate.open({ ...WEB, connection: kernel.connection });
  kernel.meanwhile = (request) => {
    if (request === `delete ${FILTERS[0]}`) kernel.filters.remove(2);
  };
  await gate.close();
  assertEquals(traces(kernel), GONE);
});

for (const step of SET_UP.flat()) {
  Deno.test(`Gate.open() undoes what it did, and says which step the kernel refused: ${step}`, () => {
    const { kernel } = machine();
    kernel.failures.set(step, [EINVAL, "Nothing doing"]);
    const error = assertThrows(() => Gate.open({ ...WEB, connection: kernel.connection }), QueueError);
    assertEquals([error.code, error.operation], ["refused", "add gate web"]);
    const words: Readonly<Record<string, string>> = {
      [`create link ${DEVICE}`]: `create ${DEVICE}`,
      "note 3": `write the note of ${DEVICE}`,
      "quiet 3": `keep ${DEVICE} from making an address`,
      "link 3 up": `take up ${DEVICE}`,
      "create 3 root 504c: limit 16777216": `create the plug of ${DEVICE}`,
      [PASS]: `release ${DEVICE}`,
      "create clsact 2": "create clsact",
    };
    assertEquals(error.reason, `Nothing doing (EINVAL), at this step: ${words[step] ?? "create a filter"}`);
    assertEquals(traces(kernel), step.startsWith("create filter") ? GONE : UNTOUCHED);
  });
}

const MODULES: Readonly<Record<string, string>> = {
  ifb: `create ${DEVICE}`,
  sch_plug: `create the plug of ${DEVICE}`,
  sch_ingress: "create clsact",
  cls_flower: "create a filter",
  act_mirred: "create a filter",
};
for (const [module, step] of Object.entries(MODULES)) {
  Deno.test(`Gate.open() names the module, and leaves nothing, when the kernel has no ${module}`, () => {
    const { kernel } = machine();
    kernel.lacks.add(module);
    const error = assertThrows(() => Gate.open({ ...WEB, connection: kernel.connection }), QueueError);
    assertEquals([error.code, error.reason], ["no-module", `this kernel has no ${module}, needed to ${step}`]);
    assertEquals(traces(kernel), step === "create a filter" ? GONE : UNTOUCHED);
  });
}

Deno.test("Gate.open() names act_gact, and leaves nothing, where something is excepted and the kernel has none", () => {
  const { kernel } = machine();
  kernel.lacks.add("act_gact");
  const options = { ...WEB, except: "src host 10.0.0.1", connection: kernel.connection };
  const error = assertThrows(() => Gate.open(options), QueueError);
  const reason = "this kernel has no act_gact, needed to create a filter for an exception";
  assertEquals([error.code, error.reason], ["no-module", reason]);
  assertEquals(traces(kernel), GONE);
});

Deno.test("Gate.open() names sch_prio, and leaves nothing, where something is to go first and the kernel has none", () => {
  const { kernel } = machine();
  kernel.lacks.add("sch_prio");
  const error = assertThrows(
    () => Gate.open({ ...WEB, first: "src host 10.0.0.1", connection: kernel.connection }),
    QueueError,
  );
  const reason = "this kernel has no sch_prio, needed to create prio on plug-web";
  assertEquals([error.code, error.reason], ["no-module", reason]);
  assertEquals(traces(kernel), UNTOUCHED);
});

Deno.test("a gate with what goes first is one plug: asked by its two handles, read and taken down as a whole", async () => {
  const { kernel } = machine();
  const gate = Gate.open({ ...WEB, first: "src host 10.0.0.1", connection: kernel.connection });
  assertEquals([gate.read().first, gate.read().faults, gate.stats().backlogPackets], [["src host 10.0.0.1"], [], 0]);
  const { ifindex } = gate.read();
  gate.buffer();
  assertEquals(kernel.sends.at(-1), [
    `change ${ifindex} none 504a: buffer`,
    `change ${ifindex} none 5049: buffer`,
  ]);
  await gate.close();
  assertEquals(traces(kernel), GONE);
});

Deno.test("Gate.open() makes what is excepted before the filters, and takes it down after them", async () => {
  const { kernel } = machine();
  const except = ["src host 10.0.0.1", "dst host 10.0.0.2"];
  const gate = Gate.open({ ...WEB, except, connection: kernel.connection });
  const exceptions = ["filter 2 egress pref 1000 0x504c8001", "filter 2 egress pref 1000 0x504c8002"];
  assertEquals(kernel.changes.at(-1), [...exceptions, ...FILTERS].map((filter) => `create ${filter}`).join("; "));
  assertEquals([gate.read().except, gate.read().faults], [except, []]);
  await gate.close();
  assertEquals(traces(kernel), GONE);
  assertEquals(
    kernel.changes.filter((change) => change.includes("delete filter")),
    [[...FILTERS, ...exceptions].map((filter) => `delete ${filter}`).join("; ")],
  );
});

Deno.test("Gate.open() says that it was there, when another process makes a filter like its own first", () => {
  const { kernel } = machine();
  kernel.meanwhile = (request) => {
    const { filters } = kernel;
    if (request !== `create ${FILTERS[0]}` || filters.all.length > 0) return;
    filters.add({ ...OTHERS, kind: "flower", priority: 1000, handle: 0x504c0001 });
  };
  const error = assertThrows(() => Gate.open({ ...WEB, connection: kernel.connection }), QueueError);
  assertEquals(error.reason, "Filter already exists (EEXIST), at this step: create a filter");
  assertEquals(kernel.filters.all.length, 1, "that of the other process stays");
});

Deno.test("Gate.open() takes over the same gate, and changes nothing", () => {
  const { kernel } = machine();
  using _gate = Gate.open({ ...WEB, connection: kernel.connection });
  const before = kernel.changes.length;
  const again = Gate.open({ ...WEB, connection: kernel.connection });
  assertEquals([again.made, kernel.changes.length, again.plug.warnings], [false, before, []]);
  const held = Gate.open({ ...WEB, hold: true, connection: kernel.connection });
  assertEquals([held.made, kernel.changes.length], [false, before]);
  assertEquals(held.plug.warnings, ["gate web is there already, and goes on as it was: buffer it to hold"]);
});

Deno.test("Gate.open() refuses another gate of the name, and with replace puts it in the place of the first", () => {
  const { kernel } = machine();
  Gate.open({ ...WEB, connection: kernel.connection });
  const before = kernel.changes.length;
  const other = { ...WEB, match: "udp", connection: kernel.connection };
  const error = assertThrows(() => Gate.open(other), QueueError);
  assertEquals([error.code, error.reason], [
    "different-gate",
    "another is there: egress of eth0, tcp dst port 80, limit 16777216, priority 1000",
  ]);
  assertEquals(kernel.changes.length, before);
  using second = Gate.open({ ...other, replace: true });
  assertEquals([second.made, listGates(kernel.connection).map(({ match }) => match)], [true, [["udp"]]]);
});

/** What stands in the way, and what is said about it. */
const REFUSALS: readonly {
  what: string;
  options?: Partial<GateOptions>;
  prepare?: (kernel: FakeKernel, eth0: FakeDevice) => void;
  code: string;
  reason: string;
}[] = [
  {
    what: "a device that is not there",
    options: { dev: "eth9" },
    code: "no-device",
    reason: "there is no such device",
  },
  {
    what: "a device of the gate's name",
    prepare: (kernel) => kernel.addDevice(DEVICE, { kind: "dummy" }),
    code: "name-in-use",
    reason: `a device ${DEVICE} is there, which plugctl did not make`,
  },
  {
    what: "an ifb",
    options: { dev: "ifb0" },
    prepare: (kernel) => kernel.addDevice("ifb0", { kind: "ifb" }),
    code: "refused",
    reason:
      "ifb0 is an ifb: packets come to it by a redirect, and the gate's own redirect would lose every one; hold " +
      "all that it carries with: plugctl attach --dev ifb0",
  },
  {
    what: "loopback in both directions",
    options: { dev: "lo", direction: "both" },
    code: "refused",
    reason: "lo is loopback: what leaves there comes in again, and would be held twice; use --direction out, or in",
  },
  {
    what: "an ingress qdisc",
    prepare: (kernel, eth0) => kernel.addQdisc(eth0, { kind: "ingress", handle: HOOK_HANDLE, parent: HOOK_PARENT }),
    code: "foreign-qdisc",
    reason:
      "an ingress qdisc is there, which plugctl did not make: it has no hook for what leaves, and clsact, which " +
      "has one, cannot stand beside it",
  },
  {
    what: "packets that a plug on the device holds",
    prepare: (kernel, eth0) => {
      kernel.addQdisc(eth0, { kind: "plug", handle: 0x700000 }).plug?.change(0, 0);
      kernel.transmit("a", eth0);
    },
    code: "refused",
    reason:
      "a plug on eth0 holds 1 packet, which the kernel discards when clsact is created there; release them first " +
      "with: plugctl release --dev eth0",
  },
  {
    what: "a filter with the priority",
    options: { priority: 7 },
    prepare: (kernel, eth0) => {
      kernel.addQdisc(eth0, { kind: "clsact", handle: HOOK_HANDLE, parent: HOOK_PARENT });
      kernel.filters.add({ ...OTHERS, priority: 7, actions: [DROP] });
    },
    code: "priority-in-use",
    reason: "a filter with priority 7 is there already",
  },
  {
    what: "a filter that the packets would bypass",
    prepare: (kernel, eth0) => {
      kernel.addQdisc(eth0, { kind: "clsact", handle: HOOK_HANDLE, parent: HOOK_PARENT });
      kernel.filters.add({ ...OTHERS, priority: 2000, actions: [DROP] });
    },
    code: "would-bypass",
    reason: "with its priority 1000 the packets that it takes would bypass what others have put behind it: filter " +
      "protocol all pref 2000 matchall chain 0 handle 0x1, on eth0 egress",
  },
  {
    what: "no permission",
    prepare: (kernel) => kernel.permits = false,
    code: "no-permission",
    reason: `it takes root, or CAP_NET_ADMIN, at this step: create ${DEVICE}`,
  },
];

for (const { what, options, prepare, code, reason } of REFUSALS) {
  Deno.test(`Gate.open() is refused before anything is touched, with ${what}`, () => {
    const { kernel, eth0 } = machine();
    prepare?.(kernel, eth0);
    const before = traces(kernel);
    const error = assertThrows(() => Gate.open({ ...WEB, ...options, connection: kernel.connection }), QueueError);
    assertEquals([error.code, error.message], [code, `Cannot ${error.operation}: ${reason}`]);
    assertEquals([traces(kernel), kernel.changes.filter((text) => !text.startsWith("create link"))], [before, []]);
  });
}

Deno.test("Gate.open() goes before the filters of others, and warns of it, when it is forced to", () => {
  const { kernel, eth0 } = machine();
  kernel.addQdisc(eth0, { kind: "clsact", handle: HOOK_HANDLE, parent: HOOK_PARENT });
  kernel.filters.add({ ...OTHERS, priority: 2000, actions: [DROP] });
  using gate = Gate.open({ ...WEB, force: true, connection: kernel.connection });
  assertEquals(gate.plug.warnings, [
    "the packets that the gate web takes on eth0 egress bypass: filter protocol all pref 2000 matchall chain 0 handle 0x1",
  ]);
});

Deno.test("listGates() says what a gate lacks: its filters, its plug, clsact, the device that it is on", () => {
  const faults = (spoil: (kernel: FakeKernel, eth0: FakeDevice) => void) => {
    const { kernel, eth0 } = machine();
    Gate.open({ ...WEB, connection: kernel.connection });
    spoil(kernel, eth0);
    return listGates(kernel.connection)[0].faults;
  };
  assertEquals(faults((kernel) => kernel.filters.remove(2)), ["not all of its filters"]);
  assertEquals(faults((kernel) => kernel.qdiscs.pop() && kernel.qdiscs.pop()), ["no clsact on eth0", "no plug"]);
  assertEquals(faults((kernel) => void (kernel.devices[2].isUp = false)), ["its device is down"]);
  assertEquals(faults((kernel) => void (kernel.devices[2].alias = "")), ["nothing but its device"]);
  assertEquals(faults((kernel, eth0) => kernel.removeDevice(eth0)), ["no device #2"]);
});
