import { inNamespace } from "../linux/namespace.ts";

const TABLE = "/proc/thread-self/net/netlink";
const NETLINK_ROUTE = "0";

/**
 * The port numbers of the rtnetlink sockets of a network namespace, or of this process's own. The kernel gives the first
 * socket of a process the process's number.
 */
export function routePorts(namespace?: string): number[] {
  const read = () => Deno.readTextFileSync(TABLE);
  const table = namespace === undefined ? read() : inNamespace(namespace, read);
  const [, ...rows] = table.trimEnd().split("\n").map((row) => row.trim().split(/\s+/));
  return rows.filter(([, protocol]) => protocol === NETLINK_ROUTE).map(([, , port]) => Number(port));
}
