import { CHUNK_MAX, SLOT_LEN, SLOTS_MAX } from "../codec/assembly/regions.ts";
import { receiveRegion, sendRegion } from "../codec/exchange.ts";
import { Incoming, lostMessages, makeRoom } from "./incoming.ts";
import { libc } from "./libc.ts";
import { EINTR, NetlinkError } from "./netlink_error.ts";

/**
 * A netlink socket that sends from, and receives into, the codec's exchange buffer. Calls answer as the
 * kernel's own do: a negative errno where they failed.
 */
export interface Socket extends Disposable {
  /**
   * Sends the first `length` bytes of `sendRegion` as one datagram, and with `overheard` in the same call to every
   * `ListeningSocket` of the namespace that hears `GROUP_REQUESTS`, before the kernel does what it asks. That takes
   * CAP_NET_ADMIN, without which it answers `-EPERM`, and nothing is sent.
   */
  send(length: number, overheard?: boolean): number;
  /**
   * Receives one datagram into the start of `receiveRegion` and returns its length; where it is longer than
   * `CHUNK_MAX`, the rest is lost. Answers `-EAGAIN` where there is none yet.
   */
  receive(): number;
  /**
   * Receives up to `lengths.length` datagrams in one call, each into a slot of `receiveRegion`, writes their
   * lengths and returns how many. Answers `-EAGAIN` where there is none yet.
   */
  receiveSlots(lengths: Uint32Array): number;
  /** Waits until a datagram can be received, for up to `timeoutMs`; a signal ends the wait. Whether there is one. */
  wait(timeoutMs: number): boolean;
  /** Its number among the netlink sockets of the namespace, by which the kernel says who has changed something. */
  readonly port: number;
  /** The index of the device of this name in the socket's network namespace. */
  deviceIndex(name: string): number;
  /** Opens the network namespace that the socket is in, and returns a file descriptor, which the caller closes. */
  openNamespace(): number;
}

/** A socket that also receives what is said to groups. */
export interface ListeningSocket extends Socket {
  /** Resolves, as a rule, once there is something to receive: look, and wait again where there is not. */
  readable(): Promise<unknown>;
  /** How many messages the kernel had no room for since it was opened; 0 before Linux 4.12, which does not say it. */
  readonly lost: number;
}

/** What the kernel says of devices (`RTNLGRP_LINK`), a bit as those below. */
export const GROUP_LINK = 1 << 0;
/** What the kernel says of qdiscs, classes and filters (`RTNLGRP_TC`). */
export const GROUP_TC = 1 << 3;
/** What was sent to be overheard: the kernel says nothing to this group (`RTNLGRP_NOP2`). */
export const GROUP_REQUESTS = 1 << 13;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0x80000;
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const MSG_DONTWAIT = 0x40;
/** Answers the datagram's whole length, so that a truncated one is noticed. */
const MSG_TRUNC = 0x20;
const SIOCGIFINDEX = 0x8933n;
const SIOCGSKNS = 0x894cn;
const CHUNK_SIZE = BigInt(CHUNK_MAX);
/** How many datagrams one that listens takes from the kernel at once: of much that is said most are short, and many. */
const AHEAD_MAX = 16;

/** `struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; }` on a 64-bit machine. */
const MMSGHDR_LEN = 64;
/** `struct iovec { void *iov_base; size_t iov_len; }` */
const IOVEC_LEN = 16;
/** `struct ifreq`: a name of 16 bytes, then a union that begins with the index. */
const IFREQ_LEN = 40;
const IFNAMSIZ = 16;

/** Where a call takes an argument and reads none. */
const NOTHING = new Uint8Array(0);

const ON = new Uint8Array(new Int32Array([1]).buffer);

/** `struct sockaddr_nl` of the kernel and of `GROUP_REQUESTS` */
const KERNEL_AND_LISTENERS = address(GROUP_REQUESTS);

/** Opens a socket in the network namespace that the process is in at this moment, of `NETLINK_ROUTE` or another family. */
export function openSocket(family?: number): Socket {
  return open(family);
}

