import { NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN } from "../codec/assembly/constants.ts";
import { CHUNK_MAX } from "../codec/assembly/regions.ts";
import { receiveRegion } from "../codec/exchange.ts";
import {
  CTRL_ATTR_FAMILY_ID,
  CTRL_ATTR_FAMILY_NAME,
  CTRL_CMD_GETFAMILY,
  GENL_ID_CTRL,
  GENLMSGHDR_END,
} from "../codec/numbers.ts";
import { findAttribute, readAttributes } from "../codec/records.ts";
import { encodeRequest, type FieldsRequest } from "../codec/request.ts";
import { type AnyOperation, EAGAIN, EINTR, EPROTONOSUPPORT, ETIMEDOUT, NetlinkError } from "../linux/netlink_error.ts";
import type { Connection } from "./connection.ts";

/** Families of netlink beside rtnetlink, of `linux/netlink.h`. */
export const NETLINK_XFRM = 6;
export const NETLINK_NETFILTER = 12;
const NETLINK_GENERIC = 16;

const TIMEOUT_MS = 5000;

/** What is asked of a family of netlink. */
export interface Question {
  /** `NETLINK_*` */
  family: number;
  operation: AnyOperation;
  request: FieldsRequest;
}

/**
 * Asks a family of netlink beside rtnetlink, over a socket opened for that in the connection's namespace, and returns the
 * messages that answer.
 *
 * @throws {NetlinkError} where there is no such family, the kernel refuses, or does not answer
 */
export function askFamily(connection: Connection, { family, operation, request }: Question): Uint8Array[] {
  using socket = connection.openFamily(family);
  if (!socket) throw new NetlinkError(operation, { errno: EPROTONOSUPPORT });
  const sent = socket.send(encodeRequest(request, { at: 0, sequence: 1 }));
  if (sent < 0) throw new NetlinkError(operation, { errno: -sent });
  const deadline = performance.now() + TIMEOUT_MS;
  const found: Uint8Array[] = [];
  for (;;) {
    const length = socket.receive();
    if (length === -EINTR) continue;
    if (length === -EAGAIN) {
      const left = Math.ceil(deadline - performance.now());
      if (left <= 0) throw new NetlinkError(operation, { errno: ETIMEDOUT });
      socket.wait(left);
      continue;
    }
    if (length < 0) throw new NetlinkError(operation, { errno: -length });
    for (const message of split(receiveRegion.slice(0, Math.min(length, CHUNK_MAX)))) {
      const view = viewOf(message);
      const type = view.getUint16(4, true);
      if (type !== NLMSG_ERROR && type !== NLMSG_DONE) found.push(message);
      else if (message.length < NLMSG_HDRLEN + 4 || view.getInt32(NLMSG_HDRLEN, true) === 0) return found;
      else throw new NetlinkError(operation, { errno: -view.getInt32(NLMSG_HDRLEN, true) });
    }
  }
}

function* split(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at + NLMSG_HDRLEN <= bytes.length;) {
    const length = Math.max(NLMSG_HDRLEN, viewOf(bytes).getUint32(at, true));
    yield bytes.subarray(at, at + length);
    at += length + 3 & ~3;
  }
}

/** A question to a family of generic netlink, which the kernel numbers when it is loaded. */
export interface GenericQuestion extends Pick<FieldsRequest, "flags" | "fields"> {
  name: string;
  command: number;
  operation: AnyOperation;
}

/** As `askFamily`, of generic netlink: what stands behind `struct genlmsghdr` is given. */
export function askGeneric(connection: Connection, { name, operation, ...question }: GenericQuestion): Uint8Array[] {
  const ask = (type: number, { command, flags, fields }: Omit<GenericQuestion, "name" | "operation">) => {
    const head = { name: "struct genlmsghdr", value: Uint8Array.of(command, 1, 0, 0) };
    const request = { type, flags, fields: [head, ...fields] };
    return askFamily(connection, { family: NETLINK_GENERIC, operation, request });
  };
  const fields = [{ name: "FAMILY_NAME", attributeType: CTRL_ATTR_FAMILY_NAME, value: name }];
  const [answer] = ask(GENL_ID_CTRL, { command: CTRL_CMD_GETFAMILY, fields });
  const id = answer && findAttribute(readAttributes(answer, GENLMSGHDR_END), CTRL_ATTR_FAMILY_ID);
  return id ? ask(viewOf(id).getUint16(0, true), question) : [];
}

/** Whether a look at a file of the kernel finds something; where this process may not look there, it may be. */
export function mayFind(path: string, look: () => boolean): boolean {
  // Nobody is to be asked for a permission.
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return true;
  try {
    return look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof Deno.errors.NotCapable) return true;
    throw error;
  }
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}
