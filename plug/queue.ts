import { IFLA_ALT_IFNAME, IFLA_IFNAME, RTM_GETLINK, RTM_GETQDISC } from "../codec/assembly/constants.ts";
import { formatHandle, formatParent, TC_H_ROOT } from "../codec/handle.ts";
import type { LinkMessage, QdiscMessage, QdiscStats } from "../codec/message.ts";
import type { Request } from "../codec/request.ts";
import type { Connection } from "../netlink/connection.ts";
import { ENODEV } from "../linux/errno.ts";
import { NetlinkError } from "../linux/netlink_error.ts";
import type { Released } from "../guardian/protocol.ts";
import type { QdiscPlace } from "./plug_requests.ts";
import { QueueError } from "./queue_error.ts";

/** Where a plug is. */
export interface PlugPlace {
  /** The device's name. */
  dev: string;
  /** Where it hangs: `TC_H_ROOT`, the default, or a class of the qdisc above it (`parseParent`). */
  parent?: number;
  /** Its handle (`parseHandle`). To attach, the handle to give; to open, which handle must be there. */
  handle?: number;
}

/** A plug as one process knows it: where it is, and what was last asked of it, which the kernel cannot tell. */
export interface Queue {
  readonly dev: string;
  place: Readonly<QdiscPlace>;
  /** Whether the place names the plug for certain: by the handle that it was seen with. */
  located: boolean;
  readonly connection: Connection;
  /** Whether it was last asked to hold or to pass; absent where this process has asked neither. */
  asked?: "hold" | "pass";
  /** Whether an epoch has ended that is not released yet; absent where this process cannot know. */
  endedEpoch?: boolean;
  /** The limit that was last asked for. */
  limitBytesAsked?: number;
  /** Whether a signal that ends the process releases it first. */
  releasedOnSignal?: boolean;
  /** What waits for such a signal while it holds. */
  watch?: Disposable;
  /** The line to its guardian, where it has one. */
  guard?: QueueGuard;
  /** The gate that it belongs to, where it does. */
  readonly gate?: GateMark;
}

/** What a guardian is told of a queue in its charge, and asked. */
export interface QueueGuard {
  /** It is about to hold, for `maxMs` milliseconds at the most. Default: what was said when it was given into charge. */
  arm(maxMs?: number): void;
  /** It holds no more. */
  disarm(): void;
  /** It is taken away, or this process is done with it. */
  drop(): void;
  /** The guardian is to wait for the deadline also when this process has ended, unless the plug is released before. */
  outlive(place: QdiscPlace): void;
  /** Whether the guardian has released it by itself since it was armed; waits up to `patienceMs` for it to say so. */
  released(patienceMs?: number): Released | undefined;
  /** Waits until it has; `undefined` where the guardian ends first. */
  whenReleased(): Promise<Released | undefined>;
}

/** What is known of the gate that a queue belongs to. */
export interface GateMark {
  readonly name: string;
  /** The devices whose packets it sees, by their index, and by which they go on. */
  readonly devices: readonly number[];
  /** The devices of which it holds all, or as good as all, by their index. */
  readonly holdsAllOf: readonly number[];
  /** What notes a new limit where the gate keeps what the kernel cannot tell; absent where it keeps nothing. */
  limitRequest?(limitBytes: number): Request;
}

/** A queue in words: `gate web`, or its place. */
export function nameQueue({ dev, place, gate }: Queue): string {
  return gate ? `gate ${gate.name}` : describeQueue(dev, place);
}

/**
 * The queue at a place. Only the device is looked up; whether a plug is there, the first thing asked of it tells.
 *
 * @throws {QueueError} `no-device`
 */
export function openQueue(connection: Connection, { dev, handle = 0, parent }: PlugPlace): Queue {
  const place = { ifindex: findDevice(connection, dev), parent: parent ?? (handle === 0 ? TC_H_ROOT : 0), handle };
  return { dev, place, located: false, connection };
}

/** A place in words: `eth0 (root)`, `eth0 (parent 1:4)`, `eth0 (handle 40:)`. */
export function describeQueue(dev: string, { parent, handle }: { parent: number; handle: number }): string {
  if (parent === 0) return `${dev} (handle ${formatHandle(handle)})`;
  return parent === TC_H_ROOT ? `${dev} (root)` : `${dev} (parent ${formatParent(parent)})`;
}

/**
 * The index of a device.
 *
 * @throws {QueueError} `no-device`
 */
export function findDevice(connection: Connection, dev: string): number {
  if (isLongName(dev)) {
    const [link] = linksByName(connection, [dev]);
    if (link) return link.ifindex;
    throw noDevice(dev);
  }
  try {
    return connection.deviceIndex(dev);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.errno !== ENODEV) throw error;
    throw noDevice(dev, error);
  }
}

function noDevice(dev: string, cause?: unknown): QueueError {
  return new QueueError("no-device", `find ${dev}`, { reason: "there is no such device", cause, dev });
}

