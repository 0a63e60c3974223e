// Holds of plugs and of gates, on a kernel and with a guardian that are fakes: in which order, and what is said.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Gate } from "../../gate/gate.ts";
import { TCQ_PLUG_BUFFER, TCQ_PLUG_RELEASE_INDEFINITE } from "../../codec/mod.ts";
import { EINVAL } from "../../linux/netlink_error.ts";
import type { Hold } from "../../plug/hold.ts";
import { Plug } from "../../plug/plug.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { FakeGuardian } from "./fake_guardian.ts";
import { FakeKernel } from "./fake_kernel.ts";
import type { FakeDevice } from "./kernel_messages.ts";

/** A machine with eth0, whose index no other process has. */
class Scene {
  readonly kernel = new FakeKernel();
  readonly guardian = new FakeGuardian();
  readonly eth0: FakeDevice;

  constructor() {
    this.kernel.opensNamespace = true;
    const ifindex = 1000 + Math.floor(Math.random() * 2 ** 30);
    this.eth0 = this.kernel.addDevice("eth0", { ifindex });
  }

  /** What was sent, with the index left out. */
  get changes(): string[] {
    return this.kernel.changes.map((text) => text.replaceAll(String(this.eth0.ifindex), "eth0"));
  }

  plug(): Plug {
    return Plug.attach({ dev: "eth0", connection: this.kernel.connection });
  }

  gate(): Gate {
    const name = `t${Math.random().toString(36).slice(2, 10)}`;
    return Gate.open({ name, dev: "eth0", direction: "egress", match: "arp", connection: this.kernel.connection });
  }

  hold(what: Plug | Gate): Hold {
    return what.hold({ maxMs: 500, guardian: this.guardian });
  }
}

Deno.test("hold() gives the plug into the guardian's charge and arms it before it holds, and says no more", () => {
  const scene = new Scene();
  const plug = scene.plug();
  const order: string[] = [];
  scene.kernel.meanwhile = (request) =>
    void (request.startsWith("change") && order.push(request, ...scene.guardian.told));
  const hold = scene.hold(plug);
  assertEquals(order.slice(1), ["take plug eth0 (root)", "arm 500"]);
  assert(order[0].endsWith("buffer"));
  assertEquals(scene.guardian.told.slice(2), []);
  scene.kernel.transmit("a", scene.eth0);
  const { queues, cutShort } = hold.release();
  assertEquals([queues, cutShort, scene.kernel.left], [
    [{ queue: "eth0 (root)", packets: 1, bytes: 100, drops: 0 }],
    false,
    ["a"],
  ]);
  assertEquals(scene.guardian.told.at(-1), "drop");
});

Deno.test("a plug that was opened, or a gate, is in the guardian's charge from the first hold on, and not while it is looked at", () => {
  const scene = new Scene();
  const { connection } = scene.kernel;
  scene.plug();
  const { name } = scene.gate();
  const { guardian } = scene;
  const plug = Plug.open({ dev: "eth0", connection, guardian, maxHoldMs: 700 });
  const [gate] = Gate.named(connection, [name], { guardian, maxHoldMs: 800 });
  for (const queue of [plug, gate.plug]) {
    queue.stats();
    queue.release();
    queue.setLimit(5000);
  }
  assertEquals([guardian.told, plug.isGuarded, gate.plug.isGuarded], [[], false, false]);
  plug.buffer();
  assertEquals(guardian.told.splice(0), ["take plug eth0 (root)", "arm 700"]);
  plug.release();
  plug.buffer();
  assertEquals(guardian.told.splice(0), ["arm 700"]);
  gate.hold({ maxMs: 500 }).release();
  assertEquals(guardian.told[0], `take gate ${name}`);
  assertEquals([plug.isGuarded, gate.plug.isGuarded], [true, true]);
});

Deno.test("a hold that is refused leaves nothing in the guardian's charge", () => {
  const scene = new Scene();
  const { guardian, kernel: { connection } } = scene;
  scene.plug();
  const plug = Plug.open({ dev: "eth0", connection, guardian });
  scene.kernel.failures.set(`change ${scene.eth0.ifindex} root 504c: buffer`, [EINVAL, "Not now"]);
  assertThrows(() => plug.hold({ maxMs: 500 }), QueueError, "Not now");
  assertEquals([guardian.told.at(-1), plug.isGuarded], ["drop", false]);
  scene.kernel.failures.clear();
  plug.hold({ maxMs: 500 }).release();
  assertEquals([guardian.told.filter((text) => text.startsWith("take")).length, plug.isGuarded], [2, true]);
});

Deno.test("hold() of a gate holds what it matches, and a report tells of it", () => {
  const scene = new Scene();
  const gate = scene.gate();
  const hold = scene.hold(gate);
  scene.kernel.meet("a", scene.eth0, "egress");
  scene.kernel.meet("b", scene.eth0, "ingress");
  assertEquals([scene.kernel.left, hold.counts().backlogPackets], [["b"], 1]);
  assertEquals([hold.release().queues[0].packets, scene.kernel.left], [1, ["b", "a"]]);
  assertEquals(scene.guardian.told[0], `take plug gate ${gate.name}`);
});

