/**
 * Takes the loopback device of this network namespace up, makes a plug on it, and takes that away again; ends with the
 * kernel's sentence where it refuses: `probe.ts NAMESPACE`, which is the one of the caller, where it does nothing.
 *
 * @module
 */

import { RTM_DELQDISC, RTM_NEWLINK } from "../codec/assembly/constants.ts";
import { TC_H_ROOT } from "../codec/handle.ts";
import { treeRequest } from "../codec/tree_request.ts";
import { namespaceIdentity } from "../linux/namespace.ts";
import { NetlinkError } from "../linux/netlink_error.ts";
import { Connection } from "../netlink/connection.ts";
import { createRequest } from "../plug/plug_requests.ts";

/** Loopback, the first device of every network namespace. */
const LOOPBACK = 1;
const PLACE = { ifindex: LOOPBACK, parent: TC_H_ROOT, handle: 0x504c0000 };

try {
  if (namespaceIdentity() === Deno.args[0]) throw new Error("this is not a network namespace of its own");
  using connection = Connection.open();
  connection.request("take lo up", treeRequest({ type: RTM_NEWLINK, ifindex: LOOPBACK, up: true }));
  connection.request("make a plug", createRequest(PLACE, { limitBytes: 1000 }));
  connection.request("delete the plug", { type: RTM_DELQDISC, ...PLACE });
} catch (error) {
  console.error(error instanceof NetlinkError && error.sentence || error instanceof Error && error.message || error);
  Deno.exit(1);
}
