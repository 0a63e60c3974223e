// The qdiscs of the fake kernel: what a request makes, changes and deletes, and what is held in them.
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, TC_H_ROOT } from "../../codec/mod.ts";
import { EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP } from "../../linux/netlink_error.ts";
import type { Refusal } from "./fake_filters.ts";
import { FakePlug } from "./fake_plug.ts";
import type { FakeRequest } from "./fake_request.ts";
import type { FakeDevice, FakeQdisc } from "./kernel_messages.ts";

/** The bytes of a link header, which count in the limit that the kernel sets by itself. */
const HEADER_BYTES = 14;
/** The parent of clsact. */
export const INGRESS = 0xfffffff1;
const CLSACT_HANDLE = 0xffff0000;

/** What qdiscs ask of the rest of the kernel. */
interface Around {
  deviceOf(ifindex: number): FakeDevice | undefined;
  has(module: string): boolean;
  /** The hooks of a device are gone, with their filters. */
  onHookGone(ifindex: number): void;
}

/** All qdiscs, by the rules of `net/sched/sch_api.c` of Linux 6.1. */
export class FakeQdiscs {
  readonly all: FakeQdisc[] = [];
  /** Plugs that nobody asked for, or that drop everything for ever. */
  readonly accidents: string[] = [];
  /** Packets that vanished with their plug, in order. */
  readonly lost: string[] = [];
  readonly #around: Around;

  constructor(around: Around) {
    this.#around = around;
  }

  /** The qdiscs, and what the kernel gives a device that has none. */
  listed(devices: readonly FakeDevice[]): FakeQdisc[] {
    return devices.flatMap(({ ifindex }) => {
      const own = this.all.filter((qdisc) => qdisc.ifindex === ifindex);
      if (own.some(({ parent }) => parent === TC_H_ROOT)) return own.map((qdisc) => this.#withCounters(qdisc));
      return [{ ifindex, kind: "noqueue", handle: 0, parent: TC_H_ROOT }, ...own];
    });
  }

  /** A prio counts for all below it. */
  #withCounters(qdisc: FakeQdisc): FakeQdisc {
    if (qdisc.kind !== "prio") return qdisc;
    const below = this.all.filter(({ ifindex, parent }) =>
      ifindex === qdisc.ifindex && parent !== TC_H_ROOT && (parent & 0xffff0000) >>> 0 === qdisc.handle
    ).flatMap(({ plug }) => plug ?? []);
    const sum = Object.assign(new FakePlug(0), {
      packets: below.reduce((count, { packets }) => count + packets, 0),
      drops: below.reduce((count, { drops }) => count + drops, 0),
    });
    sum.queue.push(...below.flatMap(({ queue }) => queue));
    return { ...qdisc, plug: sum };
  }

  at(ifindex: number, parent: number): FakeQdisc | undefined {
    return this.all.find((qdisc) => qdisc.ifindex === ifindex && qdisc.parent === parent);
  }

  withHandle(ifindex: number, handle: number): FakeQdisc | undefined {
    return this.all.find((qdisc) => qdisc.ifindex === ifindex && qdisc.handle === handle >>> 0);
  }

  /** What its queues hold vanishes, uncounted. */
  flush({ ifindex }: FakeDevice): void {
    for (const { plug } of this.all.filter((qdisc) => qdisc.ifindex === ifindex)) {
      this.lost.push(...plug?.queue.splice(0) ?? []);
    }
  }

  modify(request: FakeRequest): Refusal {
    const { ifindex, handle, parent, flags } = request;
    if (!this.#around.deviceOf(ifindex)) return [ENODEV];
    if (parent === INGRESS) return this.#createHook(request);
    if (parent === 0) return this.#changeIt(this.withHandle(ifindex, handle), request);
    const above = parent === TC_H_ROOT ? undefined : this.withHandle(ifindex, parent & 0xffff0000);
    if (parent !== TC_H_ROOT && !above) return [ENOENT, "Failed to find specified qdisc"];
    if (above && above.kind !== "prio") return [EOPNOTSUPP];
    const there = this.at(ifindex, parent);
    if (there && handle !== 0 && there.handle === handle) return this.#changeIt(there, request);
    if (handle === 0) {
      if (!there) return this.#create(request);
      // The trap: it need not ask for NLM_F_CREATE, nor for NLM_F_REPLACE.
      return there.kind === request.kind ? this.#changeIt(there, request) : this.#createIt(request);
    }
    if (there && !(flags & NLM_F_REPLACE)) return [EEXIST, "NLM_F_REPLACE needed to override"];
    const elsewhere = this.withHandle(ifindex, handle);
    return elsewhere ? this.#graft(elsewhere, request) : this.#create(request);
  }

  /** Creating and deleting it takes the device down for a moment, which discards what its queues hold. */
  #createHook({ ifindex, flags, kind = "" }: FakeRequest): Refusal {
    const there = this.at(ifindex, INGRESS);
    if (there) return flags & NLM_F_EXCL ? [EEXIST, "Exclusivity flag on, cannot modify"] : [0];
    if (!(flags & NLM_F_CREATE)) return [ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag"];
    if (!this.#around.has("sch_ingress")) return [ENOENT, "Specified qdisc kind is unknown"];
    const device = this.#around.deviceOf(ifindex) as FakeDevice;
    device.hadHook = true;
    this.flush(device);
    this.all.push({ ifindex, kind, handle: CLSACT_HANDLE, parent: INGRESS });
    return [0];
  }

  #deleteHook(device: FakeDevice): Refusal {
    const there = this.at(device.ifindex, INGRESS);
    if (!there) {
      return device.hadHook ? [EINVAL, "Invalid handle"] : [ENOENT, "Cannot find specified qdisc on specified device"];
    }
    this.#around.onHookGone(device.ifindex);
    this.flush(device);
    this.all.splice(this.all.indexOf(there), 1);
    return [0];
  }

  #changeIt(qdisc: FakeQdisc | undefined, { kind, flags, options }: FakeRequest): Refusal {
    if (!qdisc) return [ENOENT, "Specified qdisc not found"];
    if (flags & NLM_F_EXCL) return [EEXIST, "Exclusivity flag on, cannot modify"];
    if (qdisc.kind !== kind) return [EINVAL, "Invalid qdisc name"];
    const done = !options || qdisc.plug?.change(options.action, options.limit);
    return [done ? 0 : EINVAL];
  }

