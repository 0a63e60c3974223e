// A guardian hears its process twice: by its orders, and by what the kernel says that it has done. Neither is to be taken for
// earlier or later than it was.
import { assert, assertEquals } from "@std/assert";
import { TC_H_ROOT } from "../../codec/handle.ts";
import type { Duty, Order } from "../../guardian/charge.ts";
import { Guard } from "../../guardian/guard.ts";
import { EINVAL } from "../../linux/netlink_error.ts";
import { sleep } from "../../linux/process.ts";
import type { PlugCharge } from "../../plug/guarded_plug.ts";
import { Plug } from "../../plug/plug.ts";
import { changeRequest, type PlugAction, type QdiscPlace } from "../../plug/plug_requests.ts";
import { FakeGuardian } from "../plug/fake_guardian.ts";
import { FakeKernel } from "../plug/fake_kernel.ts";
import { CHARGE_ID, FakeChannel, Scene } from "./scene.ts";

const id = CHARGE_ID;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The process changes its plug. */
function change({ kernel }: Scene, place: QdiscPlace, ...actions: PlugAction[]): void {
  kernel.connection.transact(actions.map((action) => changeRequest(place, action, 1000)), { overheard: true });
}

/** A plug that passes packets, in the guardian's charge. */
async function entrusted({ kernel: { connection }, channel }: Scene): Promise<QdiscPlace> {
  const { place, dev } = Plug.attach({ dev: "eth0", connection });
  const charge: PlugCharge = { kind: "plug", name: dev, dev, place, takeAway: false, port: connection.port };
  channel.order({ order: "take", id, charge });
  await channel.reported("taken");
  return place;
}

