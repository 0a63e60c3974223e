import {
  KEY_DESTINATION,
  KEY_DESTINATION_PORTS,
  KEY_ETHER_TYPE,
  KEY_IP_PROTOCOL,
  KEY_OTHERS,
  KEY_SOURCE,
  KEY_SOURCE_PORTS,
  KEY_TCP_FLAGS,
  KEY_VLAN,
} from "./assembly/codes.ts";
import { TCA_EGRESS_REDIR } from "./assembly/filter_constants.ts";
import { RECEIVE_AT } from "./assembly/regions.ts";
import { lastDecodeError } from "./decode_error.ts";
import { flowerBytes, flowerView, recordWords, wasm } from "./exchange.ts";
import type { AddressPrefix, FlowerKeys, PortRange } from "./flower.ts";
import type { FilterMessage } from "./message.ts";
import { textAt } from "./record_text.ts";

/** The filter whose record begins at word `at`. */
export function filterAt(at: number): FilterMessage {
  const info = recordWords[at + 6];
  const options = recordWords[at + 8];
  return {
    about: "filter",
    type: recordWords[at] & 0xffff,
    flags: recordWords[at] >>> 16,
    sequence: recordWords[at + 1],
    ifindex: recordWords[at + 3] | 0,
    handle: recordWords[at + 4],
    parent: recordWords[at + 5],
    priority: info >>> 16,
    protocol: (info & 0xff) << 8 | info >>> 8 & 0xff,
    kind: textAt(at, recordWords[at + 7]),
    keys: options === 0 ? undefined : keysAt((recordWords[at + 2] & 0xffffff) + (options & 0xffff), options >>> 16),
    redirectsTo: recordWords[at + 10] === TCA_EGRESS_REDIR && recordWords[at + 15] === 1
      ? recordWords[at + 9] | 0
      : undefined,
    bytes: recordWords[at + 11] + recordWords[at + 12] * 0x100000000,
    packets: recordWords[at + 13],
    ageMs: recordWords[at + 14] * 10,
  };
}

/** The keys among the `length` bytes of options at `offset` of the receive region. */
function keysAt(offset: number, length: number): FlowerKeys {
  if (wasm.decodeFlower(offset, length) < 0) throw lastDecodeError(RECEIVE_AT);
  const there = flowerView.getUint32(0, true);
  const keys: FlowerKeys = {};
  if (there & KEY_VLAN) keys.vlanId = flowerView.getUint16(6, true);
  if (there & KEY_ETHER_TYPE) keys.etherType = flowerView.getUint16(4, true);
  if (there & KEY_IP_PROTOCOL) keys.ipProtocol = flowerBytes[8];
  if (there & KEY_SOURCE) keys.source = prefixAt(0);
  if (there & KEY_DESTINATION) keys.destination = prefixAt(1);
  if (there & KEY_SOURCE_PORTS) keys.sourcePorts = portsAt(12);
  if (there & KEY_DESTINATION_PORTS) keys.destinationPorts = portsAt(16);
  if (there & KEY_TCP_FLAGS) {
    keys.tcpFlags = { set: flowerView.getUint16(20, true), mask: flowerView.getUint16(22, true) };
  }
  if (there & KEY_OTHERS) keys.others = true;
  return keys;
}

/** The address of one end: 0 the source, 1 the destination. Without a mask all of its bits count. */
function prefixAt(end: number): AddressPrefix {
  const size = flowerBytes[11];
  const start = 24 + end * 16;
  return { address: flowerBytes.slice(start, start + size), length: flowerBytes[9 + end] || 8 * size };
}

function portsAt(offset: number): PortRange {
  return { first: flowerView.getUint16(offset, true), last: flowerView.getUint16(offset + 2, true) };
}
