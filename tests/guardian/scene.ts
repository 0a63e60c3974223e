/**
 * A machine with a plug on eth0, and a guardian that has charge of it: in this process, over a channel that is a fake, on
 * a kernel that is one.
 *
 * @module
 */

import { type GateCharge, gateDuty } from "../../gate/guarded_gate.ts";
import type { Duty, Order, Report } from "../../guardian/charge.ts";
import { Guard, type GuardChannel } from "../../guardian/guard.ts";
import type { Deadline } from "../../guardian/mark.ts";
import type { Reach } from "../../guardian/places.ts";
import { WATCHED_GROUPS } from "../../guardian/watch.ts";
import type { Connection } from "../../netlink/connection.ts";
import { Listener } from "../../netlink/listener.ts";
import { type PlugCharge, plugDuty } from "../../plug/guarded_plug.ts";
import { Plug } from "../../plug/plug.ts";
import type { QdiscPlace } from "../../plug/plug_requests.ts";
import { FakeKernel } from "../plug/fake_kernel.ts";
import type { FakeListener } from "../plug/fake_listener.ts";
import type { FakeDevice } from "../plug/kernel_messages.ts";

export const CHARGE_ID = 1;
/** No process has this number. */
export const STRANGER = 0x7ffffffe;
const GUARDIAN = 0x7ffffffc;

/** The end of a connection that a guardian has, with the process at the other end played by the test. */
export class FakeChannel implements GuardChannel {
  readonly reports: Report[] = [];
  readonly #texts: string[] = [];
  #arrived = Promise.withResolvers<void>();
  #reported = Promise.withResolvers<void>();

  /** The process says something. */
  order(...orders: Order[]): void {
    this.#put(...orders.map((order) => JSON.stringify(order)));
  }

  /** The process dies. */
  end(): void {
    this.#put("");
  }

  /** The first report of a kind, once there is one. */
  async reported<K extends Report["report"]>(kind: K): Promise<Extract<Report, { report: K }>> {
    for (;;) {
      const found = this.reports.find((report) => report.report === kind);
      if (found) return found as Extract<Report, { report: K }>;
      await this.#reported.promise;
    }
  }

  receive = () => this.#texts[0] === "" ? "" : this.#texts.shift();
  readable = () => this.#texts.length > 0 ? Promise.resolve() : this.#arrived.promise;

  send(text: string): void {
    this.reports.push(JSON.parse(text));
    this.#reported.resolve();
    this.#reported = Promise.withResolvers();
  }

  [Symbol.dispose](): void {
    this.end();
  }

  #put(...texts: string[]): void {
    this.#texts.push(...texts);
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  }
}

/** The machine. */
export class Scene {
  readonly kernel = new FakeKernel();
  readonly channel = new FakeChannel();
  readonly eth0: FakeDevice;
  readonly stranger = this.kernel.connect(STRANGER);
  /** What the guardian has written to the kernel's log. */
  readonly log: string[] = [];
  /** The deadlines that others can read. */
  readonly deadlines = new Set<Deadline>();
  isNamespaceDeleted = false;
  /** What the guardian hears, and what happens right before it looks. */
  readonly listeners: FakeListener[] = [];
  beforeLook = () => {};
  readonly #letGo = Promise.withResolvers<void>();
  /** Resolves when the guardian has nothing to do any more with what it was to keep. */
  readonly letGo = this.#letGo.promise;
  readonly reach: Reach;
  readonly guard: Guard<PlugCharge | GateCharge>;
  /** Resolves when the guardian ends. */
  readonly ended: Promise<void>;

  constructor() {
    this.kernel.addDevice("lo", { isLoopback: true });
    this.eth0 = this.kernel.addDevice("eth0", { kind: "dummy" });
    this.reach = {
      identify: () => "",
      connect: () => this.kernel.connect(GUARDIAN),
      listen: () => {
        const listener = this.kernel.listen(WATCHED_GROUPS);
        this.listeners.push(listener);
        return new Listener(listener);
      },
      showMark: (purpose) => purpose === "kept" ? { [Symbol.dispose]: this.#letGo.resolve } : undefined,
      showDeadline: (_, deadline) => {
        this.deadlines.add(deadline);
        return { [Symbol.dispose]: () => void this.deadlines.delete(deadline) };
      },
      watchUse: () => () => this.isNamespaceDeleted,
      log: (line) => void this.log.push(line),
    };
    const dutyOf = (charge: PlugCharge | GateCharge, connectTo: () => Connection) =>
      Promise.resolve(this.#dutyOf(charge, connectTo));
    this.guard = new Guard(this.channel, dutyOf, this.reach);
    this.ended = this.guard.obey();
  }

  #dutyOf(charge: PlugCharge | GateCharge, connectTo: () => Connection): Duty {
    const duty = charge.kind === "plug" ? plugDuty(charge, connectTo()) : gateDuty(charge, connectTo());
    const { look } = duty;
    return {
      ...duty,
      look: look && (() => {
        this.beforeLook();
        return look();
      }),
    };
  }

  /** Attaches a plug that is in its charge, holds, and has one packet, or none. */
  async hold(
    { takeAway = false, maxMs, isEmpty = false }: { takeAway?: boolean; maxMs?: number; isEmpty?: boolean } = {},
  ): Promise<QdiscPlace> {
    const plug = Plug.attach({ dev: "eth0", connection: this.kernel.connection });
    const { dev, place } = plug;
    const charge: PlugCharge = {
      kind: "plug",
      name: "eth0 (root)",
      dev,
      place,
      takeAway,
      port: this.kernel.connection.port,
    };
    this.channel.order({ order: "take", id: CHARGE_ID, charge });
    await this.channel.reported("taken");
    this.channel.order({ order: "arm", id: CHARGE_ID, maxMs });
    plug.buffer({ force: true });
    if (!isEmpty) this.kernel.transmit("a", this.eth0);
    await this.#heard();
    return place;
  }

  /** So many milliseconds pass, and the guardian has heard what was done till then. */
  async pass(ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    await this.#heard();
  }

  /** Until the guardian has heard what the process has done. */
  async #heard(): Promise<void> {
    this.channel.order({ order: "look", id: CHARGE_ID });
    await this.channel.reported("looked");
    this.channel.reports.splice(this.channel.reports.findIndex(({ report }) => report === "looked"), 1);
  }

  /** As `hold`, of nothing yet; the process that held is dead, and the guardian keeps its deadline. */
  async keep(maxMs: number): Promise<QdiscPlace> {
    const place = await this.hold({ maxMs, isEmpty: true });
    this.channel.order({ order: "outlive", id: CHARGE_ID });
    this.channel.end();
    await this.ended;
    return place;
  }
}
