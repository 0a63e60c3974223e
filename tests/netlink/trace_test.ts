import { assertEquals } from "@std/assert";
import { type Request, RTM_GETQDISC, RTM_NEWQDISC, TC_H_ROOT } from "../../codec/mod.ts";
import { Connection } from "../../netlink/connection.ts";
import { FakeSocket, type Script } from "./fake_socket.ts";
import { ack, bytes, done, qdisc } from "./messages.ts";

const CHANGE: Request = { type: RTM_NEWQDISC, ifindex: 1, handle: 0, parent: TC_H_ROOT, plug: "no options" };

function traced(script: Script) {
  const socket = new FakeSocket(script);
  const seen: [direction: string, hex: string][] = [];
  const connection = new Connection(socket, { trace: (direction, bytes) => seen.push([direction, bytes.toHex()]) });
  return { socket, seen, connection };
}

Deno.test("trace() sees each byte of what transact sends and receives, stale answers too", () => {
  const { socket, seen, connection } = traced({ arrivals: [ack(0), ack(2), ack(1)] });
  connection.transact([CHANGE, CHANGE]);
  assertEquals(seen, [
    ["sent", socket.sent[0].toHex()],
    ["received", ack(0).toHex()],
    ["received", ack(2).toHex()],
    ["received", ack(1).toHex()],
  ]);
});

Deno.test("trace() sees each byte of what dump sends and receives, a call for each datagram", () => {
  const { socket, seen, connection } = traced({ arrivals: [bytes(qdisc(1), qdisc(1)), done(1)] });
  connection.dump("dump qdiscs", { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 });
  assertEquals(seen, [
    ["sent", socket.sent[0].toHex()],
    ["received", bytes(qdisc(1), qdisc(1)).toHex()],
    ["received", done(1).toHex()],
  ]);
});
