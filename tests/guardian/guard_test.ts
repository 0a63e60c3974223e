// What a guardian does, in this process: over a channel that is a fake, on a kernel that is one.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { TC_H_ROOT } from "../../codec/handle.ts";
import { Gate } from "../../gate/gate.ts";
import type { GateCharge } from "../../gate/guarded_gate.ts";
import type { Duty, Released } from "../../guardian/charge.ts";
import { Guard } from "../../guardian/guard.ts";
import { Ear } from "../../guardian/ear.ts";
import { markOfPlug } from "../../guardian/mark.ts";
import { WATCHED_GROUPS } from "../../guardian/watch.ts";
import { EINVAL } from "../../linux/netlink_error.ts";
import { sleep } from "../../linux/process.ts";
import { Listener } from "../../netlink/listener.ts";
import type { PlugCharge } from "../../plug/guarded_plug.ts";
import { Plug } from "../../plug/plug.ts";
import { changeRequest, deleteRequest, type PlugAction, type QdiscPlace } from "../../plug/plug_requests.ts";
import { deleteDevice } from "../../plug/gate_device.ts";
import { deleteFilter } from "../../plug/filter.ts";
import { until } from "../kernel/until.ts";
import { CHARGE_ID, FakeChannel, Scene, STRANGER } from "./scene.ts";

const RELEASE = "change 2 root 504c: release-indefinite";

Deno.test("Guard releases what is held when the process is dead, and leaves the plug there", async () => {
  const scene = new Scene();
  await scene.hold();
  assertEquals(scene.kernel.left, []);
  scene.channel.end();
  await scene.ended;
  assertEquals([scene.kernel.left, scene.kernel.plugAt(scene.eth0).holds], [["a"], false]);
});

Deno.test("Guard takes away what the dead process made, once what it held has left", async () => {
  const scene = new Scene();
  await scene.hold({ takeAway: true });
  scene.channel.end();
  await scene.ended;
  assertEquals([scene.kernel.left, scene.kernel.qdiscs, scene.kernel.lost], [["a"], [], []]);
});

Deno.test("Guard takes down a gate that the dead process was making, found by its name", async () => {
  const scene = new Scene();
  const charge: GateCharge = { kind: "gate", name: "web", takeAway: true };
  scene.channel.order({ order: "take", id: CHARGE_ID, charge });
  await scene.channel.reported("taken");
  const options = { name: "web", dev: "eth0", direction: "egress", match: "tcp", hold: true } as const;
  Gate.open({ ...options, connection: scene.kernel.connection });
  scene.kernel.meet("a", scene.eth0, "egress");
  scene.channel.end();
  await scene.ended;
  const { left, lost, filters, devices } = scene.kernel;
  assertEquals([left, lost, filters.all, devices.map(({ name }) => name)], [["a"], [], [], ["lo", "eth0"]]);
});

Deno.test("Guard releases at the deadline, and says what was held; the process goes on", async () => {
  const scene = new Scene();
  await scene.hold({ maxMs: 20 });
  const { why, backlog } = await scene.channel.reported("released");
  assertEquals([why, backlog, scene.kernel.left], ["deadline", { packets: 1, bytes: 100 }, ["a"]]);
  scene.channel.order({ order: "drop", id: CHARGE_ID });
  await scene.channel.reported("dropped");
  scene.channel.end();
  await scene.ended;
});

Deno.test("Guard lets others know its deadline for as long as it holds, and only the last one", async () => {
  const scene = new Scene();
  const from = Date.now();
  await scene.hold({ maxMs: 60_000 });
  const [deadline] = scene.deadlines;
  assertEquals([deadline.mark, scene.deadlines.size], [markOfPlug({ ifindex: 2, parent: TC_H_ROOT }), 1]);
  assert(deadline.atMs >= from + 60_000 && deadline.atMs <= Date.now() + 60_000);
  scene.channel.order({ order: "arm", id: CHARGE_ID, maxMs: 90_000 });
  scene.channel.order({ order: "look", id: CHARGE_ID });
  await scene.channel.reported("looked");
  assertEquals([...scene.deadlines].map(({ atMs }) => atMs >= from + 90_000), [true]);
  scene.channel.order({ order: "disarm", id: CHARGE_ID });
  scene.channel.end();
  await scene.ended;
  assertEquals(scene.deadlines.size, 0);
});

