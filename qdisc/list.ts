import { type Message, type QdiscMessage, type QdiscStats, RTM_GETLINK, RTM_GETQDISC } from "../codec/mod.ts";
import type { Connection } from "../netlink/mod.ts";

/** A plug that the kernel has. */
export interface ListedPlug {
  dev: string;
  ifindex: number;
  parent: number;
  handle: number;
  stats: QdiscStats;
}

/** Every plug of a network namespace, in the order in which the kernel lists them. Two dumps. */
export function listPlugs(connection: Connection): ListedPlug[] {
  const plugs = connection.dump("list qdiscs", { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 }).filter(isPlug);
  if (plugs.length === 0) return [];
  const names = new Map<number, string>();
  for (const link of connection.dump("list devices", { type: RTM_GETLINK, ifindex: 0 })) {
    if (link.about === "link") names.set(link.ifindex, link.name);
  }
  // A device that vanished between the two dumps took its plug with it.
  return plugs.filter(({ ifindex }) => names.has(ifindex)).map(({ ifindex, parent, handle, stats }) => {
    return { dev: names.get(ifindex)!, ifindex, parent, handle, stats };
  });
}

function isPlug(message: Message): message is QdiscMessage & { stats: QdiscStats } {
  return message.about === "qdisc" && message.kind === "plug" && message.stats !== undefined;
}