/** The devices that have these names or altnames, with one send; `undefined` where there is none. */
export function linksByName(connection: Connection, names: readonly string[]): (LinkMessage | undefined)[] {
  return connection.transact(names.map(askByName)).map(({ errno, sentence, message }, index) => {
    if (errno !== 0 && errno !== ENODEV) throw new NetlinkError(`find device ${names[index]}`, { errno, sentence });
    return message?.about === "link" ? message : undefined;
  });
}

/** Asks for the device that has this name or altname. */
export function askByName(name: string): Request {
  // IFLA_IFNAME finds altnames too, but has room for 15 bytes; kernels before 5.5 know no IFLA_ALT_IFNAME.
  const attribute = isLongName(name)
    ? { name: "ALT_IFNAME", attributeType: IFLA_ALT_IFNAME, value: name }
    : { name: "IFNAME", attributeType: IFLA_IFNAME, value: name };
  const struct = ["family, pad, type", "ifindex", "flags", "change"].map((name) => ({ name, value: 0 }));
  return { type: RTM_GETLINK, fields: [...struct, attribute] };
}

/** Whether only an altname can be this long: `IFNAMSIZ` is 16 with the NUL. */
function isLongName(name: string): boolean {
  return new TextEncoder().encode(name).length > 15;
}

/**
 * A device's name, mtu and so on.
 *
 * @throws {QueueError} `no-device`
 */
export function readLink(connection: Connection, ifindex: number, operation: string): LinkMessage {
  const link = connection.request(operation, { type: RTM_GETLINK, ifindex });
  if (link?.about === "link") return link;
  throw new QueueError("no-device", operation, { reason: "there is no such device" });
}

/** Every device of the connection's namespace. A dump. */
export function readLinks(connection: Connection, operation: string): LinkMessage[] {
  return connection.dump(operation, { type: RTM_GETLINK, ifindex: 0 })
    .filter((message): message is LinkMessage => message.about === "link");
}

/**
 * Every qdisc of the connection's namespace but the kernel's hidden ones. A dump: asked for one alone, the
 * kernel answers by telling every listener of the machine.
 */
export function readQdiscs(connection: Connection, operation: string): QdiscMessage[] {
  return connection.dump(operation, { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 })
    .filter((message): message is QdiscMessage => message.about === "qdisc");
}

/**
 * The plug that is at the queue's place, with its statistics.
 *
 * @throws {QueueError} where there is none
 */
export function readPlug(queue: Queue, operation: string): PlugMessage {
  return pickPlug(queue, { operation, qdiscs: readQdiscs(queue.connection, operation) });
}

/**
 * Looks for the plugs of queues that name none for certain, and notes their handles. A change must name the
 * handle: without one the kernel puts a new plug, one with limit 0, in the place of a qdisc of another kind,
 * and below a class it may graft what has the handle elsewhere (seen on Linux 6.1).
 *
 * @throws {QueueError} where one has no plug
 */
export function locatePlugs(queues: readonly Queue[], nameOperation: (queue: Queue) => string): void {
  const places = new Map<Queue, QdiscPlace>();
  for (const [connection, lost] of byConnection(queues.filter(({ located }) => !located))) {
    const qdiscs = readQdiscs(connection, "list qdiscs");
    for (const queue of lost) {
      const { ifindex, parent, handle } = pickPlug(queue, { operation: nameOperation(queue), qdiscs });
      places.set(queue, { ifindex, parent, handle });
    }
  }
  for (const [queue, place] of places) Object.assign(queue, { place, located: true });
}

/** Queues by the connection that leads to them. */
export function byConnection(queues: readonly Queue[]): Map<Connection, Queue[]> {
  return Map.groupBy(queues, (queue) => queue.connection);
}

/** A plug with its statistics. */
export type PlugMessage = QdiscMessage & { stats: QdiscStats };

/**
 * Picks the plug at the queue's place.
 *
 * @throws {QueueError} where there is none
 */
function pickPlug(
  queue: Queue,
  { operation, qdiscs }: { operation: string; qdiscs: QdiscMessage[] },
): PlugMessage {
  const { ifindex, parent, handle } = queue.place;
  const found = qdiscs.find((qdisc) =>
    qdisc.ifindex === ifindex && (parent === 0 || qdisc.parent === parent) && (handle === 0 || qdisc.handle === handle)
  );
  if (!found || found.handle === 0) throw new QueueError("not-attached", operation, { reason: "no plug is attached" });
  if (!isPlug(found)) {
    throw new QueueError("foreign-qdisc", operation, { reason: `the qdisc there is ${found.kind}, not a plug` });
  }
  return found;
}

/** Whether it is a plug; the kernel sends statistics with every one. */
export function isPlug(qdisc: QdiscMessage): qdisc is PlugMessage {
  return qdisc.kind === "plug" && qdisc.stats !== undefined;
}
