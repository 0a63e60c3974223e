import { inNamespace } from "./namespace.ts";
import { type AnyOperation, EAGAIN, ENOBUFS, NetlinkError, Operation } from "./netlink_error.ts";
import { Incoming } from "./incoming.ts";
import { libc } from "./libc.ts";

/** A datagram that was captured; what it has is there until the next are received. */
export interface Datagram {
  /** What was kept of it. */
  bytes: Uint8Array;
  /** How long it was. */
  length: number;
  /** When the kernel saw it, in nanoseconds since 1970; of a netlink socket 0. */
  timeNs: bigint;
  /** `PACKET_*` of `linux/if_packet.h`, of a packet socket. */
  packetType: number;
}

/** A socket that copies of packets come by: many, and never waited for. */
export interface CaptureSocket extends Disposable {
  /** Gives every datagram that has arrived. Returns whether some were lost since the last call, as ENOBUFS says. */
  receive(take: (datagram: Datagram) => void): boolean;
  /** Its file descriptor, for `waitForAny`. */
  readonly fd: number;
}

/** `PACKET_OUTGOING`: the packet leaves by the device. */
export const PACKET_OUTGOING = 4;

const AF_NETLINK = 16;
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const NETLINK_GENERIC = 16;
/** `htons(ETH_P_ALL)` */
const EVERY_PROTOCOL = 0x0300;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SO_TIMESTAMPNS = 35;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
/** What a burst may fill until it is read. */
const RECEIVE_BUFFER = 64 << 20;
/** How many datagrams one call receives. */
const SLOTS = 64;
const MMSGHDR_LEN = 64;
const IOVEC_LEN = 16;
/** `struct sockaddr_ll`, and room. */
const NAME_LEN = 32;
const PACKET_TYPE_AT = 10;
/** `struct cmsghdr` and `struct timespec`, and room. */
const CONTROL_LEN = 64;
const TIME_AT = 16;
const ON = new Uint8Array(new Int32Array([1]).buffer);

/** How a capture socket is opened. */
export interface CaptureSocketOptions {
  /** How many bytes of a datagram are kept. */
  keep: number;
  /** The network namespace: a name, a path or `pid:N`. Default: this process's. */
  netns?: string;
}

/**
 * Opens a packet socket that sees every packet of a device, with its link header.
 *
 * @throws {NetlinkError} where the kernel refuses: EPERM without CAP_NET_RAW
 */
export function openPacketSocket(ifindex: number, { keep, netns }: CaptureSocketOptions): PacketSocket {
  const open = () => {
    const fd = openFd(new Operation("open a packet socket", { takes: "CAP_NET_RAW" }), [AF_PACKET, SOCK_RAW, 0]);
    const socket = new PacketSocket(fd, keep);
    try {
      setOption(fd, { level: SOL_SOCKET, name: SO_TIMESTAMPNS, value: ON, operation: "time packets" });
      enlarge(fd);
      const address = new Uint8Array(20);
      const view = new DataView(address.buffer);
      view.setUint16(0, AF_PACKET, true);
      view.setUint16(2, EVERY_PROTOCOL, true);
      view.setInt32(4, ifindex, true);
      checked("see the packets of a device", libc().call.bind(fd, address, address.length));
      return socket;
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
  };
  return netns === undefined ? open() : inNamespace(netns, open);
}

/**
 * Opens a generic netlink socket, which hears nothing until it joins a group.
 *
 * @throws {NetlinkError} where the kernel refuses
 */
export function openGenericSocket({ keep, netns }: CaptureSocketOptions): GenericSocket {
  const open = () => {
    const fd = openFd("open a generic netlink socket", [AF_NETLINK, SOCK_RAW, NETLINK_GENERIC]);
    enlarge(fd);
    return new GenericSocket(fd, keep);
  };
  return netns === undefined ? open() : inNamespace(netns, open);
}

function openFd(operation: AnyOperation, [domain, type, protocol]: readonly [number, number, number]): number {
  return checked(operation, libc().call.socket(domain, type | SOCK_CLOEXEC, protocol));
}

function setOption(
  fd: number,
  { level, name, value, operation }: { level: number; name: number; value: Uint8Array<ArrayBuffer>; operation: string },
): void {
  checked(operation, libc().call.setsockopt(fd, level, name, value, value.length));
}

/** As large as the kernel allows: what does not fit is lost. */
function enlarge(fd: number): void {
  const size = new Uint8Array(new Int32Array([RECEIVE_BUFFER]).buffer);
  const { call } = libc();
  if (call.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length) < 0) {
    call.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, size, size.length);
  }
}

function checked(operation: AnyOperation, result: number): number {
  if (result < 0) throw new NetlinkError(operation, { errno: libc().errno() });
  return result;
}