/**
 * Opens one that hears what is said to these groups of that namespace from now on, and keeps up to so many bytes of it until
 * they are received; by default 212,992.
 */
export function openListeningSocket(groups: number, roomBytes?: number): ListeningSocket {
  const socket = new Hearing(openFd());
  try {
    socket.join(groups, roomBytes);
    return socket;
  } catch (error) {
    socket[Symbol.dispose]();
    throw error;
  }
}

function open(family?: number): RawSocket {
  return new RawSocket(openFd(family));
}

function openFd(family = NETLINK_ROUTE): number {
  const { call, errno } = libc();
  const fd = call.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);
  if (fd < 0) {
    throw new NetlinkError("open a netlink socket", { errno: errno() });
  }
  if (call.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, ON, ON.length) < 0) {
    const refusal = { errno: errno() };
    call.close(fd);
    throw new NetlinkError(
      "set NETLINK_EXT_ACK on the netlink socket",
      refusal,
    );
  }
  return fd;
}

/** Repeats a system call that a signal interrupted. */
export function uninterrupted(call: () => number): number {
  let result: number;
  do result = call(); while (result === -EINTR);
  return result;
}

/** `nl_pid` in a `struct sockaddr_nl` */
const PORT_AT = 4;

/** `struct sockaddr_nl { sa_family_t family; unsigned short pad; __u32 pid; __u32 groups; }` */
function address(groups: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Uint32Array([AF_NETLINK, 0, groups]).buffer);
}

class RawSocket implements Socket {
  #fd: number;
  readonly #call = libc().call;
  readonly #errno = libc().errno;
  readonly #sendPointer = Deno.UnsafePointer.of(sendRegion);
  readonly #receivePointer = Deno.UnsafePointer.of(receiveRegion);
  /** Made when the first batch is received. */
  #headers?: MessageHeaders;
  readonly #incoming: Incoming;

  constructor(fd: number) {
    this.#fd = fd;
    this.#incoming = new Incoming(fd);
  }

  get port(): number {
    const own = address(0);
    const length = new Uint8Array(new Uint32Array([own.length]).buffer);
    // The kernel gives it one when it is bound, or sends for the first time
    this.#call.bind(this.#fd, own, own.length);
    this.#call.getsockname(this.#fd, own, length);
    return new DataView(own.buffer).getUint32(PORT_AT, true);
  }

  send(length: number, overheard = false): number {
    const size = BigInt(length);
    return this.#result(
      overheard
        ? this.#call.sendto(this.#fd, this.#sendPointer, size, 0, KERNEL_AND_LISTENERS, KERNEL_AND_LISTENERS.length)
        : this.#call.send(this.#fd, this.#sendPointer, size, 0),
    );
  }

  receive(): number {
    return this.#received(this.#call.recv(this.#fd, this.#receivePointer, CHUNK_SIZE, MSG_DONTWAIT | MSG_TRUNC));
  }

  receiveSlots(lengths: Uint32Array): number {
    this.#headers ??= new MessageHeaders(receiveRegion, { slots: SLOTS_MAX, slotLength: SLOT_LEN });
    return this.receiveInto(this.#headers, lengths);
  }

  /** Receives up to `lengths.length` datagrams, each into a slot; see `receiveSlots`. */
  protected receiveInto(headers: MessageHeaders, lengths: Uint32Array): number {
    const most = Math.min(lengths.length, headers.slots);
    const count = this.#received(
      this.#call.recvmmsg(this.#fd, headers.bytes, most, MSG_DONTWAIT | MSG_TRUNC, null),
    );
    for (let index = 0; index < count; index++) {
      lengths[index] = headers.length(index);
    }
    return count;
  }

  wait(timeoutMs: number): boolean {
    return this.#incoming.wait(timeoutMs);
  }

  deviceIndex(name: string): number {
    const request = new Uint8Array(IFREQ_LEN);
    const { read } = new TextEncoder().encodeInto(
      name,
      request.subarray(0, IFNAMSIZ - 1),
    );
    // What no name may hold is refused here: the kernel would read `lo:1` and `lo\0` as `lo`.
    if (read < name.length || !/^[^\0/:\s]+$/.test(name)) {
      throw new RangeError(`${JSON.stringify(name)} is not a device name`);
    }
    const result = this.#result(
      this.#call.ioctl(this.#fd, SIOCGIFINDEX, request),
    );
    return result < 0 ? result : new DataView(request.buffer).getInt32(IFNAMSIZ, true);
  }

  openNamespace(): number {
    return this.#result(this.#call.ioctl(this.#fd, SIOCGSKNS, NOTHING));
  }

  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    this.#incoming[Symbol.dispose]();
    this.#call.close(this.#fd);
    this.#fd = -1;
  }

  protected get fd(): number {
    return this.#fd;
  }

  protected get incoming(): Incoming {
    return this.#incoming;
  }

  #received(result: number): number {
    return result < 0 ? -this.#incoming.failure() : result;
  }

  #result(result: number): number {
    return result < 0 ? -this.#errno() : result;
  }
}

