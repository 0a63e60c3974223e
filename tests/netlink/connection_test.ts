import { assertEquals, assertThrows } from "@std/assert";
import {
  DecodeError,
  encodeRequest,
  type Request,
  RTM_NEWQDISC,
  sendRegion,
  SLOT_LEN,
  TC_H_ROOT,
} from "../../codec/mod.ts";
import { EINTR, EINVAL, ENODEV, ENOENT, EPERM, NetlinkError } from "../../linux/netlink_error.ts";
import { Connection } from "../../netlink/connection.ts";
import { FakeSocket, type Script } from "./fake_socket.ts";
import { ack, bytes, qdisc, refusal, sequenceOf } from "./messages.ts";

const CHANGE: Request = {
  type: RTM_NEWQDISC,
  ifindex: 1,
  handle: 0x10000,
  parent: TC_H_ROOT,
  plug: { action: 0, limit: 0 },
};
const CHANGE_LEN = 60;

function connect(script: Script, options: { timeoutMs?: number } = {}) {
  const socket = new FakeSocket(script);
  return { socket, connection: new Connection(socket, { now: () => socket.clock, ...options }) };
}

/** Acknowledges each change of a datagram. */
function acknowledge(sent: Uint8Array): Uint8Array[] {
  const changes = Array.from({ length: sent.length / CHANGE_LEN }, (_, index) => sent.slice(index * CHANGE_LEN));
  return changes.map((change) => ack(sequenceOf(change)));
}

Deno.test("transact() sends nothing and waits for nothing, when there are no requests", () => {
  const { socket, connection } = connect({});
  assertEquals(connection.transact([]), []);
  assertEquals([socket.sent, socket.waited], [[], []]);
});

Deno.test("transact() sends the encoded requests in one datagram, numbered from 1", () => {
  const { socket, connection } = connect({ answer: acknowledge });
  connection.transact([CHANGE, CHANGE]);
  const first = encodeRequest(CHANGE, { at: 0, sequence: 1 });
  const length = first + encodeRequest(CHANGE, { at: first, sequence: 2 });
  assertEquals(socket.sent, [sendRegion.slice(0, length)]);
});

Deno.test("transact() goes on numbering, when it is called again", () => {
  const { socket, connection } = connect({ answer: acknowledge });
  connection.transact([CHANGE, CHANGE]);
  connection.transact([CHANGE]);
  assertEquals(socket.sent.map(sequenceOf), [1, 3]);
});

Deno.test("transact() returns errno 0, no sentence and no message, when the kernel acknowledges", () => {
  const { connection } = connect({ answer: acknowledge });
  assertEquals(connection.transact([CHANGE]), [{ errno: 0, sentence: "", offset: 0, message: undefined }]);
});

Deno.test("transact() returns errno, sentence and offset, when the kernel refuses", () => {
  const { connection } = connect({ arrivals: [refusal(1, EINVAL, { sentence: "Invalid qdisc name", offset: 36 })] });
  assertEquals(connection.transact([CHANGE]), [
    { errno: EINVAL, sentence: "Invalid qdisc name", offset: 36, message: undefined },
  ]);
});

