import { NLM_F_DUMP } from "../codec/assembly/constants.ts";
import { AF_INET, IFLA_XFRM_IF_ID, IPPROTO_UDP } from "../codec/numbers.ts";
import { findAttribute as find, readAttributes, wordAt } from "../codec/records.ts";
import { NetlinkError } from "../linux/netlink_error.ts";
import type { Connection } from "../netlink/connection.ts";
import { askFamily, mayFind, NETLINK_XFRM } from "../netlink/families.ts";
import type { Device, Tunnel } from "./devices.ts";
import type { Ends, Net } from "./flow.ts";
import { familyOf } from "./routes.ts";

/** The kernel's list of netlink sockets. */
const SOCKETS = "/proc/net/netlink";

// `linux/xfrm.h`
const XFRM_MSG_GETPOLICY = 0x15;
const XFRM_POLICY_OUT = 1;
const XFRM_MODE_TRANSPORT = 0;
const XFRMA_TMPL = 5;
const XFRMA_IF_ID = 31;
/** `struct xfrm_userpolicy_info` behind the message's header. */
const POLICY_AT = 16;
const POLICY_END = POLICY_AT + 168;
const DIRECTION_AT = POLICY_AT + 160;
/** `struct xfrm_selector`, with which it begins. */
const SELECTOR = { destination: 0, source: 16, family: 40, destinationLength: 42, sourceLength: 43, protocol: 44 };
/** `struct xfrm_user_tmpl` */
const TEMPLATE = { destination: 0, protocol: 20, family: 24, source: 28, mode: 48, length: 64 };
/** ESP in UDP, where a router on the way translates addresses. */
const NAT_PORT = 4500;

/** What packets are encrypted as they leave: `ip xfrm policy`. */
export interface Policy {
  source: Net;
  destination: Net;
  /** `IPPROTO_*`, or 0 for all. */
  protocol: number;
  /** The number of the devices to which it belongs alone, or 0. */
  interfaceId: number;
  /** What is made of them, in order. */
  templates: Template[];
}

interface Template {
  /** `IPPROTO_ESP` and so on. */
  protocol: number;
  /** The ends of a tunnel; absent where the packets keep theirs. */
  local?: Uint8Array;
  remote?: Uint8Array;
}

/** The policies for what leaves; none where the kernel has no IPsec, or may not be asked. A dump. */
export function readPolicies(connection: Connection): Policy[] {
  if (!isThere()) return [];
  const request = { type: XFRM_MSG_GETPOLICY, flags: NLM_F_DUMP, fields: [] };
  try {
    return askFamily(connection, { family: NETLINK_XFRM, operation: "list IPsec policies", request }).flatMap(
      readPolicy,
    );
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    return [];
  }
}

/** Whether the kernel answers this family already: to ask would load the module. */
function isThere(): boolean {
  // Its own sockets have no port. The columns: sk, Eth (the family), Pid, …
  const isKernels = (line: string) => new RegExp(`^\\S+\\s+${NETLINK_XFRM}\\s+0\\s`).test(line);
  return mayFind(SOCKETS, () => Deno.readTextFileSync(SOCKETS).split("\n").some(isKernels));
}

function readPolicy(message: Uint8Array): Policy[] {
  if (message.length < POLICY_END || message[DIRECTION_AT] !== XFRM_POLICY_OUT) return [];
  const selector = message.subarray(POLICY_AT);
  const size = sizeOf(selector, SELECTOR.family);
  const attributes = readAttributes(message, POLICY_END);
  const net = (at: number, lengthAt: number) => ({
    address: selector.slice(at, at + size),
    length: selector[lengthAt],
  });
  const templates = find(attributes, XFRMA_TMPL) ?? new Uint8Array();
  return [{
    source: net(SELECTOR.source, SELECTOR.sourceLength),
    destination: net(SELECTOR.destination, SELECTOR.destinationLength),
    protocol: selector[SELECTOR.protocol],
    interfaceId: wordAt(find(attributes, XFRMA_IF_ID)) ?? 0,
    templates: Array.from(
      { length: Math.floor(templates.length / TEMPLATE.length) },
      (_, index) => readTemplate(templates.subarray(index * TEMPLATE.length)),
    ),
  }];
}

function readTemplate(bytes: Uint8Array): Template {
  const protocol = bytes[TEMPLATE.protocol];
  if (bytes[TEMPLATE.mode] === XFRM_MODE_TRANSPORT) return { protocol };
  const size = sizeOf(bytes, TEMPLATE.family);
  const address = (at: number) => {
    const value = bytes.slice(at, at + size);
    return value.some(Boolean) ? value : undefined;
  };
  return { protocol, local: address(TEMPLATE.source), remote: address(TEMPLATE.destination) };
}

function sizeOf(bytes: Uint8Array, familyAt: number): number {
  return (bytes[familyAt] | bytes[familyAt + 1] << 8) === AF_INET ? 4 : 16;
}

/** How the packets of a conversation may leave that policies encrypt: by ESP or AH, or by UDP that has ESP inside. */
export function encrypted(policies: readonly Policy[], ends: Ends): Tunnel[] {
  return policies.filter((policy) => policy.interfaceId === 0 && isFor(policy, ends))
    .flatMap((policy) => tunnelsOf(policy, ends));
}

/** The tunnels of a device to which policies belong. */
export function tunnelsOfDevice(policies: readonly Policy[], { kind, data }: Device): Tunnel[] {
  const id = kind === "xfrm" ? wordAt(find(data, IFLA_XFRM_IF_ID)) ?? 0 : 0;
  return policies.filter(({ interfaceId }) => id !== 0 && interfaceId === id).flatMap((policy) => tunnelsOf(policy));
}

/** The tunnels of those policies that take all that goes far: to so many bits of a destination, at the most. */
export function tunnelsOfAll(policies: readonly Policy[], isAll: (net: Net) => boolean): Tunnel[] {
  return policies.filter(({ interfaceId, protocol, destination }) =>
    interfaceId === 0 && protocol === 0 && isAll(destination)
  )
    .flatMap((policy) => tunnelsOf(policy));
}

/** The last template is the outermost, and decides how the packets look. */
function tunnelsOf({ templates }: Policy, ends?: Ends): Tunnel[] {
  const outer = templates.at(-1);
  const { remote = ends?.remote, local = ends?.local } = templates.findLast(({ remote }) => remote) ?? {};
  if (!outer || !remote) return [];
  return [
    { remote, local, protocols: [outer.protocol], mark: 0 },
    { remote, local, protocols: [IPPROTO_UDP], localPort: NAT_PORT, mark: 0 },
  ];
}

function isFor({ source, destination, protocol }: Policy, ends: Ends): boolean {
  return familyOf(ends.remote) === familyOf(destination.address) && isIn(ends.remote, destination) &&
    (!ends.local || isIn(ends.local, source)) &&
    (protocol === 0 || ends.protocol === undefined || protocol === ends.protocol);
}

function isIn(address: Uint8Array, { address: net, length }: Net): boolean {
  return address.length === net.length && net.every((byte, index) => {
    const mask = 0xff << Math.min(8, Math.max(0, 8 * (index + 1) - length)) & 0xff;
    return ((byte ^ address[index]) & mask) === 0;
  });
}
