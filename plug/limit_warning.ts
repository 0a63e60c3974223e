import type { LinkMessage } from "../codec/message.ts";
import type { Connection } from "../netlink/connection.ts";
import { readLink } from "./queue.ts";

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
