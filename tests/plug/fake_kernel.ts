import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, TC_H_ROOT } from "../../codec/mod.ts";
import { EEXIST, EINVAL, ENODEV, ENOENT, EPERM } from "../../linux/netlink_error.ts";
import { Connection } from "../../netlink/connection.ts";
import { FakeSocket } from "../netlink/fake_socket.ts";
import { ack, done, refusal } from "../netlink/messages.ts";
import { FakePlug } from "./fake_plug.ts";
import { type FakeRequest, readRequests } from "./fake_request.ts";
import {
  type FakeDevice,
  type FakeQdisc,
  type FakeRoute,
  linkMessage,
  qdiscMessage,
  routeMessage,
} from "./kernel_messages.ts";

/** The bytes of a link header, which count in the limit that the kernel sets by itself. */
const HEADER_BYTES = 14;
const INGRESS = 0xfffffff1;
const ENETUNREACH = 101;
const EOPNOTSUPP = 95;

type Refusal = [errno: number, sentence?: string];

/**
 * A kernel that knows devices, routes and qdiscs as far as plugs need it, and answers as Linux 6.1 does
 * (`tc_modify_qdisc` and `tc_get_qdisc` of `net/sched/sch_api.c`), its traps included: what a request without
 * `NLM_F_CREATE` creates or grafts is in `accidents`.
 */
export class FakeKernel {
  readonly devices: FakeDevice[] = [];
  readonly qdiscs: FakeQdisc[] = [];
  readonly routes: FakeRoute[] = [];
  /** The requests of each send, in words. */
  readonly sends: string[][] = [];
  /** Plugs that nobody asked for, or that drop everything for ever. */
  readonly accidents: string[] = [];
  /** Packets that left, and packets that vanished with their plug, in order. */
  readonly left: string[] = [];
  readonly lost: string[] = [];
  /** Whether whoever asks has CAP_NET_ADMIN, and whether there is sch_plug. */
  permits = true;
  hasModule = true;
  /** Happens before a request is handled, for what others do meanwhile. */
  meanwhile: (request: string) => void = () => {};
  readonly socket: FakeSocket;
  readonly connection: Connection;
  readonly #indexes: Record<string, number> = {};

  constructor() {
    this.socket = new FakeSocket({ answer: (sent) => this.#answer(sent), devices: this.#indexes });
    this.connection = new Connection(this.socket);
  }

  /** Those sends that were to change something, their requests joined. */
  get changes(): string[] {
    return this.sends.filter((texts) => !texts[0].startsWith("get")).map((texts) => texts.join("; "));
  }

  addDevice(name: string, options: Partial<Omit<FakeDevice, "name">> = {}): FakeDevice {
    const defaults = { kind: "", mtu: 1500, txqueuelen: 1000, gsoMaxSize: 65536, master: 0, link: 0, stuck: 0 };
    const device = { ifindex: this.devices.length + 1, name, ...defaults, ...options };
    this.devices.push(device);
    this.#indexes[name] = device.ifindex;
    return device;
  }

  removeDevice({ ifindex, name }: FakeDevice): void {
    this.#remove((qdisc) => qdisc.ifindex === ifindex);
    this.devices.splice(this.devices.findIndex((device) => device.ifindex === ifindex), 1);
    delete this.#indexes[name];
  }

  /** Puts a qdisc somewhere, as somebody else would. A plug there passes packets. */
  addQdisc(
    device: FakeDevice,
    { kind, handle, parent = TC_H_ROOT }: Omit<FakeQdisc, "ifindex" | "parent"> & { parent?: number },
  ): FakeQdisc {
    const plug = kind === "plug" ? new FakePlug(1e6) : undefined;
    plug?.change(2, 0);
    const qdisc = { ifindex: device.ifindex, kind, handle, parent, plug };
    this.qdiscs.push(qdisc);
    return qdisc;
  }

  removeQdisc(qdisc: FakeQdisc): void {
    this.#removeTree(qdisc);
  }

  /** The plug at a parent of a device. */
  plugAt({ ifindex }: FakeDevice, parent: number = TC_H_ROOT): FakePlug {
    const plug = this.qdiscs.find((qdisc) => qdisc.ifindex === ifindex && qdisc.parent === parent)?.plug;
    if (!plug) throw new Error(`There is no plug at ${ifindex} ${parent}`);
    return plug;
  }

  /** A packet leaves a device, or has to wait. */
  transmit(packet: string, device: FakeDevice, parent?: number): void {
    this.plugAt(device, parent).enqueue(packet);
    this.#run();
  }

  #answer(sent: Uint8Array): Uint8Array[] {
    const requests = readRequests(sent);
    this.sends.push(requests.map(({ text }) => text));
    return requests.flatMap((request) => {
      this.meanwhile(request.text);
      return this.#handle(request);
    });
  }

  #handle(request: FakeRequest): Uint8Array[] {
    const { type, sequence } = request;
    if (type.startsWith("RTM_GET")) return this.#get(request);
    const change = type === "RTM_NEWQDISC" ? this.#modify(request) : this.#delete(request);
    const [errno, sentence] = this.permits ? change : [EPERM];
    this.#run();
    return [errno === 0 ? ack(sequence) : refusal(sequence, errno, { sentence })];
  }