Deno.test("Guard counts a deadline anew, and sets none where there is none or it was called off", async () => {
  const scene = new Scene();
  const from = Date.now();
  const atTheEnd = async () => {
    scene.channel.reports.length = 0;
    scene.channel.order({ order: "look", id: CHARGE_ID });
    await scene.channel.reported("looked");
    return [...scene.deadlines].map(({ atMs }) => atMs - from >= 90_000);
  };
  await scene.hold();
  scene.channel.order({ order: "renew", id: CHARGE_ID, maxMs: 90_000 });
  assertEquals(await atTheEnd(), []);
  scene.channel.order({ order: "arm", id: CHARGE_ID, maxMs: 1000 }, { order: "renew", id: CHARGE_ID, maxMs: 90_000 });
  assertEquals(await atTheEnd(), [true]);
  scene.channel.order({ order: "disarm", id: CHARGE_ID }, { order: "renew", id: CHARGE_ID, maxMs: 90_000 });
  assertEquals(await atTheEnd(), []);
  scene.channel.end();
  await scene.ended;
});

Deno.test("Guard releases on SIGTERM, and says so", async () => {
  const scene = new Scene();
  await scene.hold();
  scene.guard.releaseAll();
  assertEquals([(await scene.channel.reported("released")).why, scene.kernel.left], ["SIGTERM", ["a"]]);
  scene.channel.end();
  await scene.ended;
});

Deno.test("Guard says why it could not release at the deadline, and tries it again at the death", async () => {
  const scene = new Scene();
  await scene.hold({ maxMs: 20 });
  scene.kernel.failures.set(RELEASE, [EINVAL, "Not now"]);
  assertEquals((await scene.channel.reported("released")).failure, "Cannot release eth0 (root): Not now (EINVAL)");
  assertEquals(scene.kernel.left, []);
  scene.channel.end();
  await scene.ended;
  assertEquals(scene.kernel.left, ["a"]);
});

Deno.test("Guard tries a release again that the kernel refuses, and in the end fails", async () => {
  const scene = new Scene();
  await scene.hold();
  let refused = 0;
  scene.kernel.meanwhile = (request) => {
    if (request !== RELEASE) return;
    refused++;
    scene.kernel.failures.set(RELEASE, [EINVAL, "Never"]);
  };
  scene.channel.end();
  const error = await assertRejects(() => scene.ended, AggregateError, "Cannot put everything right");
  assertEquals([refused, error.errors.map(({ message }: Error) => message)], [3, [
    "Cannot release eth0 (root): Never (EINVAL)",
  ]]);
});

Deno.test("Guard does nothing about what was taken out of its charge, and ends when it is not needed", async () => {
  const scene = new Scene();
  await scene.hold();
  scene.channel.order({ order: "drop", id: CHARGE_ID });
  await scene.channel.reported("dropped");
  scene.channel.order({ order: "leave" });
  await scene.ended;
  assertEquals([scene.kernel.left, scene.kernel.plugAt(scene.eth0).holds], [[], true]);
});

Deno.test("Guard refuses a charge for which it has no way, and says why", async () => {
  const scene = new Scene();
  const charge: GateCharge = { kind: "gate", name: "a name that is too long", takeAway: false };
  scene.channel.order({ order: "take", id: CHARGE_ID, charge });
  const { reason } = await scene.channel.reported("refused");
  assertEquals(reason, 'invalid gate name "a name that is too long": use 1 to 10 bytes, without space, /, : and %');
  scene.channel.end();
  await scene.ended;
});

