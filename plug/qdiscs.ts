import { IFLA_ALT_IFNAME, IFLA_IFNAME, RTM_GETLINK, RTM_GETQDISC } from "../codec/assembly/constants.ts";
import { TC_H_ROOT } from "../codec/handle.ts";
import type { LinkMessage, QdiscMessage, QdiscStats } from "../codec/message.ts";
import type { Request } from "../codec/request.ts";
import type { Connection } from "../netlink/connection.ts";
import { type AnyOperation, ENODEV, NetlinkError } from "../linux/netlink_error.ts";
import { bytesIn } from "./gate_name.ts";
import { trafficWithFillers, withoutFillers } from "./filler.ts";
import { RANKED_HANDLE, RANKS } from "./plug_requests.ts";
import { QueueError } from "./queue_error.ts";

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
  return bytesIn(name) > 15;
}

/**
 * A device's name, mtu and so on.
 *
 * @throws {QueueError} `no-device`
 */
export function readLink(connection: Connection, ifindex: number, operation: AnyOperation): LinkMessage {
  const link = connection.request(operation, { type: RTM_GETLINK, ifindex });
  if (link?.about === "link") return link;
  throw new QueueError("no-device", operation, { reason: "there is no such device" });
}

/** Every device of the connection's namespace. A dump. */
export function readLinks(connection: Connection, operation: AnyOperation): LinkMessage[] {
  return connection.dump(operation, { type: RTM_GETLINK, ifindex: 0 })
    .filter((message): message is LinkMessage => message.about === "link");
}

/**
 * Every qdisc of the connection's namespace but the kernel's hidden ones. A dump: asked for one alone, the
 * kernel answers by telling every listener of the machine.
 */
export function readQdiscs(connection: Connection, operation: AnyOperation): QdiscMessage[] {
  return withoutRanks(
    connection.dump(operation, { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 })
      .filter((message): message is QdiscMessage => message.about === "qdisc"),
  );
}

/** Qdiscs with those that make up a queue of two ranks as the one plug that it is dealt with as: prio counts for both. */
function withoutRanks(qdiscs: QdiscMessage[]): QdiscMessage[] {
  const prios = qdiscs.filter(({ kind, handle, parent }) =>
    kind === "prio" && handle === RANKED_HANDLE && parent === TC_H_ROOT
  );
  const whole = new Set<number>();
  for (const { ifindex } of prios) if (ranksOn(qdiscs, ifindex).length === RANKS.length) whole.add(ifindex);
  if (whole.size === 0) return qdiscs;
  return qdiscs.flatMap((qdisc) => {
    if (!whole.has(qdisc.ifindex)) return [qdisc];
    if (qdisc.parent === TC_H_ROOT) return [{ ...qdisc, kind: "plug" }];
    return RANKS.some(({ parent }) => parent === qdisc.parent) ? [] : [qdisc];
  });
}

function ranksOn(qdiscs: readonly QdiscMessage[], on: number): QdiscMessage[] {
  return qdiscs.filter(({ ifindex, kind, parent, handle }) =>
    ifindex === on && kind === "plug" && RANKS.some((rank) => rank.parent === parent && rank.handle === handle)
  );
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
  const links = readLinks(connection, "list devices");
  const names = new Map(links.map(({ ifindex, name }) => [ifindex, name]));
  const traffic = trafficWithFillers(connection, links);
  return plugs.flatMap(({ ifindex, parent, handle, stats: whole }) => {
    const dev = names.get(ifindex);
    const gate = parent === TC_H_ROOT ? traffic.get(ifindex) : undefined;
    const stats = gate ? withoutFillers(whole, gate) : whole;
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
  { ifindex, parent, operation }: { ifindex: number; parent: number; operation: AnyOperation },
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