/** A socket that hears what is said to groups: it takes several datagrams at once, and gives them one by one. */
class Hearing extends RawSocket implements ListeningSocket {
  readonly #ahead = new Uint8Array(AHEAD_MAX * CHUNK_MAX);
  readonly #headers = new MessageHeaders(this.#ahead, { slots: AHEAD_MAX, slotLength: CHUNK_MAX });
  readonly #lengths = new Uint32Array(AHEAD_MAX);
  /** How many were taken, and how many of these were given. */
  #taken = 0;
  #given = 0;

  /** @throws {NetlinkError} where the socket cannot be bound to these groups */
  join(groups: number, roomBytes?: number): void {
    if (roomBytes !== undefined) makeRoom(this.fd, roomBytes);
    const { call, errno } = libc();
    const own = address(groups);
    if (call.bind(this.fd, own, own.length) < 0) {
      throw new NetlinkError("listen to what is said of the network", { errno: errno() });
    }
  }

  override receive(): number {
    if (this.#given === this.#taken) {
      const count = this.receiveInto(this.#headers, this.#lengths);
      if (count < 0) return count;
      [this.#taken, this.#given] = [count, 0];
    }
    const length = this.#lengths[this.#given];
    const at = this.#given++ * CHUNK_MAX;
    receiveRegion.set(this.#ahead.subarray(at, at + Math.min(length, CHUNK_MAX)));
    return length;
  }

  readable(): Promise<unknown> {
    return this.#given < this.#taken ? Promise.resolve() : this.incoming.readable();
  }

  get lost(): number {
    return lostMessages(this.fd);
  }
}

/** The `struct mmsghdr` of every slot of some memory, with the `struct iovec` that leads there. */
class MessageHeaders {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly slots: number;
  readonly #view: DataView;

  constructor(
    memory: Uint8Array<ArrayBuffer>,
    { slots, slotLength }: { slots: number; slotLength: number },
  ) {
    this.slots = slots;
    this.bytes = new Uint8Array(slots * (MMSGHDR_LEN + IOVEC_LEN));
    this.#view = new DataView(this.bytes.buffer);
    const first = addressOf(memory);
    const iovecs = addressOf(this.bytes) + BigInt(slots * MMSGHDR_LEN);
    for (let index = 0; index < slots; index++) {
      const iovec = slots * MMSGHDR_LEN + index * IOVEC_LEN;
      this.#view.setBigUint64(iovec, first + BigInt(index * slotLength), true);
      this.#view.setBigUint64(iovec + 8, BigInt(slotLength), true);
      // msg_iov and msg_iovlen; there is no name and no control data.
      this.#view.setBigUint64(
        index * MMSGHDR_LEN + 16,
        iovecs + BigInt(index * IOVEC_LEN),
        true,
      );
      this.#view.setBigUint64(index * MMSGHDR_LEN + 24, 1n, true);
    }
  }

  /** What the kernel wrote into `msg_len`. */
  length(index: number): number {
    return this.#view.getUint32(index * MMSGHDR_LEN + 56, true);
  }
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}
