import { RTM_GETLINK, RTM_GETQDISC } from "../codec/assembly/constants.ts";
import { TC_H_ROOT } from "../codec/handle.ts";
import type { LinkMessage, QdiscMessage, QdiscStats } from "../codec/message.ts";
import type { Connection } from "../netlink/connection.ts";
import { ENODEV } from "../linux/errno.ts";
import { NetlinkError } from "../linux/netlink_error.ts";
import { QueueError } from "./queue_error.ts";

/**
 * The index of a device.
 *
 * @throws {QueueError} `no-device`
 */
export function findDevice(connection: Connection, dev: string): number {
  try {
    return connection.deviceIndex(dev);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.errno !== ENODEV) throw error;
    throw new QueueError("no-device", `find ${dev}`, { reason: "there is no such device", cause: error });
  }
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

/** A plug with its statistics. */
export type PlugMessage = QdiscMessage & { stats: QdiscStats };

/** Whether it is a plug; the kernel sends statistics with every one. */
export function isPlug(qdisc: QdiscMessage): qdisc is PlugMessage {
  return qdisc.kind === "plug" && qdisc.stats !== undefined;
}

/** A plug that the kernel has. */
export interface ListedPlug {
  /** The device's name. */
  dev: string;
  /** The device's index. */
  ifindex: number;
  /** Where it hangs: `TC_H_ROOT` or a class (`formatParent`). */
  parent: number;
  /** Its handle (`formatHandle`). */
  handle: number;
  /** Its counters when it was listed. */
  stats: QdiscStats;
}

/** Every plug of a network namespace, in the order in which the kernel lists them. Two dumps. */
export function listPlugs(connection: Connection): ListedPlug[] {
  const plugs = readQdiscs(connection, "list plugs").filter(isPlug);
  if (plugs.length === 0) return [];
  const names = new Map(readLinks(connection, "list devices").map(({ ifindex, name }) => [ifindex, name]));
  return plugs.flatMap(({ ifindex, parent, handle, stats }) => {
    const dev = names.get(ifindex);
    // A device that vanished between the two dumps took its plug with it.
    return dev === undefined ? [] : [{ dev, ifindex, parent, handle, stats }];
  });
}

/** Kinds that put a queue of their own in a deleted one's place, seen on Linux 6.1; ets does by its source. */
const REGROWING = new Set(["cbs", "drr", "ets", "hfsc", "htb", "netem", "prio", "qfq"]);

/**
 * Refuses a plug below a qdisc that cannot do without: below tbf, red, sfb, mq and others the kernel leaves
 * nothing in a deleted plug's place, and drops every packet from then on.
 *
 * @throws {QueueError} `no-way-back`
 */
export function refuseDeadEnd(
  qdiscs: readonly QdiscMessage[],
  { ifindex, parent, operation }: { ifindex: number; parent: number; operation: string },
): void {
  if (parent === TC_H_ROOT) return;
  const handle = (parent & 0xffff0000) >>> 0;
  const above = qdiscs.find((qdisc) => qdisc.ifindex === ifindex && qdisc.handle === handle);
  if (!above || REGROWING.has(above.kind)) return;
  throw new QueueError("no-way-back", operation, {
    reason: `below ${above.kind} the kernel leaves nothing in a deleted plug's place, and drops every packet after it`,
  });
}

/** The most that a packet measures on a device with segmentation offload, unless the device is set to take more. */
const GSO_BYTES = 65536;

/** Warns of a limit that one packet may pass, or says nothing where none may. */
export function limitWarning({ name, gsoMaxSize }: LinkMessage, limitBytes: number): string | undefined {
  if (limitBytes >= gsoMaxSize) return undefined;
  return `the limit of ${limitBytes} bytes is less than one packet may measure on ${name} (${gsoMaxSize} bytes, ` +
    "segmentation offload): bulk TCP would be dropped";
}

/** As `limitWarning`, by the device's index; the kernel is asked about the device only where the limit is low. */
export function warnOfLimit(
  connection: Connection,
  { ifindex, limitBytes }: { ifindex: number; limitBytes: number },
): string | undefined {
  return limitBytes >= GSO_BYTES ? undefined : limitWarning(readLink(connection, ifindex, "set the limit"), limitBytes);
}
