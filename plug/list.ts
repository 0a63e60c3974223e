import type { QdiscStats } from "../codec/message.ts";
import type { Connection } from "../netlink/connection.ts";
import { isPlug, readLinks, readQdiscs } from "./queue.ts";

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
