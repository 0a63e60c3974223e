// What a connection makes of a list that the kernel sends in parts.
import { assertEquals, assertThrows } from "@std/assert";
import {
  CHUNK_MAX,
  DecodeError,
  type Message,
  NLM_F_ACK_TLVS,
  NLM_F_DUMP_INTR,
  type Request,
  RTM_GETQDISC,
} from "../../codec/mod.ts";
import { EAGAIN, EINTR, EINVAL, ENOBUFS, ENOENT, EPERM, NetlinkError } from "../../linux/netlink_error.ts";
import { Connection } from "../../netlink/connection.ts";
import { type Arrival, FakeSocket, type Script } from "./fake_socket.ts";
import { ack, bytes, done, message, qdisc, refusal, sequenceOf } from "./messages.ts";

const QDISCS: Request = { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 };
const ATTEMPTS = 10;

function connect(script: Script) {
  const socket = new FakeSocket(script);
  return { socket, connection: new Connection(socket, { now: () => socket.clock }) };
}

/** Answers each dump with what `arrivals` makes of its sequence number, the number of the attempt. */
function eachAttempt(arrivals: (sequence: number) => readonly Arrival[]): Script {
  return { answer: (sent) => arrivals(sequenceOf(sent)) };
}

function ifindexes(messages: readonly Message[]): number[] {
  return messages.map((message) => message.about === "qdisc" ? message.ifindex : 0);
}

Deno.test("dump() sends the request with NLM_F_REQUEST and NLM_F_DUMP, and no NLM_F_ACK", () => {
  const { socket, connection } = connect({ arrivals: [done(1)] });
  connection.dump("dump qdiscs", QDISCS);
  assertEquals(socket.sent.map((sent) => sent.toHex()), [
    "240000002600010301000000000000000000000000000000000000000000000000000000",
  ]);
});

Deno.test("dump() returns nothing, when the list is empty", () => {
  assertEquals(connect({ arrivals: [done(1)] }).connection.dump("dump qdiscs", QDISCS), []);
});

Deno.test("dump() returns every message in order, when they come in many parts, some with several", () => {
  const { connection } = connect({
    arrivals: [
      bytes(qdisc(1, { ifindex: 1 }), qdisc(1, { ifindex: 2 })),
      qdisc(1, { ifindex: 3 }),
      bytes(qdisc(1, { ifindex: 4 }), qdisc(1, { ifindex: 5 }), qdisc(1, { ifindex: 6 })),
      done(1),
    ],
  });
  assertEquals(ifindexes(connection.dump("dump qdiscs", QDISCS)), [1, 2, 3, 4, 5, 6]);
});

Deno.test("dump() returns every message, when the end is in the same part as the last of them", () => {
  const { connection } = connect({ arrivals: [bytes(qdisc(1, { ifindex: 4 }), qdisc(1, { ifindex: 5 }), done(1))] });
  assertEquals(ifindexes(connection.dump("dump qdiscs", QDISCS)), [4, 5]);
});

Deno.test("dump() returns every message, when a part fills the room there is", () => {
  const one = qdisc(1).length;
  const many = Array.from({ length: Math.floor(CHUNK_MAX / one) }, () => qdisc(1));
  const filler = message({ type: 99, sequence: 0 }, new Uint8Array(CHUNK_MAX % one + one - 16));
  const part = bytes(...many.slice(1), filler);
  assertEquals(part.length, CHUNK_MAX);
  const { connection } = connect({ arrivals: [part, done(1)] });
  assertEquals(connection.dump("dump qdiscs", QDISCS).length, many.length - 1);
});

Deno.test("dump() leaves out messages of others, when they come in between", () => {
  const { connection } = connect({
    arrivals: [ack(0), bytes(qdisc(9, { ifindex: 9 }), qdisc(1, { ifindex: 1 })), done(9), done(1)],
  });
  assertEquals(ifindexes(connection.dump("dump qdiscs", QDISCS)), [1]);
});

Deno.test("dump() begins anew and returns one whole list, when the state changed during the first", () => {
  const { socket, connection } = connect(eachAttempt((sequence) => [
    qdisc(sequence, { ifindex: sequence, flags: sequence === 1 ? NLM_F_DUMP_INTR : 0 }),
    done(sequence),
  ]));
  assertEquals(ifindexes(connection.dump("dump qdiscs", QDISCS)), [2]);
  assertEquals(socket.sent.length, 2);
});

Deno.test("dump() reads a disturbed list to its end before it begins anew", () => {
  const { socket, connection } = connect(
    eachAttempt((sequence) =>
      sequence === 1
        ? [qdisc(1, { flags: NLM_F_DUMP_INTR }), qdisc(1), qdisc(1), done(1)]
        : [qdisc(sequence, { ifindex: 8 }), done(sequence)]
    ),
  );
  assertEquals(ifindexes(connection.dump("dump qdiscs", QDISCS)), [8]);
  assertEquals(socket.left, 0);
});

Deno.test("dump() begins anew, when only the end says that the state changed", () => {
  const { socket, connection } = connect(eachAttempt((sequence) => [
    qdisc(sequence, { ifindex: sequence }),
    done(sequence, { flags: sequence < 3 ? NLM_F_DUMP_INTR : 0 }),
  ]));
  assertEquals(ifindexes(connection.dump("dump qdiscs", QDISCS)), [3]);
  assertEquals(socket.sent.length, 3);
});

