/**
 * Queues as `tc` sees them: a witness that is not plugctl.
 *
 * @module
 */

import type { Host } from "./host.ts";

/** A queueing discipline in `tc`'s words. */
export interface TcQdisc {
  kind: string;
  handle: string;
  root?: true;
  parent?: string;
  qlen: number;
  drops: number;
}

/** The queueing disciplines of a host's device. */
export function qdiscs(host: Host, dev = "eth0"): TcQdisc[] {
  const listed: TcQdisc[] = JSON.parse(host.run("tc", "-s", "-json", "qdisc", "show", "dev", dev));
  return listed.map(({ kind, handle, root, parent, qlen, drops }) => ({
    kind,
    handle,
    ...root ? { root } : {},
    ...parent ? { parent } : {},
    qlen,
    drops,
  }));
}

/** The one plug of a host's device. */
export function plugOf(host: Host, dev = "eth0"): TcQdisc {
  const plugs = qdiscs(host, dev).filter(({ kind }) => kind === "plug");
  if (plugs.length !== 1) throw new Error(`${dev} has ${plugs.length} plugs`);
  return plugs[0];
}