/** The guardian has just heard something, so that it does not listen for the next milliseconds. */
async function deafen({ stranger }: Scene, place: QdiscPlace): Promise<void> {
  await pause(10);
  stranger.transact([changeRequest(place, "limit", 1000)], { overheard: true });
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

/** The process dies: what has left then, and whether the plug holds. */
async function atDeath({ channel, ended, kernel, eth0 }: Scene): Promise<[left: string[], holds: boolean]> {
  channel.end();
  await ended;
  return [kernel.left, kernel.plugAt(eth0).holds];
}

const released = ({ channel }: Scene) =>
  channel.reports.flatMap((report) => report.report === "released" ? [report] : []);

/** A hold that its process has renewed milliseconds before its deadline, on a machine that may be busy. */
async function renewedAtLast(): Promise<Scene> {
  for (let round = 0; round < 50; round++) {
    const scene = new Scene();
    const place = await scene.hold({ maxMs: 200 });
    const [{ atMs }] = scene.deadlines;
    await pause(atMs - Date.now() - 15);
    await deafen(scene, place);
    change(scene, place, "buffer");
    if (Date.now() < atMs) return scene;
    await atDeath(scene);
  }
  throw new Error("Each time the deadline had come before it could be renewed");
}

Deno.test("Guard releases nothing at a deadline that its process has renewed, though it hears of that only then", async () => {
  const scene = await renewedAtLast();
  sleep(20);
  await pause(20);
  assertEquals([scene.kernel.left, released(scene), scene.deadlines.size], [[], [], 1]);
  assertEquals(await atDeath(scene), [["a"], false]);
});

/** What a process orders in one go while it changes its plug, which it had released. */
const AT_ONCE: readonly [what: string, before: Order[], after: Order[]][] = [
  ["calls off a deadline, and holds anew", [{ order: "disarm", id }, { order: "arm", id }], []],
  ["holds anew, and does more", [], [{ order: "unwatch", id }, { order: "watch", id }]],
];

for (const [what, before, after] of AT_ONCE) {
  Deno.test(`Guard follows orders in their order, and releases what is held at the death, where its process ${what}`, async () => {
    const scene = new Scene();
    const place = await scene.hold();
    change(scene, place, "release-indefinite");
    await deafen(scene, place);
    scene.channel.order(...before);
    change(scene, place, "buffer");
    scene.kernel.transmit("b", scene.eth0);
    scene.channel.order(...after);
    await scene.pass(20);
    assertEquals(await atDeath(scene), [["a", "b"], false]);
  });
}

Deno.test("Guard does not set the deadline that was renewed in the place of one that was set after that", async () => {
  const scene = new Scene();
  await scene.hold({ maxMs: 60_000 });
  scene.channel.order({ order: "renew", id, maxMs: 60_000 }, { order: "arm", id, maxMs: 10_000 });
  await scene.pass(20);
  assertEquals([...scene.deadlines].map(({ atMs }) => atMs < Date.now() + 30_000), [true]);
  await atDeath(scene);
});

for (const end of ["watch", "death"] as const) {
  Deno.test(`Guard lets go also what its process makes hold past the deadline while it is not watched, until its ${end}`, async () => {
    const scene = new Scene();
    const place = await scene.hold({ maxMs: 60 });
    scene.channel.order({ order: "unwatch", id });
    await scene.channel.reported("released");
    await deafen(scene, place);
    change(scene, place, "limit", "buffer");
    scene.kernel.transmit("b", scene.eth0);
    if (end === "watch") {
      scene.channel.order({ order: "watch", id });
      await scene.pass(120);
      assertEquals([scene.kernel.left, scene.kernel.plugAt(scene.eth0).holds], [["a", "b"], false]);
      scene.kernel.transmit("c", scene.eth0);
      await scene.pass(120);
      assertEquals(released(scene).map(({ why }) => why), ["deadline"]);
    }
    assertEquals((await atDeath(scene))[1], false);
  });
}

Deno.test("Guard hears that its process releases the plug also while it does not watch that", async () => {
  const scene = new Scene();
  const place = await scene.hold({ maxMs: 60_000 });
  scene.channel.order({ order: "unwatch", id });
  await scene.pass(0);
  change(scene, place, "release-indefinite");
  scene.stranger.transact([changeRequest(place, "buffer")], { overheard: true });
  scene.kernel.transmit("of others", scene.eth0);
  await scene.pass(20);
  assertEquals(scene.deadlines.size, 0);
  assertEquals(await atDeath(scene), [["a"], true]);
});

Deno.test("Guard sets a deadline at once where it may not have heard that its process holds, and says later that it does not know which hold it was", async () => {
  const scene = new Scene();
  const place = await scene.hold({ maxMs: 60_000 });
  change(scene, place, "release-indefinite");
  scene.channel.order({ order: "arm", id, maxMs: 100 });
  await scene.pass(0);
  change(scene, place, "release-indefinite");
  await scene.pass(20);
  await deafen(scene, place);
  change(scene, place, "buffer");
  for (const listener of scene.listeners) listener.loseAll();
  scene.stranger.transact([changeRequest(place, "limit", 1000)], { overheard: true });
  await pause(20);
  assertEquals(scene.deadlines.size, 1);
  assertEquals((await scene.channel.reported("released")).since, "unknown");
  assertEquals(await atDeath(scene), [["a"], false]);
});

Deno.test("Guard releases in time what it has heard only the release of, where it could not hear that its process holds", async () => {
  const scene = new Scene();
  const place = await entrusted(scene);
  scene.channel.order({ order: "arm", id });
  const loseAll = () => scene.listeners.forEach((listener) => listener.loseAll());
  change(scene, place, "buffer");
  loseAll();
  await scene.pass(0);
  change(scene, place, "release-indefinite");
  await scene.pass(0);
  change(scene, place, "buffer");
  loseAll();
  scene.kernel.transmit("b", scene.eth0);
  assertEquals(await atDeath(scene), [["b"], false]);
});

Deno.test("Guard keeps the deadline of a plug that others release right before it is made to hold", async () => {
  const scene = new Scene();
  const place = await entrusted(scene);
  scene.channel.order({ order: "outlive", id }, { order: "arm", id, maxMs: 150 });
  scene.stranger.transact([changeRequest(place, "release-indefinite")], { overheard: true });
  await pause(20);
  change(scene, place, "buffer");
  scene.kernel.transmit("b", scene.eth0);
  scene.channel.order({ order: "watch", id });
  await scene.channel.reported("watching");
  assertEquals((await atDeath(scene))[1], true);
  await pause(250);
  assertEquals([scene.kernel.left, scene.kernel.plugAt(scene.eth0).holds], [["b"], false]);
});

Deno.test("Guard that outlives its process takes nothing for its doing, though another has the number of its socket by then", async () => {
  const scene = new Scene();
  const place = await scene.keep(60_000);
  change(scene, place, "release-indefinite");
  assertEquals(await Promise.race([scene.letGo, pause(500).then(() => "goes on")]), undefined);
  scene.guard.leave();
});

Deno.test("Guard puts right also what it was about to take when its process died", async () => {
  const channel = new FakeChannel();
  const done: string[] = [];
  const dutyOf = async ({ name = "" }: PlugCharge): Promise<Duty> => {
    await pause(20);
    return { putRight: () => Promise.resolve(void done.push(name)) };
  };
  const guard = new Guard(channel, dutyOf, new Scene().reach);
  const ended = guard.obey();
  const take = (id: number): Order => {
    const place = { ifindex: 2, parent: TC_H_ROOT, handle: 0 };
    const charge: PlugCharge = { kind: "plug", name: `${id}`, dev: "eth0", place, takeAway: true };
    return { order: "take", id, charge };
  };
  channel.order(take(1));
  await channel.reported("taken");
  // Whoever looks hears also what is ordered behind that
  channel.order({ order: "look", id: 1 }, take(2));
  channel.end();
  await ended;
  assertEquals(done, ["1", "2"]);
});

Deno.test("Guard takes a request by its number for that of its process before that of one that does not say its socket", async () => {
  const scene = new Scene();
  const place = await scene.hold();
  change(scene, place, "release-indefinite");
  const { connection } = scene.kernel;
  while (scene.stranger.lastSequence < connection.lastSequence) {
    scene.stranger.transact([changeRequest(place, "limit", 1000)]);
  }
  scene.kernel.failures.set("change 2 root 504c: release-indefinite", [EINVAL, "Never"]);
  scene.stranger.transact([changeRequest(place, "release-indefinite")], { overheard: true });
  change(scene, place, "buffer");
  assertEquals(scene.stranger.lastSequence, connection.lastSequence);
  scene.kernel.transmit("b", scene.eth0);
  assertEquals(await atDeath(scene), [["a", "b"], false]);
});

Deno.test("Guard says that others have released as many packets as its process had released before", async () => {
  const scene = new Scene();
  const place = await scene.hold();
  change(scene, place, "buffer", "release-one", "buffer");
  scene.kernel.transmit("b", scene.eth0);
  await scene.pass(120);
  scene.stranger.transact([changeRequest(place, "release-indefinite")]);
  await scene.pass(120);
  assertEquals([scene.kernel.left, released(scene).map(({ disturbance }) => disturbance?.what)], [["a", "b"], [
    "released",
  ]]);
  await atDeath(scene);
});

Deno.test("Plug goes on holding what it was made to hold after what its guardian tells of, or may have been", () => {
  const kernel = new FakeKernel();
  kernel.opensNamespace = true;
  kernel.addDevice("eth0", { kind: "dummy" });
  const guardian = new FakeGuardian();
  const { connection } = kernel;
  const plug = Plug.attach({ dev: "eth0", connection, guardian, maxHoldMs: 1000 });
  plug.buffer({ force: true });
  const since = connection.lastSequence;
  guardian.say({ why: "deadline", since });
  assertEquals(plug.isHolding, false);
  plug.buffer({ force: true });
  guardian.say({ why: "deadline", since });
  assertEquals(plug.isHolding, true);
  guardian.say({ why: "deadline", since: "unknown" });
  assertEquals(plug.isHolding, true);
  guardian.say({ why: "deadline", since: connection.lastSequence });
  assertEquals(plug.isHolding, false);
});

/** What the process does to its plug, of which it tells the guardian nothing, and what the guardian does at its death. */
const OWN_CHANGES: readonly [what: string, actions: readonly PlugAction[], leaves: readonly string[]][] = [
  ["releases it", ["release-indefinite"], ["a"]],
  ["releases it and makes it hold again", ["release-indefinite", "buffer"], ["a", "b"]],
  ["releases an epoch of it", ["buffer", "release-one"], ["a", "b"]],
  ["begins an epoch, and sets a limit", ["buffer", "limit"], ["a", "b"]],
];

for (const [what, actions, leaves] of OWN_CHANGES) {
  Deno.test(`Guard hears from the kernel that its process ${what}: it reports nothing, and releases at the death what is held then`, async () => {
    const scene = new Scene();
    const place = await scene.hold();
    const { connection } = scene.kernel;
    for (const action of actions) connection.transact([changeRequest(place, action, 1000)], { overheard: true });
    const holds = scene.kernel.plugAt(scene.eth0).holds;
    await scene.pass(150);
    if (holds) scene.kernel.transmit("b", scene.eth0);
    await scene.pass(150);
    assertEquals(scene.channel.reports.filter(({ report }) => report === "released"), []);
    scene.channel.end();
    await scene.ended;
    assertEquals([scene.kernel.left, scene.kernel.plugAt(scene.eth0).holds], [leaves, false]);
  });
}

Deno.test("Guard leaves alone at the death what its process has released, and others hold since", async () => {
  const scene = new Scene();
  const place = await scene.hold();
  scene.kernel.connection.transact([changeRequest(place, "release-indefinite")], { overheard: true });
  scene.stranger.transact([changeRequest(place, "buffer")], { overheard: true });
  scene.kernel.transmit("of others", scene.eth0);
  scene.channel.end();
  await scene.ended;
  assertEquals([scene.kernel.left, scene.kernel.plugAt(scene.eth0).holds], [["a"], true]);
});

Deno.test("Guard counts a deadline anew each time its process makes the queue hold, and calls it off when that releases it", async () => {
  const scene = new Scene();
  const place = await scene.hold({ maxMs: 60_000 });
  const from = Date.now();
  const change = (action: PlugAction) =>
    scene.kernel.connection.transact([changeRequest(place, action)], { overheard: true });
  const deadlines = async () => {
    await scene.pass(20);
    return [...scene.deadlines].map(({ atMs }) => atMs);
  };
  change("buffer");
  const [again, ...others] = await deadlines();
  assert(again >= from + 60_000 && again <= Date.now() + 60_000, `${again - from}`);
  change("release-indefinite");
  assertEquals([others, await deadlines()], [[], []]);
  change("buffer");
  assertEquals((await deadlines()).map((atMs) => atMs > again), [true]);
  scene.channel.end();
  await scene.ended;
});

Deno.test("Guard follows an order behind what its process has done before, though it hears of that only later", async () => {
  const scene = new Scene();
  const place = await scene.hold({ maxMs: 60_000 });
  const from = Date.now();
  scene.kernel.connection.transact([changeRequest(place, "buffer")], { overheard: true });
  scene.channel.order({ order: "renew", id: CHARGE_ID, maxMs: 90_000 });
  await scene.pass(20);
  assertEquals([...scene.deadlines].map(({ atMs }) => atMs >= from + 90_000), [true]);
  scene.kernel.connection.transact([changeRequest(place, "buffer")], { overheard: true });
  scene.channel.order({ order: "disarm", id: CHARGE_ID });
  await scene.pass(20);
  assertEquals(scene.deadlines.size, 0);
  scene.channel.end();
  await scene.ended;
  assertEquals(scene.kernel.plugAt(scene.eth0).holds, true);
});

Deno.test("Guard says of which hold it reports: by the number of the request that its process made it hold with last", async () => {
  const scene = new Scene();
  const place = await scene.hold();
  const { connection } = scene.kernel;
  connection.transact([changeRequest(place, "release-indefinite")], { overheard: true });
  connection.transact([changeRequest(place, "buffer")], { overheard: true });
  const since = connection.lastSequence;
  scene.stranger.transact([changeRequest(place, "release-indefinite")], { overheard: true });
  assertEquals((await scene.channel.reported("released")).since, since);
  scene.channel.end();
  await scene.ended;
});

Deno.test("Guard tells its process's changes from those of another by their sockets, where both number them alike", async () => {
  const scene = new Scene();
  const place = await scene.hold();
  const { connection } = scene.kernel;
  while (scene.stranger.lastSequence < connection.lastSequence) {
    scene.stranger.transact([changeRequest(place, "limit", 1000)], { overheard: true });
  }
  const request = [changeRequest(place, "buffer")];
  // Its request stands between that of the process and what the kernel says of that
  scene.kernel.meanwhile = () => {
    scene.kernel.meanwhile = () => {};
    scene.stranger.transact([changeRequest(place, "release-indefinite")], { overheard: true });
  };
  connection.transact(request, { overheard: true });
  assertEquals(scene.stranger.lastSequence, connection.lastSequence);
  const { disturbance } = await scene.channel.reported("released");
  assertEquals([disturbance?.what, scene.kernel.plugAt(scene.eth0).holds], ["released", true]);
  scene.channel.end();
  await scene.ended;
  assertEquals(scene.kernel.plugAt(scene.eth0).holds, false);
});

Deno.test("Guard releases in time, and at the death, what its process may have made hold when too much was said to hear it", async () => {
  const scene = new Scene();
  const place = await scene.hold({ maxMs: 60_000 });
  const { connection } = scene.kernel;
  connection.transact([changeRequest(place, "release-indefinite")], { overheard: true });
  await scene.pass(20);
  assertEquals(scene.deadlines.size, 0);
  connection.transact([changeRequest(place, "buffer")], { overheard: true });
  for (const listener of scene.listeners) listener.loseAll();
  scene.kernel.transmit("b", scene.eth0);
  await scene.pass(0);
  assertEquals([scene.deadlines.size, scene.kernel.left], [1, ["a"]]);
  scene.channel.end();
  await scene.ended;
  assertEquals(scene.kernel.left, ["a", "b"]);
});
