/**
 * UDP sockets with buffers for a thousand datagrams, which those of Deno do not have.
 *
 * A sender's held packets count against its send buffer, and a release is a burst that overruns a
 * receiver's: with the default sizes the sender would wait, and datagrams would be lost after the
 * queue. Only the C library can ask for more (`SO_SNDBUFFORCE`, `SO_RCVBUFFORCE`).
 *
 * @module
 */

import type { Host } from "./host.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
const BUFFER_BYTES = 64 << 20;
const DATAGRAM_BYTES = 65_536;
const MMSGHDR_BYTES = 64;
const IOVEC_BYTES = 16;

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int setsockopt(int fd, int level, int name, const void *value, socklen_t length);
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  // int bind(int fd, const struct sockaddr *address, socklen_t length);
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to, socklen_t length);
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i64" },
  // int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  // ssize_t recv(int fd, void *data, size_t length, int flags);
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i64" },
  // int poll(struct pollfd *fds, nfds_t count, int timeout);
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  // int inet_pton(int family, const char *text, void *address);
  inet_pton: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "pointer" },
});

/** An address and a port. */
export interface SocketAddress {
  /** IPv4 or IPv6, in figures */
  address: string;
  port: number;
}

/** A UDP socket on a host, which never waits. */
export class UdpSocket implements Disposable {
  readonly #fd: number;
  readonly #received = new Uint8Array(DATAGRAM_BYTES);
  /** `struct pollfd { int fd; short events; short revents; }` */
  readonly #pollfd: Int32Array<ArrayBuffer>;

  /** Binds a socket to an address of the host. */
  constructor(host: Pick<Host, "enter">, local: SocketAddress) {
    const name = encodeAddress(local);
    this.#fd = host.enter(() => libc.socket(family(local), SOCK_DGRAM_CLOEXEC, 0));
    check("socket", this.#fd);
    this.#pollfd = new Int32Array([this.#fd, POLLIN]);
    const size = new Int32Array([BUFFER_BYTES]);
    for (const option of [SO_SNDBUFFORCE, SO_RCVBUFFORCE]) {
      check("setsockopt", libc.setsockopt(this.#fd, SOL_SOCKET, option, size, size.byteLength));
    }
    check("bind", libc.bind(this.#fd, name, name.byteLength));
  }

  /** Sends a datagram. */
  send(data: Uint8Array<ArrayBuffer>, to: SocketAddress): void {
    const name = encodeAddress(to);
    const length = BigInt(data.byteLength);
    check("sendto", libc.sendto(this.#fd, data, length, MSG_DONTWAIT, name, name.byteLength));
  }

  /** Sends datagrams as fast as can be: with one call, which takes long in User-Mode Linux. They lie one behind the other. */
  sendAtOnce(data: Uint8Array<ArrayBuffer>, to: SocketAddress, { payloadBytes }: { payloadBytes: number }): void {
    const count = data.length / payloadBytes;
    const name = encodeAddress(to);
    const headers = new Uint8Array(count * (MMSGHDR_BYTES + IOVEC_BYTES));
    const view = new DataView(headers.buffer);
    const [dataAt, nameAt, headersAt] = [data, name, headers].map((bytes) =>
      Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes))
    );
    for (let index = 0; index < count; index++) {
      const [at, iovec] = [index * MMSGHDR_BYTES, count * MMSGHDR_BYTES + index * IOVEC_BYTES];
      view.setBigUint64(at, nameAt, true);
      view.setUint32(at + 8, name.byteLength, true);
      view.setBigUint64(at + 16, headersAt + BigInt(iovec), true);
      view.setBigUint64(at + 24, 1n, true);
      view.setBigUint64(iovec, dataAt + BigInt(index * payloadBytes), true);
      view.setBigUint64(iovec + 8, BigInt(payloadBytes), true);
    }
    const sent = libc.sendmmsg(this.#fd, headers, count, MSG_DONTWAIT);
    if (sent !== count) throw new Error(`Cannot send ${count} datagrams at once: ${sent} were, errno is ${errno()}`);
  }

  /**
   * Returns the datagram that arrived first, in a copy, or nothing if there is none. That is asked first, as `recv` would
   * say it by errno, where on User-Mode Linux 6.1 a thread sometimes finds that of another.
   */
  receive(): Uint8Array<ArrayBuffer> | undefined {
    const ready = libc.poll(this.#pollfd, 1n, 0);
    check("poll", ready);
    if (ready === 0) return undefined;
    const length = libc.recv(this.#fd, this.#received, BigInt(DATAGRAM_BYTES), MSG_DONTWAIT);
    check("recv", length);
    return this.#received.slice(0, Number(length));
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}

function family({ address }: SocketAddress): number {
  return address.includes(":") ? AF_INET6 : AF_INET;
}

/** Encodes a `struct sockaddr_in`, 16 bytes, or a `struct sockaddr_in6`, 28 bytes. */
function encodeAddress(socketAddress: SocketAddress): Uint8Array<ArrayBuffer> {
  const isIpv6 = family(socketAddress) === AF_INET6;
  const name = new Uint8Array(isIpv6 ? 28 : 16);
  const text = new TextEncoder().encode(`${socketAddress.address}\0`);
  if (libc.inet_pton(family(socketAddress), text, name.subarray(isIpv6 ? 8 : 4)) !== 1) {
    throw new TypeError(`${socketAddress.address} is no IP address`);
  }
  const view = new DataView(name.buffer);
  view.setUint16(0, family(socketAddress), true);
  view.setUint16(2, socketAddress.port);
  return name;
}

function check(call: string, result: number | bigint): void {
  if (result < 0) throw new Error(`Cannot ${call}: errno is ${errno()}`);
}

function errno(): number {
  const location = libc.__errno_location();
  if (!location) throw new Error("errno has no location");
  return new Deno.UnsafePointerView(location).getInt32();
}
