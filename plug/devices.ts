import { IFLA_LINKINFO, RTM_GETLINK, RTM_NEWLINK } from "../codec/assembly/constants.ts";
import {
  ARPHRD_ETHER,
  IFINFOMSG_END,
  IFLA_ADDRESS,
  IFLA_BR_VLAN_FILTERING,
  IFLA_GENEVE_PORT,
  IFLA_GENEVE_REMOTE,
  IFLA_GENEVE_REMOTE6,
  IFLA_GRE_ENCAP_DPORT,
  IFLA_GRE_ENCAP_TYPE,
  IFLA_GRE_FWMARK,
  IFLA_GRE_LOCAL,
  IFLA_GRE_REMOTE,
  IFLA_INFO_DATA,
  IFLA_IPTUN_ENCAP_DPORT,
  IFLA_IPTUN_ENCAP_TYPE,
  IFLA_IPTUN_FWMARK,
  IFLA_IPTUN_LOCAL,
  IFLA_IPTUN_REMOTE,
  IFLA_LINK_NETNSID,
  IFLA_VLAN_ID,
  IFLA_VLAN_PROTOCOL,
  IFLA_VTI_FWMARK,
  IFLA_VTI_LOCAL,
  IFLA_VTI_REMOTE,
  IFLA_VXLAN_GROUP,
  IFLA_VXLAN_GROUP6,
  IFLA_VXLAN_LINK,
  IFLA_VXLAN_LOCAL,
  IFLA_VXLAN_LOCAL6,
  IFLA_VXLAN_PORT,
  IPPROTO_AH,
  IPPROTO_ESP,
  IPPROTO_GRE,
  IPPROTO_IPIP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
} from "../codec/numbers.ts";
import {
  type Attribute,
  bytesOf,
  findAttribute as find,
  readAttributes,
  type Records,
  wordAt,
} from "../codec/records.ts";
import type { Connection } from "../netlink/connection.ts";

/** A device, as far as it says over which others its packets go. */
export interface Device {
  ifindex: number;
  name: string;
  kind: string;
  /** `IFF_*` of `linux/if.h` */
  flags: number;
  /** `ARPHRD_*` of `linux/if_arp.h` */
  type: number;
  /** The largest packet in bytes, without its link header. */
  mtu: number;
  /** The bridge, bond or VRF that it belongs to, or 0. */
  master: number;
  /** The device below, of this namespace, or 0. */
  link: number;
  /** Its address on the wire. */
  hardware?: Uint8Array;
  /** What belongs to its kind alone: `IFLA_INFO_DATA`. */
  data: readonly Attribute[];
}

/** Where the two ends of a tunnel are, and how its packets look. */
export interface Tunnel {
  remote: Uint8Array;
  local?: Uint8Array;
  /** `IPPROTO_*` that its packets may have, by what is inside of them. */
  protocols: readonly number[];
  /** The port that packets are sent to, by either end where `localPort` is not said. */
  port?: number;
  /** The port of this end. */
  localPort?: number;
  /** The mark of its packets. */
  mark: number;
  /** The device that they leave by, whatever the routes say; absent where these decide. */
  out?: number;
}

/** Kinds of device that stand on the device that `link` names; a veth's `link` is its peer. */
const STACKED = new Set(["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", "macsec", "dsa"]);

/** `IFLA_*` of the kinds of tunnel that say where their ends are, and what their packets are. */
interface TunnelKind {
  /** The device that its packets leave by, where the kernel does not say it of the device itself. */
  link?: number;
  local?: number;
  remote: number;
  local6?: number;
  remote6?: number;
  mark?: number;
  port?: number;
  /** Of what is put into UDP: how, and to which port. */
  encapsulation?: readonly [type: number, port: number];
  protocols: readonly number[];
}

const IPTUN: TunnelKind = {
  local: IFLA_IPTUN_LOCAL,
  remote: IFLA_IPTUN_REMOTE,
  mark: IFLA_IPTUN_FWMARK,
  encapsulation: [IFLA_IPTUN_ENCAP_TYPE, IFLA_IPTUN_ENCAP_DPORT],
  protocols: [IPPROTO_IPIP, IPPROTO_IPV6],
};
const GRE: TunnelKind = {
  local: IFLA_GRE_LOCAL,
  remote: IFLA_GRE_REMOTE,
  mark: IFLA_GRE_FWMARK,
  encapsulation: [IFLA_GRE_ENCAP_TYPE, IFLA_GRE_ENCAP_DPORT],
  protocols: [IPPROTO_GRE],
};
const VTI: TunnelKind = {
  local: IFLA_VTI_LOCAL,
  remote: IFLA_VTI_REMOTE,
  mark: IFLA_VTI_FWMARK,
  protocols: [IPPROTO_ESP, IPPROTO_AH],
};
const TUNNELS: Readonly<Record<string, TunnelKind>> = {
  ipip: IPTUN,
  sit: IPTUN,
  ip6tnl: IPTUN,
  gre: GRE,
  gretap: GRE,
  erspan: GRE,
  ip6gre: GRE,
  ip6gretap: GRE,
  ip6erspan: GRE,
  vti: VTI,
  vti6: VTI,
  vxlan: {
    link: IFLA_VXLAN_LINK,
    local: IFLA_VXLAN_LOCAL,
    remote: IFLA_VXLAN_GROUP,
    local6: IFLA_VXLAN_LOCAL6,
    remote6: IFLA_VXLAN_GROUP6,
    port: IFLA_VXLAN_PORT,
    protocols: [IPPROTO_UDP],
  },
  geneve: {
    remote: IFLA_GENEVE_REMOTE,
    remote6: IFLA_GENEVE_REMOTE6,
    port: IFLA_GENEVE_PORT,
    protocols: [IPPROTO_UDP],
  },
};
/** Those that do not say it, or not to who asks for devices. */
const DARK_TUNNELS = new Set(["wireguard", "xfrm", "bareudp", "gtp", "l2tpeth", "ppp", "amt", "ovpn", "tun"]);