/** Waits until one of the sockets has something, for `timeoutMs` at the most, and lets everything else go on. */
export async function waitForAny(sockets: readonly CaptureSocket[], timeoutMs: number): Promise<void> {
  await new Incoming(...sockets.map(({ fd }) => fd)).readable(timeoutMs);
}

class Slots implements CaptureSocket {
  #fd: number;
  readonly #incoming: Incoming;
  readonly #keep: number;
  readonly #data: Uint8Array<ArrayBuffer>;
  readonly #names = new Uint8Array(SLOTS * NAME_LEN);
  readonly #controls = new Uint8Array(SLOTS * CONTROL_LEN);
  readonly #headers = new Uint8Array(SLOTS * (MMSGHDR_LEN + IOVEC_LEN));
  readonly #view = new DataView(this.#headers.buffer);

  constructor(fd: number, keep: number) {
    this.#fd = fd;
    this.#incoming = new Incoming(fd);
    this.#keep = keep;
    this.#data = new Uint8Array(SLOTS * keep);
    const [data, names, controls, headers] = [this.#data, this.#names, this.#controls, this.#headers].map(addressOf);
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = slot * MMSGHDR_LEN;
      const iovec = SLOTS * MMSGHDR_LEN + slot * IOVEC_LEN;
      this.#view.setBigUint64(iovec, data + BigInt(slot * keep), true);
      this.#view.setBigUint64(iovec + 8, BigInt(keep), true);
      this.#view.setBigUint64(at, names + BigInt(slot * NAME_LEN), true);
      this.#view.setBigUint64(at + 16, headers + BigInt(iovec), true);
      this.#view.setBigUint64(at + 24, 1n, true);
      this.#view.setBigUint64(at + 32, controls + BigInt(slot * CONTROL_LEN), true);
    }
  }

  get fd(): number {
    return this.#fd;
  }

  receive(take: (datagram: Datagram) => void): boolean {
    let lost = false;
    for (;;) {
      const count = this.#receiveSome();
      if (count === -EAGAIN) return lost;
      if (count === -ENOBUFS) lost = true;
      else if (count < 0) throw new NetlinkError("receive captured packets", { errno: -count });
      for (let slot = 0; slot < count; slot++) take(this.#datagram(slot));
    }
  }

  #receiveSome(): number {
    for (let slot = 0; slot < SLOTS; slot++) {
      this.#view.setUint32(slot * MMSGHDR_LEN + 8, NAME_LEN, true);
      this.#view.setBigUint64(slot * MMSGHDR_LEN + 40, BigInt(CONTROL_LEN), true);
    }
    const count = libc().call.recvmmsg(this.#fd, this.#headers, SLOTS, MSG_DONTWAIT | MSG_TRUNC, null);
    return count < 0 ? -this.#incoming.failure() : count;
  }

  #datagram(slot: number): Datagram {
    const length = this.#view.getUint32(slot * MMSGHDR_LEN + 56, true);
    const at = slot * this.#keep;
    const control = new DataView(this.#controls.buffer, slot * CONTROL_LEN, CONTROL_LEN);
    const hasTime = this.#view.getBigUint64(slot * MMSGHDR_LEN + 40, true) >= BigInt(TIME_AT + 16);
    return {
      bytes: this.#data.subarray(at, at + Math.min(length, this.#keep)),
      length,
      timeNs: hasTime
        ? control.getBigInt64(TIME_AT, true) * 1_000_000_000n + control.getBigInt64(TIME_AT + 8, true)
        : 0n,
      packetType: this.#names[slot * NAME_LEN + PACKET_TYPE_AT],
    };
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    libc().call.close(this.#fd);
    this.#fd = -1;
  }
}

/** A packet socket. */
export class PacketSocket extends Slots {
  /** How many packets the kernel had no room for since the last call. */
  takeLosses(): number {
    const statistics = new Uint8Array(8);
    const length = new Uint8Array(new Uint32Array([statistics.length]).buffer);
    checked("count lost packets", libc().call.getsockopt(this.fd, SOL_PACKET, PACKET_STATISTICS, statistics, length));
    return new DataView(statistics.buffer).getUint32(4, true);
  }
}

/** A generic netlink socket. */
export class GenericSocket extends Slots {
  /** Hears what is said to a group from now on. */
  join(group: number): void {
    const value = new Uint8Array(new Uint32Array([group]).buffer);
    setOption(this.fd, {
      level: SOL_NETLINK,
      name: NETLINK_ADD_MEMBERSHIP,
      value,
      operation: "hear of sampled packets",
    });
  }

  /** Sends a message to the kernel. */
  send(message: Uint8Array<ArrayBuffer>): void {
    checked(
      "send to the kernel",
      libc().call.send(this.fd, Deno.UnsafePointer.of(message), BigInt(message.length), 0),
    );
  }
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}
