import {
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  RTM_DELLINK,
  RTM_DELQDISC,
  RTM_DELTFILTER,
  RTM_GETTFILTER,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  RTM_NEWTFILTER,
} from "../codec/assembly/constants.ts";
import { ETH_P_ALL } from "../codec/assembly/filter_constants.ts";
import type { FlowerKeys } from "../codec/flower.ts";
import { TC_H_CLSACT, TC_H_MIN_EGRESS, TC_H_MIN_INGRESS } from "../codec/handle.ts";
import type { FieldsRequest } from "../codec/request.ts";
import { treeRequest } from "../codec/tree_request.ts";
import { type Direction, formatNote, type GateNote } from "./gate_note.ts";

/**
 * The txqueuelen of a gate's device, "PL" in ASCII. It is what the kernel takes together with the name, before the
 * note: who finds it knows the device for a gate's, also where its maker was killed right then.
 */
export const GATE_TXQUEUELEN = 0x504c;

/** The handle of a gate's first filter, "PL" and 1: the others of the same gate and device have the next. */
export const FIRST_FILTER = 0x504c0001;

const NEW = NLM_F_CREATE | NLM_F_EXCL;

/** Where filters hang for a direction. */
export function hookOf(direction: Direction): number {
  const major = TC_H_CLSACT & 0xffff0000;
  return (major | (direction === "ingress" ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS)) >>> 0;
}

/** Whether a filter with this handle is of a gate's making. */
export function isGateFilter(handle: number): boolean {
  return handle >>> 16 === FIRST_FILTER >>> 16 && (handle & 0xffff) !== 0;
}

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

/** Writes the note, in place of an earlier one. */
export function writeNote(ifindex: number, note: GateNote): FieldsRequest {
  return treeRequest({ type: RTM_NEWLINK, ifindex, alias: formatNote(note) });
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

/** Where a filter is. */
export interface FilterPlace {
  ifindex: number;
  parent: number;
  priority: number;
  handle: number;
  /** `ETH_P_*`; every protocol where it is a gate's own. */
  protocol?: number;
}

/** Creates a filter that sends what it matches through the gate's device. */
export function createFilter(place: FilterPlace, flower: { keys: FlowerKeys; redirectTo: number }): FieldsRequest {
  return treeRequest({ type: RTM_NEWTFILTER, flags: NEW, protocol: ETH_P_ALL, ...place, flower });
}

/** Deletes a filter. */
export function deleteFilter({ ifindex, parent, priority, handle, protocol = ETH_P_ALL }: FilterPlace): FieldsRequest {
  return treeRequest({ type: RTM_DELTFILTER, ifindex, parent, priority, handle, protocol, isFlower: true });
}

/** Asks for the filters of a hook: a dump. */
export function dumpFilters(ifindex: number, direction: Direction): FieldsRequest {
  const place = { ifindex, handle: 0, parent: hookOf(direction), priority: 0, protocol: 0 };
  return treeRequest({ type: RTM_GETTFILTER, flags: NLM_F_DUMP, ...place });
}
