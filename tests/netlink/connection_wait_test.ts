// What a connection does while the kernel has not answered, and with answers that were lost.
import { assertEquals, assertThrows } from "@std/assert";
import { type Request, RTM_GETQDISC, RTM_NEWQDISC, TC_H_ROOT } from "../../codec/mod.ts";
import { EAGAIN, ENOBUFS, EPERM, ETIMEDOUT, NetlinkError } from "../../linux/netlink_error.ts";
import { Connection } from "../../netlink/connection.ts";
import { FakeSocket, type Script } from "./fake_socket.ts";
import { ack, done, qdisc } from "./messages.ts";

const CHANGE: Request = { type: RTM_NEWQDISC, ifindex: 1, handle: 0, parent: TC_H_ROOT, plug: "no options" };
const QDISCS: Request = { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 };

function connect(script: Script, options: { timeoutMs?: number } = {}) {
  const socket = new FakeSocket(script);
  return { socket, connection: new Connection(socket, { now: () => socket.clock, ...options }) };
}

Deno.test("transact() waits, when the kernel has not answered yet", () => {
  const { socket, connection } = connect({ arrivals: [-EAGAIN, ack(1)] });
  assertEquals(connection.transact([CHANGE]).length, 1);
  assertEquals(socket.waited, [5000]);
});

Deno.test("transact() does not wait, when the kernel has answered", () => {
  const { socket, connection } = connect({ arrivals: [ack(1)] });
  connection.transact([CHANGE]);
  assertEquals(socket.waited, []);
});

Deno.test("transact() waits for what is left of its time, when a wait is interrupted or for nothing", () => {
  const { socket, connection } = connect(
    { arrivals: [-EAGAIN, -EAGAIN, -EAGAIN, ack(1)], waits: [true, true, true] },
    { timeoutMs: 100 },
  );
  connection.transact([CHANGE]);
  assertEquals(socket.waited, [100, 99, 98]);
});

Deno.test("transact() throws ETIMEDOUT at its deadline, when the kernel never answers", () => {
  const { socket, connection } = connect({}, { timeoutMs: 250 });
  const error: NetlinkError = assertThrows(() => connection.transact([CHANGE]), NetlinkError);
  assertEquals(error.message, "Cannot receive from the kernel: no answer in time (ETIMEDOUT)");
  assertEquals(socket.clock, 250);
});

Deno.test("transact() throws ETIMEDOUT at its deadline, when every wait is interrupted", () => {
  const { socket, connection } = connect({ waits: new Array(1000).fill(true) }, { timeoutMs: 30 });
  const error: NetlinkError = assertThrows(() => connection.transact([CHANGE]), NetlinkError);
  assertEquals([error.errno, socket.clock], [ETIMEDOUT, 30]);
});

Deno.test("transact() throws ETIMEDOUT at its deadline, when one of its answers never comes", () => {
  const { socket, connection } = connect({ arrivals: [ack(1), -EAGAIN, ack(3)] }, { timeoutMs: 70 });
  const error: NetlinkError = assertThrows(() => connection.transact([CHANGE, CHANGE, CHANGE]), NetlinkError);
  assertEquals([error.errno, socket.clock], [ETIMEDOUT, 70]);
});

Deno.test("transact() throws ETIMEDOUT at its deadline, when only answers to others come", () => {
  const { connection } = connect({ arrivals: new Array(100).fill([-EAGAIN, ack(77)]).flat() }, { timeoutMs: 20 });
  const error: NetlinkError = assertThrows(() => connection.transact([CHANGE]), NetlinkError);
  assertEquals(error.errno, ETIMEDOUT);
});

Deno.test("transact() takes its own answer, when that of a request that timed out comes late", () => {
  const { socket, connection } = connect({ arrivals: [-EAGAIN, -EAGAIN, ack(1), ack(2)], waits: [false] });
  assertThrows(() => connection.transact([CHANGE]), NetlinkError, "ETIMEDOUT");
  assertEquals(connection.transact([CHANGE]).length, 1);
  assertEquals(socket.left, 0);
});

Deno.test("transact() throws what the receive said, when it fails", () => {
  const { connection } = connect({ arrivals: [-EPERM] });
  const error: NetlinkError = assertThrows(() => connection.transact([CHANGE]), NetlinkError);
  assertEquals([error.operation, error.code], ["receive from the kernel", "EPERM"]);
});

Deno.test("transact() says that answers were lost, when the receive buffer overflowed", () => {
  const { connection } = connect({ arrivals: [ack(1), -ENOBUFS, ack(2)] });
  assertThrows(
    () => connection.transact([CHANGE, CHANGE]),
    NetlinkError,
    "Cannot receive from the kernel: the receive buffer overflowed, and answers were lost (ENOBUFS)",
  );
});

Deno.test("dump() waits its whole time for each part, when the kernel is slow", () => {
  const { socket, connection } = connect(
    { arrivals: [-EAGAIN, qdisc(1), -EAGAIN, qdisc(1), -EAGAIN, done(1)] },
    { timeoutMs: 2 },
  );
  assertEquals(connection.dump("dump qdiscs", QDISCS).length, 2);
  assertEquals(socket.waited, [2, 2, 2]);
});

Deno.test("dump() throws ETIMEDOUT, when its end never comes", () => {
  const { socket, connection } = connect({ arrivals: [qdisc(1)] }, { timeoutMs: 40 });
  const error: NetlinkError = assertThrows(() => connection.dump("dump qdiscs", QDISCS), NetlinkError);
  assertEquals([error.operation, error.errno, socket.clock], ["dump qdiscs", ETIMEDOUT, 40]);
});
