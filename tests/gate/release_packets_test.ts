// Packets that are released by number, on a kernel that is a fake: every short sequence of what can be asked, and what
// comes in between.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ByNumber } from "../../gate/release_packets.ts";
import { Gate } from "../../gate/gate.ts";
import { namedGates } from "../../gate/named_gates.ts";
import { packetsToRelease, parseFillerNote, withFillerNote } from "../../plug/filler.ts";
import { Plug } from "../../plug/plug.ts";
import { entrustQueue } from "../../plug/guarded_plug.ts";
import { Queue } from "../../plug/queue.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { FakeGuardian } from "../plug/fake_guardian.ts";
import { FakeKernel, FILLER } from "../plug/fake_kernel.ts";
import type { FakeDevice } from "../plug/kernel_messages.ts";

/** A gate on a kernel of its own, through which packets come that are numbers. */
class Run implements Disposable {
  readonly kernel = new FakeKernel();
  readonly eth0 = this.kernel.addDevice("eth0");
  readonly #made = Gate.open({ name: "web", dev: "eth0", direction: "egress", connection: this.kernel.connection });
  readonly device: FakeDevice = this.kernel.devices.find(({ name }) => name === "plug-web")!;
  readonly queue: Queue;
  readonly plug: Plug;
  #packets = 0;
  /** Called while fillers are sent. */
  meanwhile = () => {};

  constructor() {
    const open = (_: unknown, __: number, most: number) => ({
      send: (count: number) => {
        assert(count <= most);
        this.meanwhile();
        for (let sent = 0; sent < count; sent++) this.kernel.transmit(FILLER, this.device);
        return count;
      },
      [Symbol.dispose]: () => {},
    });
    const { connection, gate, place, dev } = namedGates(this.kernel.connection, ["web"])[0];
    const numbering = new ByNumber({ isActive: false, open });
    const known = { dev, place, connection, gate: { ...gate!, numbering } };
    this.queue = new Queue({ ...known, located: true, asked: "pass" });
    this.plug = Plug.over(this.queue);
  }

  arrive(count = 1): void {
    for (let sent = 0; sent < count; sent++) this.kernel.meet(`${this.#packets++}`, this.eth0, "egress");
  }

  [Symbol.dispose](): void {
    this.#made[Symbol.dispose]();
  }
}

/** What a gate is to have let through, and to hold, without a kernel. */
class Model {
  waiting = 0;
  left = 0;
  holds = false;
  /** How many of those that wait are in the epoch that has ended. */
  ended?: number;

  leave(count: number): number {
    const leaving = Math.min(count, this.waiting);
    this.waiting -= leaving;
    this.left += leaving;
    return leaving;
  }
}

const ACTIONS: Readonly<Record<string, (run: Run, model: Model) => void | Promise<void>>> = {
  buffer({ plug }, model) {
    if (model.ended !== undefined) return void assertThrows(() => plug.buffer(), QueueError, "an epoch has ended");
    plug.buffer();
    if (model.holds) model.ended = model.waiting;
    model.holds = true;
  },
  "release 1": (run, model) => releaseBoth(1, { run, model }),
  "release 2": (run, model) => releaseBoth(2, { run, model }),
  releaseOne({ plug }, model) {
    plug.releaseOne();
    model.leave(model.ended ?? 0);
    model.ended = undefined;
  },
  release({ plug }, model) {
    plug.release();
    model.leave(Infinity);
    [model.holds, model.ended] = [false, undefined];
  },
  arrive(run, model) {
    run.arrive(2);
    model.waiting += 2;
    if (!model.holds) model.leave(2);
  },
};

async function releaseBoth(packets: number, { run, model }: { run: Run; model: Model }): Promise<void> {
  const { releasedPackets, waitingPackets } = await run.plug.releasePackets(packets);
  const released = model.leave(packets);
  if (released > 0) model.ended = undefined;
  assertEquals([releasedPackets, waitingPackets], [released, model.waiting]);
}

/** Every sequence of `length` actions. */
function sequences(length: number): string[][] {
  if (length === 0) return [[]];
  return sequences(length - 1).flatMap((sequence) => Object.keys(ACTIONS).map((action) => [...sequence, action]));
}

const LONGEST = 3;
/** How many sequences one gate goes through, one behind the other. */
const AT_ONCE = 36;

Deno.test(`releasePackets() releases exactly the oldest, in every sequence of ${LONGEST} actions behind a hold`, async () => {
  const all = sequences(LONGEST);
  for (let first = 0; first < all.length; first += AT_ONCE) {
    using run = new Run();
    const model = new Model();
    const several = all.slice(first, first + AT_ONCE);
    for (const action of several.flatMap((sequence) => ["release", "buffer", "arrive", ...sequence])) {
      await ACTIONS[action](run, model);
      const seen = [run.kernel.left.join(), run.plug.stats().backlogPackets, run.plug.stats().packets];
      const left = Array.from({ length: model.left }, (_, number) => number).join();
      assertEquals(seen, [left, model.waiting, model.left], `${action}, in ${several.join("; ")}`);
    }
  }
});

