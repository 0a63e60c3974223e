import {
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_DELTFILTER,
  TC_H_ROOT,
} from "../../codec/mod.ts";
import { EEXIST, ENODEV, ENOENT, EOPNOTSUPP, EPERM } from "../../linux/netlink_error.ts";
import { openNamespace } from "../../linux/namespace.ts";
import { GROUP_LINK, GROUP_REQUESTS, GROUP_TC } from "../../linux/socket.ts";
import { Connection } from "../../netlink/connection.ts";
import { FakeSocket } from "../netlink/fake_socket.ts";
import { FakeListener } from "./fake_listener.ts";
import { FakeFilters, HOOKS, type Refusal } from "./fake_filters.ts";
import { ack, done, refusal } from "../netlink/messages.ts";
import { FakePlug } from "./fake_plug.ts";
import { FakeQdiscs, INGRESS } from "./fake_qdiscs.ts";
import { type FakeRequest, readRequests } from "./fake_request.ts";
import {
  type FakeDevice,
  type FakeQdisc,
  type FakeRoute,
  filterMessage,
  linkMessage,
  qdiscMessage,
  routeMessage,
} from "./kernel_messages.ts";

const ENETUNREACH = 101;
/** Which process asks, where nothing else is said, by the port of its socket. */
export const OWN_PORT = 4242;
const PORT_AT = 12;
const SEQUENCE_AT = 8;
/** A packet that the device of a gate discards when it leaves. */
export const FILLER = "filler";
/** The kinds of devices, which are called as their modules. */
const DEVICE_KINDS = ["ifb", "dummy"];

/**
 * A kernel that knows devices, routes, qdiscs and filters as far as plugs and gates need it, and answers as Linux 6.1
 * does (`net/sched/sch_api.c`, `net/core/rtnetlink.c`, `net/sched/cls_api.c`), its traps included: what a request
 * without `NLM_F_CREATE` creates or grafts is in `accidents`. `tests/kernel/fake_kernel_test.ts` compares it.
 */
export class FakeKernel {
  readonly devices: FakeDevice[] = [];
  readonly routes: FakeRoute[] = [];
  readonly filters: FakeFilters;
  readonly #qdiscs: FakeQdiscs;
  /** The requests of each send, in words. */
  readonly sends: string[][] = [];
  /** Packets that left, in order. */
  readonly left: string[] = [];
  /** Whether whoever asks has CAP_NET_ADMIN, and which modules there are not: `sch_plug`, `act_mirred`. */
  permits = true;
  readonly lacks = new Set<string>();
  /**
   * Whether a connection says which namespace it is in: this process's own, in which marks of guardians are then looked
   * for, and found, by the indexes of devices. Choose these at random then.
   */
  opensNamespace = false;
  /** What requests fail with that would go well, by their words, each once. */
  readonly failures = new Map<string, Refusal>();
  /** Happens before a request is handled, for what others do meanwhile. */
  meanwhile: (request: string) => void = () => {};
  readonly socket: FakeSocket;
  readonly connection: Connection;
  readonly #indexes: Record<string, number> = {};
  readonly #listeners: FakeListener[] = [];

