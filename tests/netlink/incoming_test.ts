import { assertEquals } from "@std/assert";
import { Incoming } from "../../linux/incoming.ts";
import { libc } from "../../linux/libc.ts";
import { Channel } from "../../linux/unix_socket.ts";
import { EAGAIN, EBADF, ECONNRESET } from "../../linux/netlink_error.ts";

const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const MSG_DONTWAIT = 0x40;

/** Has `work` do its part with both ends of a connection, and closes them. */
function withPair(work: (own: number, other: number) => void): void {
  const { call } = libc();
  const pair = new Int32Array(2);
  call.socketpair(AF_UNIX, SOCK_SEQPACKET, 0, new Uint8Array(pair.buffer));
  try {
    work(pair[0], pair[1]);
  } finally {
    for (const fd of pair) call.close(fd);
  }
}

/** Receives nothing, and then has errno be that of something else, as another thread's. */
function receiveWithErrnoOf(other: () => void, fd: number): number {
  const { call } = libc();
  const received = call.recv(fd, Deno.UnsafePointer.of(new Uint8Array(8)), 8n, MSG_DONTWAIT);
  other();
  return received;
}

Deno.test("failure() is EAGAIN where there is nothing to receive, whatever errno says", () => {
  withPair((own) => {
    const incoming = new Incoming(own);
    assertEquals(receiveWithErrnoOf(() => {}, own), -1);
    assertEquals(incoming.failure(), EAGAIN);
    assertEquals(receiveWithErrnoOf(() => libc().call.close(-1), own), -1);
    assertEquals([libc().errno(), incoming.failure()], [EBADF, EAGAIN]);
  });
});

Deno.test("failure() is EAGAIN where something has come meanwhile, which wait() then says", () => {
  withPair((own, other) => {
    const incoming = new Incoming(own);
    const send = () => {
      libc().call.send(other, Deno.UnsafePointer.of(new Uint8Array(8)), 8n, 0);
      libc().call.close(-1);
    };
    assertEquals([incoming.wait(0), receiveWithErrnoOf(send, own)], [false, -1]);
    assertEquals([incoming.failure(), incoming.wait(0)], [EAGAIN, true]);
  });
});

Deno.test("failure() is what errno says where a descriptor is closed, or the other end went without reading all", () => {
  const { call } = libc();
  const pair = new Int32Array(2);
  call.socketpair(AF_UNIX, SOCK_SEQPACKET, 0, new Uint8Array(pair.buffer));
  const [own, other] = pair;
  call.send(own, Deno.UnsafePointer.of(new Uint8Array(8)), 8n, 0);
  call.close(other);
  const incoming = new Incoming(own);
  assertEquals([receiveWithErrnoOf(() => {}, own), incoming.failure()], [-1, ECONNRESET]);
  call.close(own);
  assertEquals([receiveWithErrnoOf(() => {}, own), incoming.failure()], [-1, EBADF]);
});

Deno.test("a Channel receives nothing and then all that was sent, whatever errno says", () => {
  const { channel, child } = Channel.withChild((fd) => {
    const own = libc().call.fcntl(fd, 0, 0);
    return new Channel(own);
  });
  using near = channel;
  using far = child;
  assertEquals(near.receive(), undefined);
  far.send("a");
  far.send("b");
  assertEquals([near.receive(), near.receive(), near.receive()], ["a", "b", undefined]);
  far[Symbol.dispose]();
  assertEquals(near.receive(), "");
});
