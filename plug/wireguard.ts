import { NLM_F_DUMP } from "../codec/assembly/constants.ts";
import { AF_INET, GENLMSGHDR_END, IPPROTO_UDP } from "../codec/numbers.ts";
import { findAttribute as find, readAttributes, wordAt } from "../codec/records.ts";
import { NetlinkError } from "../linux/netlink_error.ts";
import type { Connection } from "../netlink/connection.ts";
import { askGeneric } from "../netlink/families.ts";
import type { Tunnel } from "./devices.ts";

// `linux/wireguard.h`
const WG_CMD_GET_DEVICE = 0;
const WGDEVICE_A_IFINDEX = 1;
const WGDEVICE_A_LISTEN_PORT = 6;
const WGDEVICE_A_FWMARK = 7;
const WGDEVICE_A_PEERS = 8;
const WGPEER_A_ENDPOINT = 4;

/** To each peer of WireGuard's device a tunnel, of those whose endpoint is known; none where it may not be asked. */
export function wireguardTunnels(connection: Connection, ifindex: number): Tunnel[] {
  const question = {
    name: "wireguard",
    command: WG_CMD_GET_DEVICE,
    operation: "list the peers of WireGuard",
    flags: NLM_F_DUMP,
    fields: [{ name: "IFINDEX", attributeType: WGDEVICE_A_IFINDEX, value: ifindex, length: 8 }],
  };
  try {
    return tunnelsIn(askGeneric(connection, question));
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    return [];
  }
}

/** Many peers take several messages; the first alone has what is said of the device itself. */
function tunnelsIn(messages: readonly Uint8Array[]): Tunnel[] {
  const parts = messages.map((message) => readAttributes(message, GENLMSGHDR_END));
  const own = parts[0] ?? [];
  const port = find(own, WGDEVICE_A_LISTEN_PORT);
  const mark = wordAt(find(own, WGDEVICE_A_FWMARK)) ?? 0;
  const localPort = port && (port[0] | port[1] << 8);
  return parts.flatMap((part) => readAttributes(find(part, WGDEVICE_A_PEERS) ?? new Uint8Array())).flatMap((peer) => {
    const endpoint = find(readAttributes(peer.value), WGPEER_A_ENDPOINT);
    return endpoint ? [{ ...readEndpoint(endpoint), localPort, mark, protocols: [IPPROTO_UDP] }] : [];
  });
}

/** `struct sockaddr_in` or `sockaddr_in6` */
function readEndpoint(value: Uint8Array): Pick<Tunnel, "remote" | "port"> {
  const isIpv4 = (value[0] | value[1] << 8) === AF_INET;
  return { remote: isIpv4 ? value.slice(4, 8) : value.slice(8, 24), port: value[2] << 8 | value[3] };
}
