// What the live view knows of a machine, over a kernel that is a fake.
import { assertEquals } from "@std/assert";
import { WatchedMachine, type WatchEvent } from "../../../cli/watch/watched_machine.ts";
import { Gate } from "../../../gate/gate.ts";
import { WATCHED_GROUPS } from "../../../guardian/watch.ts";
import { Listener } from "../../../netlink/listener.ts";
import { Plug } from "../../../plug/plug.ts";
import { changeRequest } from "../../../plug/plug_requests.ts";
import { FakeKernel } from "../../plug/fake_kernel.ts";

/** No process has this number. */
const STRANGER = 0x7ffffffe;
/** Behind the next look. */
const LATER_MS = 1000;

/** A machine with a device, and what is watched of it. */
class Scene {
  readonly kernel = new FakeKernel();
  readonly stranger = this.kernel.connect(STRANGER);
  readonly eth0: ReturnType<FakeKernel["addDevice"]>;
  readonly machine: WatchedMachine;
  #nowMs = 1_000_000;

  constructor(names: readonly string[] = []) {
    this.kernel.addDevice("lo", { isLoopback: true });
    this.eth0 = this.kernel.addDevice("eth0", { kind: "dummy" });
    const listener = new Listener(this.kernel.listen(WATCHED_GROUPS));
    this.machine = new WatchedMachine(this.kernel.connection, { names, listener });
  }

  /** What has happened since the last call, in words. */
  happened(): string[] {
    const events: WatchEvent[] = [];
    // What was announced is read a moment later
    for (let look = 0; look < 2; look++) events.push(...this.machine.update(this.#nowMs += LATER_MS));
    return events.map((event) =>
      `${event.queue.name} ${event.event}${event.event === "state" ? ` ${event.state}` : ""}${
        event.event === "backlog" ? ` ${event.queue.facts.stats.backlogPackets}` : ""
      }`
    );
  }
}

Deno.test("WatchedMachine tells what comes, is told to hold and to pass, and goes", async () => {
  const scene = new Scene();
  assertEquals(scene.happened(), []);
  const plug = Plug.attach({ dev: "eth0", connection: scene.kernel.connection });
  assertEquals(scene.happened(), ["eth0 appeared"]);
  plug.buffer({ force: true });
  assertEquals(scene.happened(), ["eth0 state holds"]);
  scene.kernel.transmit("a", scene.eth0);
  assertEquals(scene.happened(), ["eth0 backlog 1"]);
  plug.releaseOne();
  assertEquals(scene.happened(), []);
  plug.release();
  assertEquals(scene.happened(), ["eth0 state passes", "eth0 backlog 0"]);
  await plug.detach();
  assertEquals(scene.happened(), ["eth0 vanished"]);
});

Deno.test("WatchedMachine does not know what another tool's change was, until packets show it", () => {
  const scene = new Scene();
  const plug = Plug.attach({ dev: "eth0", connection: scene.kernel.connection });
  plug.buffer({ force: true });
  scene.happened();
  scene.stranger.transact([changeRequest(plug.place, "buffer")]);
  assertEquals(scene.happened(), ["eth0 state unknown"]);
  scene.kernel.transmit("a", scene.eth0);
  assertEquals(scene.happened(), ["eth0 backlog 1", "eth0 state holds"]);
});

Deno.test("WatchedMachine watches the gates and devices that are named, and the gates on these", () => {
  const open = (scene: Scene, name: string, dev: string) =>
    void Gate.open({ name, dev, direction: "egress", match: "udp", connection: scene.kernel.connection });
  for (const [names, expected] of [[["web"], ["web"]], [["eth0"], ["web", "eth0"]], [[], ["dns", "web", "eth0"]]]) {
    const scene = new Scene(names);
    Plug.attach({ dev: "eth0", connection: scene.kernel.connection });
    open(scene, "web", "eth0");
    open(scene, "dns", "lo");
    scene.happened();
    assertEquals(scene.machine.queues.map(({ name }) => name), expected, names.join());
  }
});
