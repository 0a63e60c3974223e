import type { AddressPrefix } from "../../codec/flower.ts";
import { formatAddress } from "./address.ts";
import { IP_PROTOCOLS, type Match, TCP_FLAGS } from "./match.ts";

/** Formats a match as the one expression among those that mean it in which every word is needed. Empty for all. */
export function formatMatch(match: Match): string {
  return [
    ...match.vlanId === undefined ? [] : [`vlan ${match.vlanId}`],
    ...familyWord(match),
    ...protocolWord(match),
    ...hostWords("src", match.source),
    ...hostWords("dst", match.destination),
    ...portWords("src", match.sourcePorts),
    ...portWords("dst", match.destinationPorts),
    ...match.tcpFlags ? [`flags ${formatFlags(match.tcpFlags)}`] : [],
  ].join(" ");
}

/** The family, unless an address or the protocol tells it. */
function familyWord({ family, source, destination, ipProtocol }: Match): string[] {
  const told = source ?? destination ?? [IP_PROTOCOLS.icmp, IP_PROTOCOLS.icmp6].find((number) => number === ipProtocol);
  return family === undefined || told !== undefined ? [] : [family];
}

function protocolWord({ ipProtocol }: Match): string[] {
  return Object.entries(IP_PROTOCOLS).filter(([, number]) => number === ipProtocol).map(([name]) => name);
}

function hostWords(end: string, prefix: AddressPrefix | undefined): string[] {
  if (!prefix) return [];
  const { address, length } = prefix;
  return [`${end} host ${formatAddress(address)}${length === 8 * address.length ? "" : `/${length}`}`];
}

function portWords(end: string, range: { first: number; last: number } | undefined): string[] {
  if (!range) return [];
  return [`${end} port ${range.first}${range.last === range.first ? "" : `-${range.last}`}`];
}

function formatFlags({ set, mask }: { set: number; mask: number }): string {
  return Object.entries(TCP_FLAGS).filter(([, bit]) => mask & bit)
    .map(([name, bit]) => set & bit ? name : `!${name}`).join(",");
}