Deno.test("transact() reads what a real kernel answered, when it echoes the request before its sentence", () => {
  const real = Uint8Array.fromHex(
    "8c0000000200000201000000f9020000feffffff3c000000240005000100000000000000000000000700000000000000" +
      "ffffffff0000000009000100706c7567000000000c000200000000000000000039000100" +
      "5164697363206e6f7420666f756e642e20546f206372656174652073706563696679204e4c4d5f465f43524541544520666c616700000000",
  );
  const { connection } = connect({ arrivals: [real] });
  const [{ errno, sentence }] = connection.transact([CHANGE]);
  assertEquals([errno, sentence], [ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag"]);
});

Deno.test("transact() goes on, when the kernel refuses one of several requests", () => {
  const { connection } = connect({ arrivals: [ack(1), refusal(2, ENOENT), ack(3)] });
  assertEquals(connection.transact([CHANGE, CHANGE, CHANGE]).map(({ errno }) => errno), [0, ENOENT, 0]);
});

Deno.test("transact() gives each request its own answer, when they come out of order", () => {
  const { connection } = connect({ arrivals: [refusal(3, ENOENT), ack(2), refusal(1, EPERM)] });
  assertEquals(connection.transact([CHANGE, CHANGE, CHANGE]).map(({ errno }) => errno), [EPERM, 0, ENOENT]);
});

Deno.test("transact() returns the message that came before its acknowledgement, when it asks for one", () => {
  const { connection } = connect({ arrivals: [qdisc(1, { ifindex: 7 }), ack(2), ack(1)] });
  const [{ message }, other] = connection.transact([CHANGE, CHANGE]);
  assertEquals(message?.about === "qdisc" && message.ifindex, 7);
  assertEquals(other.message, undefined);
});

Deno.test("transact() drops answers to earlier requests, when they come late", () => {
  const { connection } = connect({
    arrivals: [refusal(0, EPERM), refusal(0xffffffff, EPERM), refusal(2, EPERM), ack(1)],
  });
  assertEquals(connection.transact([CHANGE]).map(({ errno }) => errno), [0]);
});

Deno.test("transact() keeps the first of two answers, when one request is answered twice", () => {
  const { connection } = connect({ arrivals: [refusal(1, ENOENT), ack(1), ack(2)] });
  assertEquals(connection.transact([CHANGE, CHANGE]).map(({ errno }) => errno), [ENOENT, 0]);
});

Deno.test("transact() drops what is left of an earlier dump, when it was given up: long and many messages each", () => {
  const left = bytes(...Array.from({ length: 200 }, () => qdisc(0)));
  const { connection } = connect({ arrivals: [left, left.subarray(0, 96), ack(1)] });
  assertEquals(connection.transact([CHANGE]).map(({ errno }) => errno), [0]);
});

Deno.test("transact() receives 64 answers a call, when there are more", () => {
  const { socket, connection } = connect({ answer: acknowledge });
  const answers = connection.transact(new Array(150).fill(CHANGE));
  assertEquals(answers.map(({ errno }) => errno), new Array(150).fill(0));
  assertEquals(socket.batches, [64, 64, 22]);
});

Deno.test("transact() sends 256 requests a datagram, when there are more", () => {
  const { socket, connection } = connect({
    answer: (sent) => acknowledge(sent).map((answer) => sequenceOf(answer) === 258 ? refusal(258, ENOENT) : answer),
  });
  const answers = connection.transact(new Array(300).fill(CHANGE));
  assertEquals(socket.sent.map(({ length }) => length / CHANGE_LEN), [256, 44]);
  assertEquals(answers.length, 300);
  assertEquals(answers.findIndex(({ errno }) => errno === ENOENT), 257);
});

Deno.test("transact() sends nothing, when a request is out of range", () => {
  const { socket, connection } = connect({ answer: acknowledge });
  assertThrows(() => connection.transact([CHANGE, { ...CHANGE, ifindex: -1 }]), RangeError, "ifindex is -1");
  assertEquals(socket.sent, []);
  assertEquals(connection.transact([CHANGE]).length, 1);
});

Deno.test("transact() sends again, when a signal interrupts the sending", () => {
  const { socket, connection } = connect({ sends: [-EINTR, -EINTR], answer: acknowledge });
  assertEquals(connection.transact([CHANGE]).length, 1);
  assertEquals(socket.sent.length, 1);
});

Deno.test("transact() receives again, when a signal interrupts the receiving", () => {
  const { connection } = connect({ arrivals: [-EINTR, ack(1), -EINTR, -EINTR, ack(2)] });
  assertEquals(connection.transact([CHANGE, CHANGE]).length, 2);
});

Deno.test("transact() throws what the send said, when it fails", () => {
  const { connection } = connect({ sends: [-EPERM] });
  const error: NetlinkError = assertThrows(() => connection.transact([CHANGE]), NetlinkError);
  assertEquals([error.operation, error.code], ["send to the kernel", "EPERM"]);
});

Deno.test("request() returns the message, when the kernel sends one", () => {
  const { connection } = connect({ arrivals: [qdisc(1, { kind: "pfifo" }), ack(1)] });
  const message = connection.request("read qdisc", CHANGE);
  assertEquals(message?.about === "qdisc" && message.kind, "pfifo");
});

Deno.test("request() throws the kernel's errno, sentence and offset, when it refuses", () => {
  const { connection } = connect({ arrivals: [refusal(1, ENOENT, { sentence: "Failed to find class", offset: 28 })] });
  const error: NetlinkError = assertThrows(() => connection.request("create plug", CHANGE), NetlinkError);
  const { message, operation, errno, sentence, offset } = error;
  assertEquals(
    { message, operation, errno, sentence, offset },
    {
      message: "Cannot create plug: Failed to find class (ENOENT)",
      operation: "create plug",
      errno: ENOENT,
      sentence: "Failed to find class",
      offset: 28,
    },
  );
});

Deno.test("transact() throws a DecodeError that names the offset, when an answer is malformed", () => {
  const lengthOf8 = ack(1);
  lengthOf8[0] = 8;
  const { connection } = connect({ arrivals: [lengthOf8] });
  assertThrows(() => connection.transact([CHANGE]), DecodeError, "message at offset 0: length is 8");
});

Deno.test("transact() throws a DecodeError, when an answer is shorter than its header says, or has none", () => {
  for (const short of [ack(1).subarray(0, 35), ack(1).subarray(0, 15), new Uint8Array(0)]) {
    const { connection } = connect({ arrivals: [short] });
    assertThrows(() => connection.transact([CHANGE]), DecodeError);
  }
});

Deno.test("transact() says how much did not fit, when an answer is longer than its slot", () => {
  const { connection } = connect({ arrivals: [refusal(1, EINVAL, { sentence: "x".repeat(5000) })] });
  assertThrows(
    () => connection.transact([CHANGE]),
    RangeError,
    `Cannot receive a message of 5044 bytes: there is room for ${SLOT_LEN}`,
  );
});

Deno.test("transact() decodes an answer that fills its slot, and every slot", () => {
  const sentence = "x".repeat(4096 - 36 - 4 - 1);
  const { connection } = connect({
    answer: (sent) => acknowledge(sent).map((_, index) => refusal(index + 1, EINVAL, { sentence })),
  });
  const answers = connection.transact(new Array(64).fill(CHANGE));
  assertEquals(new Set(answers.map((answer) => answer.sentence)), new Set([sentence]));
});

Deno.test("deviceIndex() returns what the socket found", () => {
  assertEquals(connect({ devices: { eth0: 4 } }).connection.deviceIndex("eth0"), 4);
});

Deno.test("deviceIndex() throws ENODEV with the name, when there is none", () => {
  const { connection } = connect({});
  const error: NetlinkError = assertThrows(() => connection.deviceIndex("eth9"), NetlinkError);
  assertEquals([error.errno, error.message], [ENODEV, "Cannot find device eth9: no such device (ENODEV)"]);
});

Deno.test("[Symbol.dispose]() closes the socket, also when the block throws", () => {
  const { socket, connection } = connect({ sends: [-EPERM] });
  assertThrows(() => {
    using closing = connection;
    closing.transact([CHANGE]);
  }, NetlinkError);
  assertEquals(socket.closed, 1);
});