const ETH_P_8021Q = 0x8100;

/** Every device of the connection's namespace. A dump. */
export function readDevices(connection: Connection): Device[] {
  return connection.pick("list devices", { type: RTM_GETLINK, ifindex: 0 }, readDevice);
}

function readDevice(records: Records): Device | undefined {
  const message = records.type === RTM_NEWLINK ? records.message() : undefined;
  if (message?.about !== "link") return undefined;
  const { ifindex, name, kind, linkFlags: flags, arpType: type, mtu, master, link } = message;
  const attributes = readAttributes(bytesOf(records), IFINFOMSG_END);
  const info = readAttributes(find(attributes, IFLA_LINKINFO) ?? new Uint8Array());
  const data = readAttributes(find(info, IFLA_INFO_DATA)?.slice() ?? new Uint8Array());
  // What it says of another namespace is the number of somebody else here.
  const isHere = find(attributes, IFLA_LINK_NETNSID) === undefined;
  const hardware = find(attributes, IFLA_ADDRESS)?.slice();
  return { ifindex, name, kind, flags, type, mtu, master, link: isHere ? link : 0, hardware, data };
}

/** Whether it stands on the device that it is linked to. */
export function isStacked({ kind, link }: Device): boolean {
  return link !== 0 && STACKED.has(kind);
}

/** The tag that a VLAN's device puts on its packets; `undefined` where it is no VLAN's, or its tags are not 802.1Q. */
export function vlanOf({ kind, data }: Device): number | undefined {
  if (kind !== "vlan") return undefined;
  const [id, protocol] = [find(data, IFLA_VLAN_ID), find(data, IFLA_VLAN_PROTOCOL)];
  if (!id || (protocol && bigEndian(protocol) !== ETH_P_8021Q)) return undefined;
  return id[0] | id[1] << 8;
}

/** Whether a bridge may tag packets on their way through its ports. */
export function filtersVlans({ data }: Device): boolean {
  return find(data, IFLA_BR_VLAN_FILTERING)?.[0] === 1;
}

/** Whether its packets go on inside of others. */
export function isTunnel({ kind, type }: Device): boolean {
  // A tun that looks like Ethernet is a cable to a virtual machine.
  return Object.hasOwn(TUNNELS, kind) || (DARK_TUNNELS.has(kind) && !(kind === "tun" && type === ARPHRD_ETHER));
}

/** Where a tunnel leads; `undefined` where it does not say so. */
export function tunnelOf({ kind, data, link }: Device): Tunnel | undefined {
  if (!Object.hasOwn(TUNNELS, kind)) return undefined;
  const { remote, local, remote6, local6, mark, port, encapsulation: [type, toPort] = [], ...rest } = TUNNELS[kind];
  const address = (...types: (number | undefined)[]) =>
    types.map((each) => each === undefined ? undefined : find(data, each)).find((value) => value?.some(Boolean));
  const there = address(remote, remote6);
  if (!there) return undefined;
  const number = (attribute: number | undefined) =>
    bigEndian(attribute === undefined ? undefined : find(data, attribute));
  const isInUdp = type !== undefined && (find(data, type)?.[0] ?? 0) !== 0;
  return {
    remote: there,
    local: address(local, local6),
    protocols: isInUdp ? [IPPROTO_UDP] : rest.protocols,
    port: isInUdp ? number(toPort) : number(port),
    mark: mark === undefined ? 0 : wordAt(find(data, mark)) ?? 0,
    out: link || (rest.link === undefined ? 0 : wordAt(find(data, rest.link)) ?? 0) || undefined,
  };
}

/** A number of two bytes in network order, unless it is 0. */
function bigEndian(value: Uint8Array | undefined): number | undefined {
  return value && value.length >= 2 ? (value[0] << 8 | value[1]) || undefined : undefined;
}
