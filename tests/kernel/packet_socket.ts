/**
 * Packet sockets: whole frames as they are, sent from a device and as they leave or come in there.
 *
 * @module
 */

import type { Host } from "./host.ts";

const AF_PACKET = 17;
const SOCK_RAW_CLOEXEC = 0x80003;
const ETH_P_ALL = 3;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const MSG_DONTWAIT = 0x40;
const POLLIN = 1;
const BUFFER_BYTES = 64 << 20;
const FRAME_BYTES = 65_536;

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // unsigned if_nametoindex(const char *name);
  if_nametoindex: { parameters: ["buffer"], result: "u32" },
  // int setsockopt(int fd, int level, int name, const void *value, socklen_t length);
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  // int bind(int fd, const struct sockaddr *address, socklen_t length);
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // ssize_t send(int fd, const void *data, size_t length, int flags);
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i64" },
  // ssize_t recv(int fd, void *data, size_t length, int flags);
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i64" },
  // int poll(struct pollfd *fds, nfds_t count, int timeout);
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
});

/** A socket that is bound to one device. */
export class PacketSocket implements Disposable {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(FRAME_BYTES);

  constructor(host: Host, dev: string) {
    this.#fd = host.enter(() => {
      const fd = libc.socket(AF_PACKET, SOCK_RAW_CLOEXEC, 0);
      const ifindex = libc.if_nametoindex(new TextEncoder().encode(`${dev}\0`));
      if (fd < 0 || ifindex === 0) throw new Error(`Cannot open a packet socket on ${dev}`);
      for (const option of [SO_SNDBUFFORCE, SO_RCVBUFFORCE]) {
        libc.setsockopt(fd, SOL_SOCKET, option, Uint32Array.of(BUFFER_BYTES), 4);
      }
      // struct sockaddr_ll: family, protocol in network order, ifindex.
      const address = new Uint8Array(20);
      const view = new DataView(address.buffer);
      view.setUint16(0, AF_PACKET, true);
      view.setUint16(2, ETH_P_ALL);
      view.setInt32(4, ifindex, true);
      if (libc.bind(fd, address, address.length) < 0) throw new Error(`Cannot bind a packet socket to ${dev}`);
      return fd;
    });
  }

  /** Sends a frame, from its Ethernet header on. */
  send(frame: Uint8Array<ArrayBuffer>): void {
    if (libc.send(this.#fd, frame, BigInt(frame.length), 0) < 0n) throw new Error("Cannot send a frame");
  }

  /** The next frame that has left or come in, or `undefined`. */
  receive(): Uint8Array | undefined {
    const poll = new Int32Array([this.#fd, POLLIN]);
    if (libc.poll(poll, 1n, 0) <= 0) return undefined;
    const length = Number(libc.recv(this.#fd, this.#buffer, BigInt(FRAME_BYTES), MSG_DONTWAIT));
    return length < 0 ? undefined : this.#buffer.slice(0, length);
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}
