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

/** More than the runtime has threads for what waits. */
const MANY = 100;

function manyPairs(): { ends: Channel[]; others: Channel[] } & Disposable {
  const pairs = Array.from({ length: MANY }, () => Channel.withChild((fd) => new Channel(libc().call.fcntl(fd, 0, 0))));
  const ends = pairs.map(({ channel }) => channel);
  const others = pairs.map(({ child }) => child);
  return {
    ends,
    others,
    [Symbol.dispose]: () => [...ends, ...others].forEach((end) => end[Symbol.dispose]()),
  };
}

Deno.test("more can wait at once than the runtime has threads, and each hears what is said to it alone", async () => {
  using pairs = manyPairs();
  const { ends, others } = pairs;
  const heard: string[] = [];
  const waits = ends.map(async (end) => {
    await end.readable();
    heard.push(end.receive() ?? "nothing");
  });
  // What takes a thread of the runtime's has one.
  await Deno.stat(".");
  assertEquals(heard, []);
  for (const number of [70, 3, 41]) {
    others[number].send(`${number}`);
    await waits[number];
  }
  assertEquals(heard, ["70", "3", "41"]);
  for (const [number, other] of others.entries()) other.send(`${number}`);
  await Promise.all(waits);
  assertEquals(
    heard.slice(3).toSorted(),
    ends.map((_, number) => `${number}`).filter((text) => !heard.slice(0, 3).includes(text)).toSorted(),
  );
});

Deno.test("who waits goes on when its end is closed, and when the other one is", async () => {
  using pairs = manyPairs();
  const { ends, others } = pairs;
  const waits = ends.map((end) => end.readable());
  ends[0][Symbol.dispose]();
  await waits[0];
  others[1][Symbol.dispose]();
  await waits[1];
  assertEquals(ends.slice(0, 3).map((end) => end.receive()), ["", "", undefined]);
});

Deno.test("a descriptor with the number of a closed one is waited for anew", async () => {
  for (let round = 0; round < 3; round++) {
    using pairs = manyPairs();
    const waits = pairs.ends.map((end) => end.readable());
    for (const other of pairs.others) other.send("a");
    await Promise.all(waits);
  }
});

Deno.test("readable() resolves when its time is over, and when the descriptor is closed already", async () => {
  const { call } = libc();
  const pair = new Int32Array(2);
  call.socketpair(AF_UNIX, SOCK_SEQPACKET, 0, new Uint8Array(pair.buffer));
  using incoming = new Incoming(...pair);
  await incoming.readable(1);
  assertEquals(incoming.wait(0), false);
  for (const fd of pair) call.close(fd);
  await incoming.readable();
});

Deno.test("a process in which nobody waits any more comes to its end", async () => {
  const program = `
    const { Channel } = await import(${JSON.stringify(import.meta.resolve("../../linux/unix_socket.ts"))});
    const { libc } = await import(${JSON.stringify(import.meta.resolve("../../linux/libc.ts"))});
    const { channel, child } = Channel.withChild((fd) => new Channel(libc().call.fcntl(fd, 0, 0)));
    setTimeout(() => channel[Symbol.dispose](), 10);
    await channel.readable();
    console.log("done");
  `;
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", program],
    signal: AbortSignal.timeout(20_000),
  }).output();
  assertEquals([success, new TextDecoder().decode(stdout)], [true, "done\n"]);
});