Deno.test("releasePackets() says how many left where some came in while it was done, and finds the rest in order", async () => {
  using run = new Run();
  run.plug.buffer();
  run.arrive(10);
  run.meanwhile = () => run.arrive(2);
  const { releasedPackets, waitingPackets } = await run.plug.releasePackets(3);
  assertEquals([releasedPackets, waitingPackets, run.kernel.left.length], [5, 7, 5]);
  run.meanwhile = () => {};
  run.arrive(3);
  for (let waiting = 10; waiting > 0; waiting--) {
    const report = await run.plug.releasePackets(1);
    assertEquals([report.releasedPackets, report.waitingPackets], [1, waiting - 1]);
  }
  assertEquals(run.kernel.left, Array.from({ length: 15 }, (_, number) => `${number}`));
  assertEquals((await run.plug.releasePackets(1)).releasedPackets, 0);
});

Deno.test("releasePackets() begins no hold where packets pass, and is refused where there is no room for its note", async () => {
  using run = new Run();
  run.arrive(3);
  const before = run.kernel.changes.length;
  assertEquals((await run.plug.releasePackets(2)).releasedPackets, 0);
  assertEquals(run.kernel.changes.length, before);
  run.plug.buffer();
  run.arrive(3);
  run.device.alias += "x".repeat(255 - run.device.alias.length);
  const changes = run.kernel.changes.length;
  const error = await assertRejects(() => run.plug.releasePackets(2), QueueError, "its match is too long");
  assertEquals([error.code, run.kernel.changes.length, run.kernel.left.length], ["refused", changes, 3]);
});

Deno.test("a gate's new limit leaves the note of fillers in its alias, and room for them", async () => {
  using run = new Run();
  run.plug.buffer();
  run.arrive(5);
  await run.plug.releasePackets(2);
  const note = parseFillerNote(run.device.alias);
  run.plug.setLimit(100_000);
  assertEquals([parseFillerNote(run.device.alias), /limit=(\d+)/.exec(run.device.alias)?.[1]], [note, "100000"]);
  assertEquals(run.kernel.plugAt(run.device).limit, 100_000 + 2 * 16);
});

Deno.test("withFillerNote() joins groups where there are too many, and never says that a filler is certainly another packet", () => {
  const groups = Array.from({ length: 200 }, (_, index) => ({ at: 10 * index + index % 3, span: 3, count: 3 }));
  const note = { sent: 600, until: 2000, ended: 1990, groups };
  const alias = "plugctl=1 direction=egress match=fillers=1,2";
  const kept = parseFillerNote(withFillerNote(alias, note) ?? "");
  if (!kept) throw new Error("There is no note");
  assert(kept.groups.length <= 12);
  assertEquals([kept.sent, kept.until, kept.ended], [600, 2000, 1990]);
  assertEquals(kept.groups.reduce((sum, { count }) => sum + count, 0), 600);
  const isFiller = (at: number) => groups.some((group) => at >= group.at && at < group.at + group.span);
  for (let wanted = 1; wanted < 1400; wanted += 7) {
    const count = packetsToRelease(wanted, { note: kept, left: 0, fillers: 600 });
    const others = Array.from({ length: count }, (_, at) => at).filter((at) => !isFiller(at)).length;
    assert(others <= wanted && count >= wanted, `${count} for ${wanted}`);
    assertEquals(packetsToRelease(wanted, { note, left: 0, fillers: 600 }) >= count, true);
  }
  assertEquals(parseFillerNote(alias), undefined);
  assertEquals(withFillerNote("x".repeat(250), note), undefined);
});

Deno.test("ByNumber has the guardian watch again what holds, also where it could not release a packet, or not discard it", async () => {
  using run = new Run();
  const { kernel, queue, plug } = run;
  kernel.opensNamespace = true;
  const guardian = new FakeGuardian();
  queue.entrust(entrustQueue(queue, { guardian, takeAway: false }));
  plug.buffer();
  run.arrive();
  const fail = () => {
    throw new Error("Not now");
  };
  run.meanwhile = fail;
  await assertRejects(() => plug.releasePackets(1), Error, "Not now");
  assertEquals(guardian.told.slice(-2), ["unwatch", "watch"]);
  guardian.told.length = 0;
  kernel.meanwhile = (request) => request.includes("clsact") && fail();
  assertThrows(() => plug.discard(), Error, "Not now");
  assertEquals(guardian.told.slice(-2), ["unwatch", "watch"]);
  kernel.meanwhile = () => {};
});