/** What others do to a plug that holds, and what the guardian says happened. */
const DISTURBANCES: readonly [happening: string, disturb: (scene: Scene, place: QdiscPlace) => void][] = [
  ["released", ({ stranger }, place) => {
    stranger.transact([changeRequest(place, "release-indefinite")], { overheard: true });
  }],
  ["deleted", ({ stranger }, place) => void stranger.transact([deleteRequest(place)])],
  ["gone", ({ stranger, eth0 }) => void stranger.transact([deleteDevice(eth0.ifindex)])],
];

for (const [happening, disturb] of DISTURBANCES) {
  Deno.test(`Guard says that others have disturbed what it watches: ${happening}`, async () => {
    const scene = new Scene();
    const place = await scene.hold();
    disturb(scene, place);
    const { why, disturbance, backlog }: Released = await scene.channel.reported("released");
    assertEquals([why, disturbance?.what, backlog], ["disturbed", happening, { packets: 1, bytes: 100 }]);
    assertEquals(disturbance?.isWhole, happening === "released" ? true : undefined);
    scene.channel.end();
    await scene.ended;
  });
}

Deno.test("Guard says that the filters of a gate that it watches were deleted", async () => {
  const scene = new Scene();
  const options = { name: "web", dev: "eth0", direction: "egress", match: "arp" } as const;
  const gate = Gate.open({ ...options, connection: scene.kernel.connection });
  const [{ ifindex, parent, priority, handle }] = scene.kernel.filters.all;
  const hook = { devices: [ifindex], parents: [parent], priority };
  const charge: GateCharge = { kind: "gate", name: "web", ifindex: gate.read().ifindex, hook, takeAway: false };
  scene.channel.order({ order: "take", id: CHARGE_ID, charge });
  await scene.channel.reported("taken");
  gate.buffer();
  scene.channel.order({ order: "arm", id: CHARGE_ID }, { order: "watch", id: CHARGE_ID });
  await scene.channel.reported("watching");
  scene.stranger.transact([deleteFilter({ ifindex, parent, priority, handle })]);
  assertEquals((await scene.channel.reported("released")).disturbance?.what, "unfiltered");
  scene.channel.end();
  await scene.ended;
});

Deno.test("Guard leaves alone at the death what is in the place of a plug that others deleted", async () => {
  const scene = new Scene();
  const place = await scene.hold();
  scene.stranger.transact([deleteRequest(place)]);
  await scene.channel.reported("released");
  const other = scene.kernel.addQdisc(scene.eth0, { kind: "plug", handle: place.handle });
  other.plug?.change(0, 0);
  scene.channel.end();
  await scene.ended;
  assertEquals(other.plug?.holds, true);
});

Deno.test("Guard leaves alone what may be another's, also where it was stopped right before a look", async () => {
  const scene = new Scene();
  const place = await scene.hold({ takeAway: true, isEmpty: true });
  const looked = Promise.withResolvers<void>();
  scene.beforeLook = () => {
    scene.beforeLook = () => {};
    scene.stranger.transact([deleteRequest(place)]);
    scene.kernel.addQdisc(scene.eth0, { kind: "plug", handle: place.handle }).plug?.change(0, 0);
    for (const listener of scene.listeners) listener.loseAll();
    sleep(600);
    looked.resolve();
  };
  await looked.promise;
  scene.channel.end();
  await scene.ended;
  assertEquals(scene.kernel.plugAt(scene.eth0).holds, true);
  assertMatch(scene.log.join(), /leaves eth0 \(root\) alone: this process was stopped/);
});

