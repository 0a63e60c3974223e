import {
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_NEWLINK,
  RTM_NEWQDISC,
} from "../codec/assembly/constants.ts";
import type { FieldsRequest } from "../codec/request.ts";
import { treeRequest } from "../codec/tree_request.ts";

/** What a gate's ifb device is named with, before the gate's own name. */
const PREFIX = "plug-";
/** What the kernel takes for a device's name, in bytes: `IFNAMSIZ` without its NUL. */
const DEVICE_NAME_MAX = 15;
const NAME_MAX = DEVICE_NAME_MAX - PREFIX.length;

/**
 * The name of the device that carries a gate.
 *
 * @throws {RangeError} where the gate's name has not 1 to 10 bytes, or a space, a slash or a colon
 */
export function gateDevice(name: string): string {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes >= 1 && bytes <= NAME_MAX && !/[\s/:\0%]/.test(name)) return PREFIX + name;
  throw new RangeError(
    `invalid gate name ${JSON.stringify(name)}: use 1 to ${NAME_MAX} bytes, without space, /, : and %`,
  );
}

/** The gate's name by its device's, or `undefined` where that is no gate's. */
export function gateName(device: string): string | undefined {
  return device.startsWith(PREFIX) && device.length > PREFIX.length ? device.slice(PREFIX.length) : undefined;
}

/** A name that no other gate has, as good as certainly. */
export function inventName(): string {
  return crypto.randomUUID().slice(0, 8);
}

/**
 * The txqueuelen of a gate's device, "PL" in ASCII. It is what the kernel takes together with the name, before the
 * note: who finds it knows the device for a gate's, also where its maker was killed right then.
 */
export const GATE_TXQUEUELEN = 0x504c;

const NEW = NLM_F_CREATE | NLM_F_EXCL;

/** Creates the ifb device of a gate. */
export function createDevice(name: string): FieldsRequest {
  return treeRequest({ type: RTM_NEWLINK, flags: NEW, ifindex: 0, name, kind: "ifb", txqueuelen: GATE_TXQUEUELEN });
}

/**
 * Keeps the device from making itself an IPv6 address: its router solicitations would wait in its own plug. Refused
 * with EAFNOSUPPORT by a kernel without IPv6, whose devices have none anyway.
 */
export function quietDevice(ifindex: number): FieldsRequest {
  return treeRequest({ type: RTM_NEWLINK, ifindex, addressless: true });
}

/** Takes the device up. */
export function takeUp(ifindex: number): FieldsRequest {
  return treeRequest({ type: RTM_NEWLINK, ifindex, up: true });
}

/** Writes the note, as an alias, in place of an earlier one. */
export function writeNote(ifindex: number, alias: string): FieldsRequest {
  return treeRequest({ type: RTM_NEWLINK, ifindex, alias });
}

/** Deletes the device, and with it what its plug holds. */
export function deleteDevice(ifindex: number): FieldsRequest {
  return treeRequest({ type: RTM_DELLINK, ifindex });
}

/** Creates the qdisc that filters of both directions hang from, and that touches no packet by itself. */
export function createClsact(ifindex: number): FieldsRequest {
  return treeRequest({ type: RTM_NEWQDISC, flags: NEW, ifindex, clsact: true });
}

/** Deletes it, and with it every filter that hangs there. */
export function deleteClsact(ifindex: number): FieldsRequest {
  return treeRequest({ type: RTM_DELQDISC, ifindex, clsact: true });
}
