import { type Instruction, writeInstructions } from "./bpf.ts";
import { inNamespace } from "./namespace.ts";
import { type AnyOperation, EAGAIN, ENETDOWN, ENOBUFS, NetlinkError, Operation } from "./netlink_error.ts";
import { Incoming, lostMessages, makeRoom } from "./incoming.ts";
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
  /**
   * The VLAN tag that the kernel keeps beside the bytes of a packet: its ether type, and the 16 bits behind that; 0 where
   * there is none.
   */
  tag: number;
}

/** A socket that copies of packets come by: many, and never waited for. */
export interface CaptureSocket extends Disposable {
  /** Gives every datagram that has arrived. */
  receive(take: (datagram: Datagram) => void): void;
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
const SO_SNDBUFFORCE = 32;
const SO_TIMESTAMPNS = 35;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_NO_ENOBUFS = 5;
const SO_ATTACH_FILTER = 26;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
const PACKET_AUXDATA = 8;
/** `TP_STATUS_VLAN_VALID` and `TP_STATUS_VLAN_TPID_VALID` */
const HAS_TAG = 0x10;
const HAS_TAG_TYPE = 0x40;
const ETH_P_8021Q = 0x8100;
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
/** `struct cmsghdr` with `struct timespec`, the same with `struct tpacket_auxdata`, and room. */
const CONTROL_LEN = 96;
const CMSGHDR_LEN = 16;
const TIMESPEC_LEN = 16;
const AUXDATA_LEN = 20;
/** `tp_vlan_tci` and `tp_vlan_tpid` */
const TCI_AT = 16;
const TPID_AT = 18;
/** The most that one `sendmmsg` takes, `UIO_MAXIOV`. */
const SENDS_MAX = 1024;
/** What a short packet takes of its sender's buffer until it has left, and room: `skb->truesize` is 768 to 1,280 bytes. */
const TRUE_SIZE = 2048;
const ON = new Uint8Array(new Int32Array([1]).buffer);

/** How a capture socket is opened. */
export interface CaptureSocketOptions {
  /** How many bytes of a datagram are kept. */
  keep: number;
  /** How much may wait until it is received, in bytes of the kernel's. Default 64 MiB. */
  bufferBytes?: number;
  /** The network namespace: a name, a path or `pid:N`. Default: this process's. */
  netns?: string;
}

/**
 * Opens a packet socket that sees every packet of a device, with its link header.
 *
 * @throws {NetlinkError} where the kernel refuses: EPERM without CAP_NET_RAW
 */
export function openPacketSocket(ifindex: number, { keep, netns, bufferBytes }: CaptureSocketOptions): PacketSocket {
  const open = () => {
    const fd = openFd(new Operation("open a packet socket", { takes: "CAP_NET_RAW" }), [AF_PACKET, SOCK_RAW, 0]);
    const socket = new PacketSocket(fd, keep);
    try {
      setOption(fd, { level: SOL_SOCKET, name: SO_TIMESTAMPNS, value: ON, operation: "time packets" });
      setOption(fd, { level: SOL_PACKET, name: PACKET_AUXDATA, value: ON, operation: "see the tags of VLANs" });
      makeRoom(fd, bufferBytes ?? RECEIVE_BUFFER);
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

/** A packet socket that sends the same packet many times. */
export interface RepeatedPacket extends Disposable {
  /** Sends it so many times, and returns how many times it was sent. */
  send(count: number): number;
}

/**
 * Opens a packet socket that sends a packet by a device, up to so many times, without waiting.
 *
 * @throws {NetlinkError} where the kernel refuses: EPERM without CAP_NET_RAW and CAP_NET_ADMIN
 */
export function openRepeatedPacket(
  ifindex: number,
  { packet, most }: { packet: Uint8Array<ArrayBuffer>; most: number },
): RepeatedPacket {
  const fd = openFd(new Operation("open a packet socket", { takes: "CAP_NET_RAW" }), [AF_PACKET, SOCK_RAW, 0]);
  const close = () => void libc().call.close(fd);
  try {
    const value = new Uint8Array(new Int32Array([Math.min(most * TRUE_SIZE, 0x3fffffff)]).buffer);
    setOption(fd, { level: SOL_SOCKET, name: SO_SNDBUFFORCE, value, operation: "let many packets wait" });
  } catch (error) {
    close();
    throw error;
  }
  const name = new Uint8Array(20);
  const nameView = new DataView(name.buffer);
  nameView.setUint16(0, AF_PACKET, true);
  nameView.setInt32(4, ifindex, true);
  const slots = Math.min(most, SENDS_MAX);
  const headers = new Uint8Array(slots * MMSGHDR_LEN + IOVEC_LEN);
  const view = new DataView(headers.buffer);
  const iovec = slots * MMSGHDR_LEN;
  view.setBigUint64(iovec, addressOf(packet), true);
  view.setBigUint64(iovec + 8, BigInt(packet.length), true);
  for (let at = 0; at < iovec; at += MMSGHDR_LEN) {
    view.setBigUint64(at, addressOf(name), true);
    view.setUint32(at + 8, name.length, true);
    view.setBigUint64(at + 16, addressOf(headers) + BigInt(iovec), true);
    view.setBigUint64(at + 24, 1n, true);
  }
  const send = (count: number) => {
    let sent = 0;
    while (sent < count) {
      const more = libc().call.sendmmsg(fd, headers, Math.min(count - sent, slots), MSG_DONTWAIT);
      if (more <= 0) break;
      sent += more;
    }
    return sent;
  };
  // What it sends from is kept as long as it is.
  return { send, [Symbol.dispose]: () => void [packet, name, close()] };
}

/**
 * Opens a generic netlink socket, which hears nothing until it joins a group.
 *
 * @throws {NetlinkError} where the kernel refuses
 */
export function openGenericSocket({ keep, netns, bufferBytes }: CaptureSocketOptions): GenericSocket {
  const open = () => {
    const fd = openFd("open a generic netlink socket", [AF_NETLINK, SOCK_RAW, NETLINK_GENERIC]);
    // Else one that is full takes nothing more until all of it has been read
    setOption(fd, {
      level: SOL_NETLINK,
      name: NETLINK_NO_ENOBUFS,
      value: ON,
      operation: "open a generic netlink socket",
    });
    makeRoom(fd, bufferBytes ?? RECEIVE_BUFFER);
    // One without an address of its own hears nothing that the kernel says to a group
    const address = new Uint8Array(12);
    new DataView(address.buffer).setUint16(0, AF_NETLINK, true);
    checked("open a generic netlink socket", libc().call.bind(fd, address, address.length));
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

function checked(operation: AnyOperation, result: number): number {
  if (result < 0) throw new NetlinkError(operation, { errno: libc().errno() });
  return result;
}

/** Waits until one of the sockets has something, for `timeoutMs` at the most, and lets everything else go on. */
export async function waitForAny(sockets: readonly CaptureSocket[], timeoutMs: number): Promise<void> {
  using incoming = new Incoming(...sockets.map(({ fd }) => fd));
  await incoming.readable(timeoutMs);
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
  readonly #control = new DataView(this.#controls.buffer);

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

  receive(take: (datagram: Datagram) => void): void {
    let isDown = false;
    for (;;) {
      const count = this.#receiveSome();
      if (count === -EAGAIN && !isDown) return;
      // What had come before its device went down is still to be had
      if (count === -ENETDOWN && !isDown) isDown = true;
      else if (count < 0 && count !== -ENOBUFS) {
        throw new NetlinkError("receive captured packets", { errno: isDown ? ENETDOWN : -count });
      }
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
    return {
      bytes: this.#data.subarray(at, at + Math.min(length, this.#keep)),
      length,
      ...this.#beside(slot),
      packetType: this.#names[slot * NAME_LEN + PACKET_TYPE_AT],
    };
  }

  /** What the kernel says beside the bytes: when, and the tag. */
  #beside(slot: number): { timeNs: bigint; tag: number } {
    const view = this.#control;
    const end = slot * CONTROL_LEN + Number(this.#view.getBigUint64(slot * MMSGHDR_LEN + 40, true));
    let [timeNs, tag] = [0n, 0];
    for (let at = slot * CONTROL_LEN; at + CMSGHDR_LEN <= end;) {
      const length = view.getUint32(at, true);
      const [level, type] = [view.getInt32(at + 8, true), view.getInt32(at + 12, true)];
      const data = at + CMSGHDR_LEN;
      if (level === SOL_SOCKET && type === SO_TIMESTAMPNS && length >= CMSGHDR_LEN + TIMESPEC_LEN) {
        timeNs = view.getBigInt64(data, true) * 1_000_000_000n + view.getBigInt64(data + 8, true);
      }
      if (level === SOL_PACKET && type === PACKET_AUXDATA && length >= CMSGHDR_LEN + AUXDATA_LEN) {
        tag = tagIn(view, data);
      }
      at += Math.max(CMSGHDR_LEN, length + 7 & ~7);
    }
    return { timeNs, tag };
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    libc().call.close(this.#fd);
    this.#fd = -1;
  }
}

/** The tag that a `struct tpacket_auxdata` tells of. */
function tagIn(view: DataView, at: number): number {
  const status = view.getUint32(at, true);
  if (!(status & HAS_TAG)) return 0;
  const type = status & HAS_TAG_TYPE ? view.getUint16(at + TPID_AT, true) : ETH_P_8021Q;
  return (type << 16 | view.getUint16(at + TCI_AT, true)) >>> 0;
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
  /** Takes only the messages that a program of classic BPF lets through: others count neither as received nor as lost. */
  filter(program: readonly Instruction[]): void {
    const code = writeInstructions(program);
    // struct sock_fprog { unsigned short len; struct sock_filter *filter; };
    const value = new Uint8Array(16);
    new DataView(value.buffer).setUint16(0, program.length, true);
    new DataView(value.buffer).setBigUint64(8, addressOf(code), true);
    setOption(this.fd, { level: SOL_SOCKET, name: SO_ATTACH_FILTER, value, operation: "choose among sampled packets" });
  }

  /** How many messages the kernel had no room for since the socket was opened; 0 before Linux 4.12, which does not say it. */
  get lost(): number {
    return lostMessages(this.fd);
  }

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