Deno.test("Guard looks at all that hold, also where they are too many for every time, and has time for orders", async () => {
  const LOOK_MS = 5;
  const WAIT = { timeoutMs: 20_000 };
  const looks = new Map<string, number>();
  const channel = new FakeChannel();
  const look = (name: string) => {
    looks.set(name, (looks.get(name) ?? 0) + 1);
    sleep(LOOK_MS);
    return { packets: 1, bytes: 100, sent: 0 };
  };
  const dutyOf = ({ name = "" }: PlugCharge): Promise<Duty> => Promise.resolve({ look: () => look(name) });
  const guard = new Guard(channel, dutyOf, new Scene().reach);
  const ended = guard.obey();
  const names = Array.from({ length: 40 }, (_, id) => `plug ${id}`);
  const place = { ifindex: 2, parent: TC_H_ROOT, handle: 0 };
  for (const [id, name] of names.entries()) {
    const charge: PlugCharge = { kind: "plug", name, dev: "eth0", place, takeAway: false };
    channel.order({ order: "take", id, charge });
    channel.order({ order: "arm", id }, { order: "watch", id });
  }
  await until(() => channel.reports.filter(({ report }) => report === "watching").length === names.length, WAIT);
  looks.clear();
  const from = performance.now();
  await until(() => names.every((name) => (looks.get(name) ?? 0) >= 2), WAIT);
  const looked = [...looks.values()].reduce((sum, count) => sum + count, 0) * LOOK_MS;
  assert(looked < (performance.now() - from) / 2, `${looked} ms of ${performance.now() - from} passed with looks`);
  guard.leave();
  channel.end();
  await ended;
});

for (const order of ["watch", "know"] as const) {
  Deno.test(`Guard leaves it alone also where it hears of the plug only behind that: ${order}`, async () => {
    const scene = new Scene();
    const plug = Plug.attach({ dev: "eth0", connection: scene.kernel.connection });
    const charge: PlugCharge = { kind: "plug", name: "eth0 (root)", dev: "eth0", place: plug.place, takeAway: true };
    scene.channel.order({ order: "take", id: CHARGE_ID, charge }, { order: "arm", id: CHARGE_ID });
    await scene.channel.reported("taken");
    plug.buffer({ force: true });
    scene.stranger.transact([deleteRequest(plug.place)]);
    const other = scene.kernel.addQdisc(scene.eth0, { kind: "plug", handle: plug.place.handle });
    other.plug?.change(0, 0);
    scene.channel.order({ order, id: CHARGE_ID });
    await scene.channel.reported("watching");
    scene.channel.end();
    await scene.ended;
    assertEquals([scene.kernel.qdiscs.includes(other), other.plug?.holds], [true, true]);
  });
}

/** How a plug was changed by others while it held nothing: by tc, of whose changes the kernel does not say what they were, or by plugctl. */
type Change = ["tc" | "plugctl", ...PlugAction[]];

function changeBy({ stranger, kernel }: Scene, place: QdiscPlace, [by, ...actions]: Change): void {
  const connection = by === "tc" ? stranger : kernel.connect(STRANGER - 1);
  for (const action of actions) {
    connection.transact([changeRequest(place, action, 1000)], { overheard: by === "plugctl" });
  }
}

const UNCLEAR: [what: string, ...Change[]][] = [
  ["tc releases it and makes it hold again", ["tc", "release-indefinite", "buffer"]],
  ["tc releases it and plugctl makes it hold again", ["tc", "release-indefinite"], ["plugctl", "buffer"]],
];

for (const [what, ...changes] of UNCLEAR) {
  Deno.test(`Guard keeps no deadline of a plug that held nothing when ${what}, and says so`, async () => {
    const scene = new Scene();
    const place = await scene.keep(60_000);
    for (const change of changes) changeBy(scene, place, change);
    scene.kernel.transmit("of others", scene.eth0);
    await scene.letGo;
    assertEquals([scene.kernel.left, scene.kernel.plugAt(scene.eth0).holds], [[], true]);
    assertEquals(scene.log, [
      `the guardian ${Deno.pid} leaves eth0 (root) alone: others have changed it more than once: it may have been ` +
      "released, and be held by them since",
    ]);
  });
}

