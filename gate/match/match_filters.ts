import type { FlowerKeys } from "../../codec/flower.ts";
import { ETHER_TYPES, type Family, IP_PROTOCOLS, type Match, TCP_FLAGS, VLAN_MAX } from "./match.ts";

const FAMILIES = Object.keys(ETHER_TYPES) as Family[];
const KNOWN_FLAGS = Object.values(TCP_FLAGS).reduce((all, bit) => all | bit, 0);

/** The keys of the flower filters that a match takes: one, or where it means both, one for IPv4 and one for IPv6. */
export function filtersOf({ family, ...keys }: Match): FlowerKeys[] {
  if (family) return [{ ...keys, etherType: ETHER_TYPES[family] }];
  if (keys.ipProtocol === undefined) return [keys];
  return [{ ...keys, etherType: ETHER_TYPES.ip }, { ...keys, etherType: ETHER_TYPES.ip6 }];
}

/**
 * The match whose filters have these keys, in any order: the way back. `undefined` where no expression means
 * them, as where one of two filters is missing.
 */
export function matchOf(filters: readonly FlowerKeys[]): Match | undefined {
  const [first, second, ...more] = filters.map(readFilter);
  if (!first || more.length > 0) return undefined;
  if (filters.length === 1) return isMatch(first) && filtersOf(first).length === 1 ? first : undefined;
  const families = [first.family, second?.family].sort().join();
  const both = { ...first };
  delete both.family;
  const same = second !== undefined && JSON.stringify(plain(second)) === JSON.stringify(plain(first));
  return families === "ip,ip6" && same && isMatch(both) && filtersOf(both).length === 2 ? both : undefined;
}

/** A filter as a match of its own; `undefined` where it looks at what the language has no words for. */
function readFilter({ etherType, ...keys }: FlowerKeys): Match | undefined {
  if (keys.others) return undefined;
  if (etherType === undefined) return keys;
  const family = FAMILIES.find((name) => ETHER_TYPES[name] === etherType);
  return family && { ...keys, family };
}

/** Whether its parts go together as in an expression. */
function isMatch({ family, ipProtocol, tcpFlags, vlanId = 0, ...keys }: Match): boolean {
  const { tcp, udp, sctp, icmp, icmp6 } = IP_PROTOCOLS;
  const protocols: readonly number[] = Object.values(IP_PROTOCOLS);
  const hasHost = keys.source !== undefined || keys.destination !== undefined;
  const hasPorts = keys.sourcePorts !== undefined || keys.destinationPorts !== undefined;
  if (ipProtocol !== undefined && (family === "arp" || !protocols.includes(ipProtocol))) return false;
  if (ipProtocol === icmp && family !== "ip" || ipProtocol === icmp6 && family !== "ip6") return false;
  if (hasHost && family !== "ip" && family !== "ip6") return false;
  if (hasPorts && ![tcp, udp, sctp].some((number) => number === ipProtocol)) return false;
  if (tcpFlags && (ipProtocol !== tcp || (tcpFlags.mask & ~KNOWN_FLAGS) !== 0)) return false;
  return vlanId <= VLAN_MAX;
}

/** What two filters of one match have in common, in a fixed order. */
function plain({ vlanId, ipProtocol, source, destination, sourcePorts, destinationPorts, tcpFlags }: Match): unknown {
  const hosts = [source, destination].map((host) => host && [...host.address, host.length]);
  return [vlanId, ipProtocol, ...hosts, sourcePorts, destinationPorts, tcpFlags];
}