  #get({ type, flags, sequence, ifindex, destination }: FakeRequest): Uint8Array[] {
    const dumps = (flags & NLM_F_DUMP) === NLM_F_DUMP;
    const one = (found: Uint8Array | undefined, errno: number) =>
      found ? [found, ack(sequence)] : [refusal(sequence, errno)];
    if (type === "RTM_GETLINK") {
      if (dumps) return [...this.devices.map((device) => linkMessage(sequence, device)), done(sequence)];
      const device = this.#device(ifindex);
      return one(device && linkMessage(sequence, device), ENODEV);
    }
    if (type === "RTM_GETROUTE") {
      if (dumps) return [...this.routes.map((route) => routeMessage(sequence, route)), done(sequence)];
      // The last bit of an address tells which of the fake's routes leads there.
      const route = this.routes.findLast(({ family }) => family === (destination?.length === 4 ? 2 : 10));
      return one(route && routeMessage(sequence, route), ENETUNREACH);
    }
    const messages = this.#listed().map((qdisc) => qdiscMessage(sequence, qdisc));
    this.#thaw();
    return [...messages, done(sequence)];
  }

  /** The qdiscs, and what the kernel gives a device that has none. */
  #listed(): FakeQdisc[] {
    return this.devices.flatMap(({ ifindex }) => {
      const own = this.qdiscs.filter((qdisc) => qdisc.ifindex === ifindex);
      if (own.some(({ parent }) => parent === TC_H_ROOT)) return own;
      return [{ ifindex, kind: "noqueue", handle: 0, parent: TC_H_ROOT }, ...own];
    });
  }

  #modify(request: FakeRequest): Refusal {
    const { ifindex, handle, parent, flags } = request;
    if (!this.#device(ifindex)) return [ENODEV];
    if (parent === 0) return this.#changeIt(this.#withHandle(ifindex, handle), request);
    const above = this.#withHandle(ifindex, parent & 0xffff0000);
    if (parent !== TC_H_ROOT && !above) return [ENOENT, "Failed to find specified qdisc"];
    if (above && above.kind !== "prio") return [EOPNOTSUPP];
    const there = this.#at(ifindex, parent);
    if (there && handle !== 0 && there.handle === handle) return this.#changeIt(there, request);
    if (handle === 0) {
      if (!there) return this.#create(request);
      // The trap: it need not ask for NLM_F_CREATE, nor for NLM_F_REPLACE.
      return there.kind === request.kind ? this.#changeIt(there, request) : this.#createIt(request);
    }
    if (there && !(flags & NLM_F_REPLACE)) return [EEXIST, "NLM_F_REPLACE needed to override"];
    const elsewhere = this.#withHandle(ifindex, handle);
    return elsewhere ? this.#graft(elsewhere, request) : this.#create(request);
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

  #createIt({ ifindex, handle, parent, flags, options, text }: FakeRequest): Refusal {
    if (!this.hasModule) return [ENOENT, "Specified qdisc kind is unknown"];
    if (!hasClass(parent)) return [ENOENT, "Specified class not found"];
    const { mtu, txqueuelen } = this.#device(ifindex) as FakeDevice;
    const limit = options ? options.limit : txqueuelen * (mtu + HEADER_BYTES);
    if (limit === 0) this.accidents.push(`${text} made a plug that drops everything`);
    if (!(flags & NLM_F_CREATE)) this.accidents.push(`${text} made a plug`);
    const there = this.#at(ifindex, parent);
    if (there) this.#removeTree(there);
    this.qdiscs.push({ ifindex, kind: "plug", handle: handle || 0x80010000, parent, plug: new FakePlug(limit) });
    return [0];
  }

  #delete({ ifindex, handle, parent }: FakeRequest): Refusal {
    if (!this.#device(ifindex)) return [ENODEV];
    if (parent === 0) {
      const found = this.#withHandle(ifindex, handle);
      return found ? [EINVAL, "Classid cannot be zero"] : [ENOENT, "Failed to find qdisc with specified handle"];
    }
    const above = this.#withHandle(ifindex, parent & 0xffff0000);
    if (parent !== TC_H_ROOT && !above) return [ENOENT, "Failed to find qdisc with specified classid"];
    if (above && above.kind !== "prio") return [EOPNOTSUPP];
    if (!hasClass(parent)) return [ENOENT, "Specified class not found"];
    const there = this.#at(ifindex, parent);
    if (handle !== 0 && there?.handle !== handle) return [EINVAL, "Invalid handle"];
    return this.#deleteIt(there, "Cannot delete qdisc with handle of zero");
  }

  #deleteIt(qdisc: FakeQdisc | undefined, otherwise: string): Refusal {
    if (!qdisc) return [ENOENT, otherwise];
    this.#removeTree(qdisc);
    return [0];
  }

  /** Takes a qdisc away, with what hangs from it and what is held in it. */
  #removeTree({ ifindex, handle, parent }: FakeQdisc): void {
    this.#remove((qdisc) => {
      if (qdisc.ifindex !== ifindex || qdisc.parent === INGRESS) return false;
      const below = qdisc.parent !== TC_H_ROOT && (qdisc.parent & 0xffff0000) >>> 0 === handle;
      return qdisc.parent === parent || below;
    });
  }

  #remove(goes: (qdisc: FakeQdisc) => boolean): void {
    for (const qdisc of this.qdiscs.filter(goes)) {
      this.lost.push(...qdisc.plug?.queue ?? []);
      this.qdiscs.splice(this.qdiscs.indexOf(qdisc), 1);
    }
  }

  #device(ifindex: number): FakeDevice | undefined {
    return this.devices.find((device) => device.ifindex === ifindex);
  }

  #at(ifindex: number, parent: number): FakeQdisc | undefined {
    return this.qdiscs.find((qdisc) => qdisc.ifindex === ifindex && qdisc.parent === parent);
  }

  #withHandle(ifindex: number, handle: number): FakeQdisc | undefined {
    return this.qdiscs.find((qdisc) => qdisc.ifindex === ifindex && qdisc.handle === handle >>> 0);
  }

  /** Lets out what may leave. */
  #run(): void {
    for (const { ifindex, plug } of this.qdiscs) {
      if (!plug || this.#device(ifindex)?.stuck) continue;
      for (let packet = plug.dequeue(); packet !== undefined; packet = plug.dequeue()) this.left.push(packet);
    }
  }

  #thaw(): void {
    for (const device of this.devices) device.stuck = Math.max(device.stuck - 1, 0);
    this.#run();
  }
}

/** Whether a parent is the root, or a class of a prio of three bands. */
function hasClass(parent: number): boolean {
  return parent === TC_H_ROOT || [1, 2, 3].includes(parent & 0xffff);
}
