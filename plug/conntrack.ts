import type { FieldInput } from "../codec/encode.ts";
import { type Attribute, findAttribute as find, readAttributes } from "../codec/records.ts";
import { ENOENT, NetlinkError } from "../linux/netlink_error.ts";
import { inNamespace } from "../linux/namespace.ts";
import type { Connection } from "../netlink/connection.ts";
import { askFamily, mayFind, NETLINK_NETFILTER } from "../netlink/families.ts";
import type { Ends } from "./flow.ts";
import { familyOf } from "./routes.ts";

// `linux/netfilter/nfnetlink.h`, `nfnetlink_conntrack.h`
const IPCTNL_MSG_CT_GET = 1 << 8 | 1;
/** Behind `struct nfgenmsg`. */
const NFGENMSG_END = 20;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
/** Those of a source; those of a destination are one more. */
const CTA_IP_V4_SRC = 1;
const CTA_IP_V6_SRC = 3;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const NLA_F_NESTED = 0x8000;

/** Where the kernel shows that it can follow connections, as it does where it translates addresses. */
const MODULE = "/sys/module/nf_conntrack";

/** How many connections it follows in the network namespace of who reads. */
const COUNT = "/proc/sys/net/netfilter/nf_conntrack_count";

/** Whether some connection is tracked, or it cannot be seen whether one is. */
export function mayTrack(connection: Connection): boolean {
  using namespace = connection.openNamespace();
  const look = () => mayFind(COUNT, () => Deno.readTextFileSync(COUNT).trim() !== "0");
  return namespace.path === undefined ? look() : inNamespace(namespace.path, look);
}

/**
 * How the ends of a connection that came in look on the side of who began it, where this namespace translates addresses
 * or ports. Where that cannot be read, the own end is left out: it may be anything.
 */
export function readOriginal(connection: Connection, ends: Ends, { module = MODULE } = {}): Ends {
  const { local, localPort, remote, remotePort, protocol } = ends;
  if (!local || localPort === undefined || remotePort === undefined) return ends;
  if (!mayFind(module, () => Deno.statSync(module).isDirectory)) return ends;
  const request = {
    type: IPCTNL_MSG_CT_GET,
    fields: [
      { name: "struct nfgenmsg", value: Uint8Array.of(familyOf(remote), 0, 0, 0) },
      tuple({ ...ends, local, localPort, remotePort }),
    ],
  };
  try {
    const operation = "look for the translated addresses of a connection";
    const [answer] = askFamily(connection, { family: NETLINK_NETFILTER, operation, request });
    return answer ? originalOf(answer, ends) : ends;
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    return error.errno === ENOENT ? ends : { remote, remotePort, protocol };
  }
}

/** What this end answers with: by that the kernel finds a connection, too. */
function tuple(
  { local, remote, protocol = 0, localPort, remotePort }: Ends & Required<Pick<Ends, "local">>,
): FieldInput {
  const source = local.length === 4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
  const nest = (attributeType: number, fields: FieldInput[]) => ({
    name: "nest",
    attributeType: attributeType | NLA_F_NESTED,
    fields,
  });
  const value = (attributeType: number, value: Uint8Array) => ({ name: "value", attributeType, value });
  const port = (number = 0) => Uint8Array.of(number >> 8, number & 0xff);
  return nest(CTA_TUPLE_REPLY, [
    nest(CTA_TUPLE_IP, [value(source, local), value(source + 1, remote)]),
    nest(CTA_TUPLE_PROTO, [
      value(CTA_PROTO_NUM, Uint8Array.of(protocol)),
      value(CTA_PROTO_SRC_PORT, port(localPort)),
      value(CTA_PROTO_SRC_PORT + 1, port(remotePort)),
    ]),
  ]);
}

/** What its first packet had, in the message about a connection. */
function originalOf(message: Uint8Array, { protocol, ...ends }: Ends): Ends {
  const nested = (attributes: readonly Attribute[], type: number) =>
    readAttributes(find(attributes, type) ?? new Uint8Array());
  const original = nested(readAttributes(message, NFGENMSG_END), CTA_TUPLE_ORIG);
  const [addresses, ports] = [nested(original, CTA_TUPLE_IP), nested(original, CTA_TUPLE_PROTO)];
  const address = (end: number) => find(addresses, CTA_IP_V4_SRC + end) ?? find(addresses, CTA_IP_V6_SRC + end);
  const port = (end: number) => {
    const value = find(ports, CTA_PROTO_SRC_PORT + end);
    return value && value[0] << 8 | value[1];
  };
  const remote = address(0);
  if (!remote) return { ...ends, protocol };
  return { protocol, remote, remotePort: port(0), local: address(1), localPort: port(1) };
}