  #graft(qdisc: FakeQdisc, { flags, kind, parent, text }: FakeRequest): Refusal {
    if (flags & NLM_F_EXCL) return [EEXIST, "Exclusivity flag on, cannot override"];
    if (qdisc.kind !== kind) return [EINVAL, "Invalid qdisc name"];
    this.accidents.push(`${text} grafted a qdisc from elsewhere`);
    qdisc.parent = parent;
    return [0];
  }

  #create(request: FakeRequest): Refusal {
    if (request.flags & NLM_F_CREATE) return this.#createIt(request);
    return [ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag"];
  }

  #createIt({ ifindex, handle, parent, flags, kind = "plug", options, text }: FakeRequest): Refusal {
    if (!this.#around.has(`sch_${kind}`)) return [ENOENT, "Specified qdisc kind is unknown"];
    if (!hasClass(parent)) return [ENOENT, "Specified class not found"];
    if (kind === "prio") {
      this.all.push({ ifindex, kind, handle, parent });
      return [0];
    }
    const { mtu, txqueuelen } = this.#around.deviceOf(ifindex) as FakeDevice;
    const limit = options ? options.limit : txqueuelen * (mtu + HEADER_BYTES);
    if (limit === 0) this.accidents.push(`${text} made a plug that drops everything`);
    if (!(flags & NLM_F_CREATE)) this.accidents.push(`${text} made a plug`);
    const there = this.at(ifindex, parent);
    if (there) this.removeTree(there);
    this.all.push({ ifindex, kind: "plug", handle: handle || 0x80010000, parent, plug: new FakePlug(limit) });
    return [0];
  }

  delete({ ifindex, handle, parent }: FakeRequest): Refusal {
    const device = this.#around.deviceOf(ifindex);
    if (!device) return [ENODEV];
    if (parent === INGRESS) return this.#deleteHook(device);
    if (parent === 0) {
      const found = this.withHandle(ifindex, handle);
      return found ? [EINVAL, "Classid cannot be zero"] : [ENOENT, "Failed to find qdisc with specified handle"];
    }
    const above = parent === TC_H_ROOT ? undefined : this.withHandle(ifindex, parent & 0xffff0000);
    if (parent !== TC_H_ROOT && !above) return [ENOENT, "Failed to find qdisc with specified classid"];
    if (above && above.kind !== "prio") return [EOPNOTSUPP];
    if (!hasClass(parent)) return [ENOENT, "Specified class not found"];
    const there = this.at(ifindex, parent);
    if (handle !== 0 && there?.handle !== handle) return [EINVAL, "Invalid handle"];
    return this.#deleteIt(there, "Cannot delete qdisc with handle of zero");
  }

  #deleteIt(qdisc: FakeQdisc | undefined, otherwise: string): Refusal {
    if (!qdisc) return [ENOENT, otherwise];
    this.removeTree(qdisc);
    return [0];
  }

  /** Takes a qdisc away, with what hangs from it and what is held in it. */
  removeTree({ ifindex, handle, parent }: FakeQdisc): void {
    this.remove((qdisc) => {
      if (qdisc.ifindex !== ifindex || qdisc.parent === INGRESS) return false;
      const below = qdisc.parent !== TC_H_ROOT && (qdisc.parent & 0xffff0000) >>> 0 === handle;
      return qdisc.parent === parent || below;
    });
  }

  remove(goes: (qdisc: FakeQdisc) => boolean): void {
    for (const qdisc of this.all.filter(goes)) {
      this.lost.push(...qdisc.plug?.queue ?? []);
      this.all.splice(this.all.indexOf(qdisc), 1);
    }
  }
}

/** Whether a parent is the root, or a class of a prio of three bands. */
function hasClass(parent: number): boolean {
  return parent === TC_H_ROOT || [1, 2, 3].includes(parent & 0xffff);
}
