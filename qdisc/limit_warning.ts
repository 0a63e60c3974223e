import { type LinkMessage, RTM_GETLINK } from "../codec/mod.ts";
import type { Connection } from "../netlink/mod.ts";
import { QueueError } from "./queue_error.ts";

/** What a packet measures at most where segmentation is left to a device that says nothing else. */
const GSO_BYTES = 65536;

/** Warns of a limit that one packet may pass, or says nothing where none may. */
export function limitWarning({ name, gsoMaxSize }: LinkMessage, limitBytes: number): string | undefined {
  if (limitBytes >= gsoMaxSize) return undefined;
  return `the limit of ${limitBytes} bytes is less than one packet may measure on ${name} (${gsoMaxSize} bytes, ` +
    "segmentation offload): bulk TCP would be dropped";
}

/** As `limitWarning`, for a device that is not known yet; it is asked only where the limit is low. */
export function warnOfLimit(
  connection: Connection,
  { ifindex, limitBytes }: { ifindex: number; limitBytes: number },
): string | undefined {
  return limitBytes >= GSO_BYTES ? undefined : limitWarning(readLink(connection, ifindex, "set the limit"), limitBytes);
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
