// Requests that plugctl does not make itself, for what a test needs in the kernel.
import {
  decodeReceived,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  sendRegion,
  TC_H_ROOT,
  TCA_KIND,
  TCA_OPTIONS,
} from "../../codec/mod.ts";
import { errnoName } from "../../codec/errno_name.ts";
import type { Socket } from "../../linux/socket.ts";
import { attribute, bytes, cString, message, u32 } from "./messages.ts";

const IFLA_IFNAME = 3;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const CREATE = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
/** Kinds of device that need nothing but a name. A kernel has at least one of them. */
const DEVICE_KINDS = ["dummy", "veth", "ifb", "bridge"];

/** What qdisc to create. */
export interface RawQdisc {
  ifindex: number;
  kind: string;
  handle: number;
  /** Default: the device's root. */
  parent?: number;
}

/** `struct tc_prio_qopt`: three bands, and which one each of 16 priorities goes to. A pfifo needs none. */
const OPTIONS: Readonly<Record<string, Uint8Array>> = {
  prio: bytes(u32(3), Uint8Array.of(1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)),
};

/** Creates a pfifo or a prio. */
export function makeQdisc(socket: Socket, { ifindex, kind, handle, parent = TC_H_ROOT }: RawQdisc): void {
  const request = message(
    { type: RTM_NEWQDISC, flags: CREATE, sequence: 0 },
    u32(0, ifindex, handle, parent, 0),
    attribute(TCA_KIND, cString(kind)),
    ...kind in OPTIONS ? [attribute(TCA_OPTIONS, OPTIONS[kind])] : [],
  );
  const errno = ask(socket, request);
  if (errno !== 0) throw new Error(`Cannot make a ${kind}: ${errnoName(errno)}`);
}

/** Creates a device with an index of one's choice. */
export function makeDevice(socket: Socket, { name, ifindex }: { name: string; ifindex: number }): void {
  const errnos = DEVICE_KINDS.map((kind) => {
    const info = attribute(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, cString(kind)));
    const body = bytes(u32(0, ifindex, 0, 0), attribute(IFLA_IFNAME, cString(name)), info);
    return () => ask(socket, message({ type: RTM_NEWLINK, flags: CREATE, sequence: 0 }, body));
  });
  if (!errnos.some((make) => make() === 0)) throw new Error(`Cannot make a device: no ${DEVICE_KINDS.join(", no ")}`);
}

/** Puts bytes into one datagram and sends it. */
export function sendBytes(socket: Socket, request: Uint8Array): void {
  sendRegion.set(request);
  const sent = socket.send(request.length);
  if (sent !== request.length) throw new Error(`Cannot send ${request.length} bytes: ${sent}`);
}

/** Sends one request and returns the errno that it is answered with, at once. */
function ask(socket: Socket, request: Uint8Array): number {
  sendBytes(socket, request);
  const length = socket.receive();
  const [answer] = decodeReceived(length);
  if (answer.about !== "answer") throw new Error(`The kernel sent message ${answer.type} instead of an answer`);
  return answer.errno;
}
