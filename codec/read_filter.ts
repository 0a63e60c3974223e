import {
  KEY_DESTINATION,
  KEY_DESTINATION_PORTS,
  KEY_ETHER_TYPE,
  KEY_FLOWER,
  KEY_IP_PROTOCOL,
  KEY_OTHERS,
  KEY_SOURCE,
  KEY_SOURCE_PORTS,
  KEY_TCP_FLAGS,
  KEY_VLAN,
} from "./assembly/codes.ts";
import { RTM_DELTFILTER, RTM_NEWTFILTER } from "./assembly/constants.ts";
import { TCA_EGRESS_REDIR } from "./assembly/filter_constants.ts";
import { RECEIVE_AT } from "./assembly/regions.ts";
import { lastDecodeError } from "./decode_error.ts";
import { filterBytes, filterView, receiveRegion } from "./exchange.ts";
import { treeModule } from "./tree_module.ts";
import type { AddressPrefix, FlowerKeys, PortRange } from "./flower.ts";
import type { FilterMessage } from "./message.ts";
import type { Records } from "./records.ts";
import { textOf } from "./text.ts";

/** Whether the message on which a cursor stands is about a filter. */
export function isFilter({ type }: Records): boolean {
  return type === RTM_NEWTFILTER || type === RTM_DELTFILTER;
}

/**
 * Reads the filter that a message says of, where a cursor stands on one (`isFilter`).
 *
 * @throws {DecodeError} where its bytes are malformed; the offset counts from the start of the receive region
 */
export function readFilter(records: Records): FilterMessage {
  const { type, flags, sequence, offset } = records;
  if (treeModule().decodeFilter(offset) < 0) throw lastDecodeError(RECEIVE_AT);
  return {
    about: "filter",
    type,
    flags,
    sequence,
    ifindex: filterView.getInt32(56, true),
    handle: word(60),
    parent: word(64),
    priority: filterView.getUint16(70, true),
    protocol: filterView.getUint16(68, false),
    kind: kindIn(offset),
    keys: word(0) & KEY_FLOWER ? readKeys() : undefined,
    redirectsTo: word(80) === TCA_EGRESS_REDIR && word(100) === 1 ? filterView.getInt32(76, true) : undefined,
    bytes: word(84) + word(88) * 0x100000000,
    packets: word(92),
    ageMs: word(96) * 10,
  };
}

function word(offset: number): number {
  return filterView.getUint32(offset, true);
}

/** The kind, which the record names by its place in the message that begins at `message` and by its length. */
function kindIn(message: number): string {
  const start = message + (word(72) & 0xffff);
  return textOf(receiveRegion, start, start + (word(72) >>> 16));
}

function readKeys(): FlowerKeys {
  const there = word(0);
  const keys: FlowerKeys = {};
  if (there & KEY_VLAN) keys.vlanId = filterView.getUint16(6, true);
  if (there & KEY_ETHER_TYPE) keys.etherType = filterView.getUint16(4, true);
  if (there & KEY_IP_PROTOCOL) keys.ipProtocol = filterBytes[8];
  if (there & KEY_SOURCE) keys.source = prefixAt(0);
  if (there & KEY_DESTINATION) keys.destination = prefixAt(1);
  if (there & KEY_SOURCE_PORTS) keys.sourcePorts = portsAt(12);
  if (there & KEY_DESTINATION_PORTS) keys.destinationPorts = portsAt(16);
  if (there & KEY_TCP_FLAGS) {
    keys.tcpFlags = { set: filterView.getUint16(20, true), mask: filterView.getUint16(22, true) };
  }
  if (there & KEY_OTHERS) keys.others = true;
  return keys;
}

/** The address of one end: 0 the source, 1 the destination. Without a mask all of its bits count. */
function prefixAt(end: number): AddressPrefix {
  const size = filterBytes[11];
  const start = 24 + end * 16;
  return { address: filterBytes.slice(start, start + size), length: filterBytes[9 + end] || 8 * size };
}

function portsAt(offset: number): PortRange {
  return { first: filterView.getUint16(offset, true), last: filterView.getUint16(offset + 2, true) };
}