  constructor() {
    const has = (module: string) => !this.lacks.has(module);
    this.filters = new FakeFilters({
      isDevice: (ifindex) => this.#device(ifindex) !== undefined,
      hookOf: (ifindex) => this.#qdiscs.at(ifindex, INGRESS)?.kind,
      hasFilters: (ifindex, handle) => this.#qdiscs.withHandle(ifindex, handle)?.kind === "prio",
      has,
    });
    this.#qdiscs = new FakeQdiscs({
      deviceOf: (ifindex) => this.#device(ifindex),
      has,
      onHookGone: (ifindex) => this.filters.remove(ifindex),
    });
    this.socket = this.#open(OWN_PORT);
    this.connection = new Connection(this.socket, { openFamily });
  }

  /** The connection of another process, by the port of its socket. */
  connect(port: number): Connection {
    return new Connection(this.#open(port), { openFamily });
  }

  /** Hears what is said to these groups, until it is disposed of. */
  listen(groups: number): FakeListener {
    const listener = new FakeListener(groups);
    this.#listeners.push(listener);
    return listener;
  }

  #open(port: number): FakeSocket {
    return new FakeSocket({
      port,
      answer: (sent, overheard) => this.#answer(sent, { port, overheard }),
      devices: this.#indexes,
      namespace: () => this.opensNamespace ? openNamespace(`pid:${Deno.pid}`).fd : -EPERM,
    });
  }

  get qdiscs(): FakeQdisc[] {
    return this.#qdiscs.all;
  }

  /** Plugs that nobody asked for, or that drop everything for ever. */
  get accidents(): string[] {
    return this.#qdiscs.accidents;
  }

  /** Packets that vanished with their plug, in order. */
  get lost(): string[] {
    return this.#qdiscs.lost;
  }

  /** Those sends that were to change something, their requests joined. */
  get changes(): string[] {
    return this.sends.filter((texts) => !texts[0].startsWith("get")).map((texts) => texts.join("; "));
  }

  addDevice(name: string, options: Partial<Omit<FakeDevice, "name">> = {}): FakeDevice {
    const sizes = { mtu: 1500, txqueuelen: 1000, gsoMaxSize: 65536, master: 0, link: 0, stuck: 0 };
    const state = { left: 0, discarded: 0, kind: "", alias: "", isUp: true, isLoopback: false, hadHook: false };
    const ifindex = Math.max(0, ...this.devices.map((device) => device.ifindex)) + 1;
    const device = { ifindex, name, ...sizes, ...state, ...options };
    this.devices.push(device);
    this.#indexes[name] = device.ifindex;
    return device;
  }

  removeDevice({ ifindex, name }: FakeDevice): void {
    this.#qdiscs.remove((qdisc) => qdisc.ifindex === ifindex);
    this.filters.remove(ifindex);
    this.filters.forget(ifindex);
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
    this.#qdiscs.removeTree(qdisc);
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

  /** A packet meets a hook of a device: the first filter that redirects takes it to that device's plug. */
  meet(packet: string, { ifindex }: FakeDevice, side: "ingress" | "egress"): void {
    const parent = HOOKS[side === "ingress" ? 0 : 1];
    const filter = this.filters.all.find((each) =>
      each.ifindex === ifindex && each.parent === parent && each.actions.some(({ target }) => target !== undefined)
    );
    if (!filter) return void this.left.push(packet);
    for (const action of filter.actions) action.packets++;
    const to = filter.actions.find(({ target }) => target !== undefined)?.target ?? 0;
    const root = this.#qdiscs.at(to, TC_H_ROOT);
    // Of a prio the second class has what no filter sends elsewhere, and its filters compare nothing here.
    const plug = root?.kind === "prio" ? this.#qdiscs.at(to, root.handle + 2)?.plug : root?.plug;
    if (plug && this.#device(to)?.isUp) plug.enqueue(packet);
    else this.lost.push(packet);
    this.#run();
  }

  #answer(sent: Uint8Array, { port, overheard }: { port: number; overheard: boolean }): Uint8Array[] {
    const requests = readRequests(sent);
    if (overheard) this.#say(GROUP_REQUESTS, sent);
    this.sends.push(requests.map(({ text }) => text));
    return requests.flatMap((request) => {
      this.meanwhile(request.text);
      return this.#handle(request, port);
    });
  }

  #handle(request: FakeRequest, port: number): Uint8Array[] {
    const { type, sequence, text } = request;
    if (type.startsWith("RTM_GET")) return this.#get(request);
    const failure = this.failures.get(text);
    this.failures.delete(text);
    const [errno, sentence] = this.permits ? failure ?? this.#change(request, port) : [EPERM];
    this.#run();
    return [errno === 0 ? ack(sequence) : refusal(sequence, errno, { sentence })];
  }

  #change(request: FakeRequest, port: number): Refusal {
    switch (request.type) {
      case "RTM_NEWLINK":
        return this.#setLink(request);
      case "RTM_DELLINK":
        return this.#deleteLink(request);
      case "RTM_NEWTFILTER":
        return this.#sayFilter(request, { port, change: () => this.filters.create(request) });
      case "RTM_DELTFILTER":
        return this.#sayFilter(request, { port, change: () => this.filters.delete(request) });
      case "RTM_NEWQDISC":
      case "RTM_DELQDISC":
        return this.#changeQdisc(request, port);
      default:
        throw new Error(`The fake kernel has no ${request.type}`);
    }
  }

  /** Says something to who listens to a group; of what the kernel says itself the port is who asked for it. */
  #say(group: number, bytes: Uint8Array, port?: number): void {
    const said = bytes.slice();
    if (port !== undefined) new DataView(said.buffer).setUint32(PORT_AT, port, true);
    for (const listener of this.#listeners) listener.hear(group, said);
  }

  #sayLink(device: FakeDevice, type?: number): void {
    const bytes = linkMessage(0, device);
    if (type !== undefined) new DataView(bytes.buffer).setUint16(4, type, true);
    this.#say(GROUP_LINK, bytes, 0);
  }

  #sayFilter(request: FakeRequest, { port, change }: { port: number; change: () => Refusal }): Refusal {
    const find = () =>
      this.filters.all.find((filter) =>
        filter.ifindex === request.ifindex && filter.parent === request.parent &&
        filter.priority === request.filter.priority && filter.handle === request.handle
      );
    const before = find();
    const outcome = change();
    const filter = find() ?? before;
    if (outcome[0] !== 0 || !filter) return outcome;
    const bytes = filterMessage(request.sequence, filter);
    if (request.type === "RTM_DELTFILTER") new DataView(bytes.buffer).setUint16(4, RTM_DELTFILTER, true);
    this.#say(GROUP_TC, bytes, port);
    return outcome;
  }

  #changeQdisc(request: FakeRequest, port: number): Refusal {
    const { ifindex, parent, sequence, type } = request;
    const here = () =>
      parent === 0 ? this.#qdiscs.withHandle(ifindex, request.handle) : this.#qdiscs.at(ifindex, parent);
    const before = here();
    const outcome = type === "RTM_NEWQDISC" ? this.#qdiscs.modify(request) : this.#qdiscs.delete(request);
    if (outcome[0] !== 0) return outcome;
    const after = here();
    if (before && before !== after) this.#sayQdisc({ qdisc: before, sequence, port, isGone: true });
    if (after) this.#sayQdisc({ qdisc: after, sequence, port });
    return outcome;
  }

  #sayQdisc(
    { qdisc, sequence, port, isGone = false }: { qdisc: FakeQdisc; sequence: number; port: number; isGone?: boolean },
  ): void {
    const bytes = qdiscMessage(sequence, qdisc);
    if (isGone) new DataView(bytes.buffer).setUint16(4, RTM_DELQDISC, true);
    this.#say(GROUP_TC, bytes, port);
  }

  #setLink({ ifindex, flags, link }: FakeRequest): Refusal {
    const device = ifindex === 0 ? this.devices.find(({ name }) => name === link.name) : this.#device(ifindex);
    if (!device) return flags & NLM_F_CREATE ? this.#createLink(link) : [ENODEV];
    if (flags & NLM_F_EXCL) return [EEXIST];
    if (link.alias !== undefined) device.alias = link.alias;
    if (link.isUp === undefined) return [0];
    if (device.isUp && !link.isUp) this.#qdiscs.flush(device);
    device.isUp = link.isUp;
    this.#sayLink(device);
    return [0];
  }

  #createLink({ name = "", kind = "", txqueuelen }: FakeRequest["link"]): Refusal {
    if (!DEVICE_KINDS.includes(kind) || this.lacks.has(kind)) return [EOPNOTSUPP, "Unknown device type"];
    this.#sayLink(this.addDevice(name, { kind, isUp: false, txqueuelen: txqueuelen ?? 32 }));
    return [0];
  }

  #deleteLink({ ifindex }: FakeRequest): Refusal {
    const device = this.#device(ifindex);
    if (!device) return [ENODEV];
    if (!DEVICE_KINDS.includes(device.kind)) return [EOPNOTSUPP];
    if (device.isUp) this.#sayLink({ ...device, isUp: false });
    this.removeDevice(device);
    this.#sayLink({ ...device, isUp: false }, RTM_DELLINK);
    return [0];
  }

  #get({ type, flags, sequence, ifindex, parent, destination, link }: FakeRequest): Uint8Array[] {
    const dumps = (flags & NLM_F_DUMP) === NLM_F_DUMP;
    const one = (found: Uint8Array | undefined, errno: number) =>
      found ? [found, ack(sequence)] : [refusal(sequence, errno)];
    if (type === "RTM_GETLINK") {
      if (dumps) return [...this.devices.map((device) => linkMessage(sequence, device)), done(sequence)];
      const device = ifindex === 0 ? this.devices.find(({ name }) => name === link.name) : this.#device(ifindex);
      return one(device && linkMessage(sequence, device), ENODEV);
    }
    if (type === "RTM_GETTFILTER") {
      const found = this.filters.listed(ifindex, parent);
      return [...found.map((filter) => filterMessage(sequence, filter)), done(sequence)];
    }
    if (type === "RTM_GETROUTE") {
      if (dumps) return [...this.routes.map((route) => routeMessage(sequence, route)), done(sequence)];
      // The last bit of an address tells which of the fake's routes leads there.
      const route = this.routes.findLast(({ family }) => family === (destination?.length === 4 ? 2 : 10));
      return one(route && routeMessage(sequence, route), ENETUNREACH);
    }
    // It has no rules, addresses or neighbours.
    if (["RTM_GETRULE", "RTM_GETADDR"].includes(type)) return [done(sequence)];
    if (type === "RTM_GETNEIGH") return one(undefined, ENOENT);
    const messages = this.#qdiscs.listed(this.devices).map((qdisc) => qdiscMessage(sequence, qdisc));
    this.#thaw();
    return [...messages, done(sequence)];
  }

  #device(ifindex: number): FakeDevice | undefined {
    return this.devices.find((device) => device.ifindex === ifindex);
  }

  /** Lets out what may leave. */
  #run(): void {
    for (const { ifindex, plug } of this.qdiscs) {
      const device = this.#device(ifindex);
      if (!plug || !device || device.stuck) continue;
      for (let packet = plug.dequeue(); packet !== undefined; packet = plug.dequeue()) {
        device.left++;
        if (packet === FILLER) device.discarded++;
        else this.left.push(packet);
      }
    }
  }

  #thaw(): void {
    for (const device of this.devices) device.stuck = Math.max(device.stuck - 1, 0);
    this.#run();
  }
}

/** A socket of another family of netlink than rtnetlink, which has nothing of what it is asked for. */
function openFamily(): FakeSocket {
  return new FakeSocket({
    answer: (sent) => [refusal(new DataView(sent.buffer).getUint32(SEQUENCE_AT, true), ENOENT)],
  });
}