const CLEAR: [what: string, ...Change[]][] = [
  ["nobody touches"],
  ["plugctl goes on holding by epochs", ["plugctl", "buffer", "release-one", "limit", "buffer", "release-one"]],
  ["tc changes once", ["tc", "limit"]],
  ["tc releases", ["tc", "release-indefinite"]],
];

for (const [what, ...changes] of CLEAR) {
  Deno.test(`Guard keeps the deadline of a plug that holds nothing and that ${what}`, async () => {
    const scene = new Scene();
    const place = await scene.keep(500);
    for (const change of changes) changeBy(scene, place, change);
    await scene.letGo;
    assertEquals([scene.kernel.plugAt(scene.eth0).holds, scene.log], [false, []]);
  });
}

Deno.test("Guard keeps no deadline in a network namespace that was deleted, and says so", async () => {
  const scene = new Scene();
  await scene.keep(60_000);
  scene.isNamespaceDeleted = true;
  await scene.letGo;
  assertEquals([scene.kernel.plugAt(scene.eth0).holds, scene.log], [false, [
    `the guardian ${Deno.pid} releases eth0 (root) before its deadline: its network namespace was deleted`,
  ]]);
});

Deno.test("Guard says to the process that holds that it may be others who hold by now, and leaves that alone", async () => {
  const scene = new Scene();
  const place = await scene.hold({ isEmpty: true });
  changeBy(scene, place, ["tc", "release-indefinite", "buffer"]);
  const { why, disturbance }: Released = await scene.channel.reported("released");
  assertEquals([why, disturbance?.what, disturbance?.isWhole], ["disturbed", "unclear", true]);
  scene.channel.end();
  await scene.ended;
  assertEquals([scene.kernel.plugAt(scene.eth0).holds, scene.log.length], [true, 1]);
});

Deno.test("Guard leaves alone at the death what others have released, which was told, and hold since", async () => {
  const scene = new Scene();
  const place = await scene.hold();
  changeBy(scene, place, ["plugctl", "release-indefinite", "buffer"]);
  assertEquals((await scene.channel.reported("released")).disturbance?.what, "released");
  scene.kernel.transmit("of others", scene.eth0);
  scene.channel.end();
  await scene.ended;
  assertEquals([scene.kernel.left, scene.log.length], [["a"], 1]);
});

Deno.test("Guard takes away what the dead process made, though others may hold it by now", async () => {
  const scene = new Scene();
  const place = await scene.hold({ isEmpty: true, takeAway: true });
  changeBy(scene, place, ["tc", "release-indefinite", "buffer"]);
  scene.kernel.transmit("of others", scene.eth0);
  await scene.channel.reported("released");
  scene.channel.end();
  await scene.ended;
  assertEquals([scene.kernel.left, scene.kernel.qdiscs, scene.log], [["of others"], [], []]);
});

Deno.test("Ear takes a plug that was seen to hold between two changes for one that nobody has released", () => {
  const scene = new Scene();
  const { kernel: { connection }, kernel } = scene;
  const { place } = Plug.attach({ dev: "eth0", connection });
  using ear = new Ear(new Listener(kernel.listen(WATCHED_GROUPS)), () => {});
  ear.attend(CHARGE_ID, place, { isDown: () => false });
  const isUnclear = (looks: number) => {
    ear.forget(CHARGE_ID);
    changeBy(scene, place, ["tc", "buffer"]);
    ear.hear();
    for (let look = 0; look < looks; look++) ear.seeHolding(CHARGE_ID);
    changeBy(scene, place, ["tc", "buffer"]);
    ear.hear();
    return ear.newsOf(CHARGE_ID).some(({ what }) => what === "unclear");
  };
  // The first look may have been made before the change.
  assertEquals([0, 1, 2].map(isUnclear), [true, true, false]);
});