Deno.test("hold() does not hold, when the kernel refuses, and takes the plug out of the guardian's charge", () => {
  const scene = new Scene();
  const plug = scene.plug();
  scene.kernel.failures.set(`change ${scene.eth0.ifindex} root 504c: buffer`, [EINVAL, "Not now"]);
  const error = assertThrows(() => scene.hold(plug), QueueError);
  assertEquals(error.message, "Cannot hold eth0 (root): Not now (EINVAL)");
  assertEquals([scene.kernel.plugAt(scene.eth0).holds, scene.guardian.told.at(-1)], [false, "drop"]);
});

Deno.test("hold() is refused, when no filter leads to the gate any more", () => {
  const scene = new Scene();
  const gate = scene.gate();
  scene.kernel.filters.remove(scene.eth0.ifindex);
  const error = assertThrows(() => scene.hold(gate), QueueError);
  assertEquals([error.code, error.message], [
    "broken-gate",
    `Cannot hold gate ${gate.name}: no filter leads to it any more, so that it can hold nothing`,
  ]);
});

Deno.test("release() says that the guardian was faster, and what it released", async () => {
  const scene = new Scene();
  const hold = scene.hold(scene.plug());
  scene.kernel.transmit("a", scene.eth0);
  const waiting = hold.whenCutShort();
  scene.kernel.plugAt(scene.eth0).change(TCQ_PLUG_RELEASE_INDEFINITE, 0);
  scene.guardian.say({ why: "deadline", backlog: { packets: 1, bytes: 100 } });
  assertEquals([await waiting, hold.cutShort], ["deadline", true]);
  const { queues, cutShort } = hold.release();
  assertEquals([queues[0].packets, cutShort], [1, true]);
});

for (const isWhole of [true, undefined] as const) {
  Deno.test(`release() ${isWhole ? "leaves alone" : "lets go"} what is there, when others have released ${isWhole ? "all" : "some"}`, async () => {
    const scene = new Scene();
    const hold = scene.hold(scene.plug());
    const plug = scene.kernel.plugAt(scene.eth0);
    plug.change(TCQ_PLUG_RELEASE_INDEFINITE, 0);
    plug.change(TCQ_PLUG_BUFFER, 0);
    scene.kernel.transmit("theirs", scene.eth0);
    scene.guardian.say({ why: "disturbed", disturbance: { what: "released", isWhole } });
    assertEquals(hold.release().disturbance?.what, "released");
    assertEquals([plug.holds, scene.kernel.left], isWhole ? [true, []] : [false, ["theirs"]]);
    await hold.drained();
  });
}

Deno.test("release() fails and says what others did, when the plug is not there any more with what it held", () => {
  const scene = new Scene();
  const hold = scene.hold(scene.plug());
  scene.kernel.transmit("a", scene.eth0);
  scene.kernel.removeQdisc(scene.kernel.qdiscs[0]);
  scene.guardian.say({
    why: "disturbed",
    backlog: { packets: 1, bytes: 100 },
    disturbance: { what: "deleted", by: "process 12 (tc)" },
  });
  const error = assertThrows(() => hold.release(), QueueError);
  assertEquals([error.code, error.message], [
    "vanished",
    "Cannot release eth0 (root): the plug vanished, with what it still held: process 12 (tc) deleted it: at least 1 " +
    "packet is lost",
  ]);
});

Deno.test("release() of several releases those that are there, when one is gone, and says which", () => {
  const scene = new Scene();
  const eth1 = scene.kernel.addDevice("eth1");
  const plugs = [scene.plug(), Plug.attach({ dev: "eth1", connection: scene.kernel.connection })];
  const hold = Plug.all(plugs).hold({ maxMs: 500, guardian: scene.guardian });
  scene.kernel.transmit("a", scene.eth0);
  scene.kernel.transmit("b", eth1);
  scene.kernel.removeQdisc(scene.kernel.qdiscs[0]);
  const error = assertThrows(() => hold.release(), QueueError);
  assertEquals([error.code, scene.kernel.left], ["vanished", ["b"]]);
  assert(error.message.startsWith("Cannot release eth0 (root): the plug vanished"), error.message);
});

Deno.test("a hold releases at the end of its block, and only once", () => {
  const scene = new Scene();
  const plug = scene.plug();
  {
    using hold = scene.hold(plug);
    scene.kernel.transmit("a", scene.eth0);
    hold.release();
  }
  const releases = scene.changes.filter((text) => text === "change eth0 root 504c: release-indefinite");
  assertEquals([releases.length, scene.kernel.left], [1, ["a"]]);
});

Deno.test("hold() says what time it can keep", () => {
  const plug = new Scene().plug();
  for (const maxMs of [0, -1, NaN, 2 ** 31]) {
    assertThrows(
      () => plug.hold({ maxMs }),
      RangeError,
      `maxMs is ${maxMs}, must be more than 0 and at most 2147483647`,
    );
  }
});