Deno.test("dump() gives up with EAGAIN, when the state changed during each of ten attempts", () => {
  const { socket, connection } = connect(eachAttempt((sequence) => [done(sequence, { flags: NLM_F_DUMP_INTR })]));
  const error: NetlinkError = assertThrows(() => connection.dump("dump qdiscs", QDISCS), NetlinkError);
  assertEquals(error.errno, EAGAIN);
  assertEquals(
    error.message,
    "Cannot dump qdiscs: the state changed during each of 10 attempts (EAGAIN)",
  );
  assertEquals(socket.sent.length, ATTEMPTS);
});

Deno.test("dump() returns the tenth attempt, when the nine before were disturbed", () => {
  const { connection } = connect(eachAttempt((sequence) => [
    qdisc(sequence, { ifindex: sequence }),
    done(sequence, { flags: sequence < ATTEMPTS ? NLM_F_DUMP_INTR : 0 }),
  ]));
  assertEquals(ifindexes(connection.dump("dump qdiscs", QDISCS)), [ATTEMPTS]);
});

Deno.test("dump() reads on and begins anew, when a part was lost (ENOBUFS)", () => {
  const { socket, connection } = connect(
    eachAttempt((sequence) =>
      sequence === 1
        ? [qdisc(1), -ENOBUFS, qdisc(1), done(1)]
        : [qdisc(sequence, { ifindex: 1 }), qdisc(sequence, { ifindex: 2 }), done(sequence)]
    ),
  );
  assertEquals(ifindexes(connection.dump("dump qdiscs", QDISCS)), [1, 2]);
  assertEquals([socket.sent.length, socket.left], [2, 0]);
});

Deno.test("dump() begins anew without waiting, when the end was lost (ENOBUFS)", () => {
  const { socket, connection } = connect(
    eachAttempt((sequence) => sequence === 1 ? [qdisc(1), -ENOBUFS, qdisc(1)] : [done(sequence)]),
  );
  assertEquals(connection.dump("dump qdiscs", QDISCS), []);
  assertEquals([socket.sent.length, socket.waited], [2, []]);
});

Deno.test("dump() receives again, when a signal interrupts", () => {
  const { socket, connection } = connect({
    sends: [-EINTR],
    arrivals: [-EINTR, qdisc(1, { ifindex: 3 }), -EINTR, -EAGAIN, -EINTR, done(1)],
    waits: [true],
  });
  assertEquals(ifindexes(connection.dump("dump qdiscs", QDISCS)), [3]);
  assertEquals(socket.sent.length, 1);
});

Deno.test("dump() throws what the kernel said, when it refuses to begin", () => {
  const { socket, connection } = connect({ arrivals: [refusal(1, EPERM, { sentence: "Not for you" })] });
  assertThrows(() => connection.dump("dump qdiscs", QDISCS), NetlinkError, "Cannot dump qdiscs: Not for you (EPERM)");
  assertEquals(socket.sent.length, 1);
});

Deno.test("dump() throws what the kernel said, when an error ends the list in the middle", () => {
  const { connection } = connect({ arrivals: [qdisc(1), bytes(qdisc(1), refusal(1, ENOENT))] });
  assertThrows(() => connection.dump("dump qdiscs", QDISCS), NetlinkError, "ENOENT");
});

Deno.test("dump() throws errno and sentence, when the end carries an error", () => {
  const sentence = bytes(done(1, { errno: EINVAL, flags: NLM_F_ACK_TLVS }), Uint8Array.fromHex("080001006e6f2100"));
  sentence[0] = sentence.length;
  const { connection } = connect({ arrivals: [qdisc(1), sentence] });
  assertThrows(() => connection.dump("dump qdiscs", QDISCS), NetlinkError, "Cannot dump qdiscs: no! (EINVAL)");
});

Deno.test("dump() begins no second attempt, when a disturbed list ends in an error", () => {
  const { socket, connection } = connect({ arrivals: [qdisc(1, { flags: NLM_F_DUMP_INTR }), refusal(1, EPERM)] });
  assertThrows(() => connection.dump("dump qdiscs", QDISCS), NetlinkError, "EPERM");
  assertEquals(socket.sent.length, 1);
});

Deno.test("dump() throws a DecodeError that names the offset, when a message is cut off", () => {
  const { connection } = connect({ arrivals: [bytes(qdisc(1), qdisc(1).subarray(0, 47))] });
  assertThrows(
    () => connection.dump("dump qdiscs", QDISCS),
    DecodeError,
    "offset 48: length is 48, must be at most 47",
  );
});

Deno.test("dump() says how much did not fit, when a part is longer than there is room", () => {
  const { connection } = connect({ arrivals: [new Uint8Array(CHUNK_MAX + 4)] });
  assertThrows(
    () => connection.dump("dump qdiscs", QDISCS),
    RangeError,
    "Cannot receive a message of 65540 bytes: there is room for 65536",
  );
});

Deno.test("dump() throws what the receive said, when it fails", () => {
  const { connection } = connect({ arrivals: [qdisc(1), -EPERM] });
  const error: NetlinkError = assertThrows(() => connection.dump("dump qdiscs", QDISCS), NetlinkError);
  assertEquals([error.operation, error.code], ["dump qdiscs", "EPERM"]);
});
