// Real sockets, on the kernel that runs the tests, in a network namespace of their own.
import { assert, assertEquals, assertNotEquals, assertObjectMatch, assertThrows } from "@std/assert";
import {
  CHUNK_MAX,
  type Message,
  NLM_F_CREATE,
  NLM_F_EXCL,
  type QdiscRequest,
  RTM_DELQDISC,
  RTM_GETLINK,
  RTM_GETQDISC,
  RTM_GETROUTE,
  RTM_NEWQDISC,
  SEND_LEN,
  sendRegion,
  SLOT_LEN,
  TC_H_ROOT,
} from "../../codec/mod.ts";
import { inNamespace, inNewNamespace } from "../../linux/namespace.ts";
import { EEXIST, EINVAL, ENODEV, ENOENT, NetlinkError } from "../../linux/netlink_error.ts";
import { openSocket } from "../../linux/socket.ts";
import { Connection } from "../../netlink/connection.ts";
import { attribute, message, u32 } from "./messages.ts";
import { openFiles } from "./open_files.ts";
import { namespaceTest } from "./own_namespace.ts";
import { makeDevice, makeQdisc, sendBytes } from "./raw_requests.ts";

const LO = 1;
const IFF_LOOPBACK = 0x8;
const ARPHRD_LOOPBACK = 772;
const AF_INET = 2;
const ENETUNREACH = 101;
const CHANGE: QdiscRequest = {
  type: RTM_NEWQDISC,
  ifindex: LO,
  handle: 0x70000,
  parent: TC_H_ROOT,
  plug: { action: 0, limit: 0 },
};
/** `RTM_GETLINK` of index 1, with `NLM_F_REQUEST` and `NLM_F_ACK`. */
const GET_LO = "20000000120005006f0000000000000000000000010000000000000000000000";
/** What a refusal has before the request: `struct nlmsghdr` and the errno. */
const ECHO_LEN = 20;
const QDISCS: QdiscRequest = { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 };

namespaceTest("request() reads the link message of loopback", () => {
  using connection = Connection.open();
  const link = connection.request("read lo", { type: RTM_GETLINK, ifindex: LO });
  assertObjectMatch(link, {
    about: "link",
    ifindex: LO,
    name: "lo",
    arpType: ARPHRD_LOOPBACK,
    linkFlags: IFF_LOOPBACK,
  });
  assertObjectMatch(link, { mtu: 65536, txqueuelen: 1000, master: 0, link: 0, alias: "", kind: "" });
});

namespaceTest("transact() has an answer to each of 500 questions, whose answers are long", () => {
  using connection = Connection.open();
  const answers = connection.transact(Array.from({ length: 500 }, () => ({ type: RTM_GETLINK, ifindex: LO })));
  assertEquals(new Set(answers.map(({ errno, message }) => `${errno} ${message?.about}`)), new Set(["0 link"]));
});

namespaceTest("dump() lists loopback among the links", () => {
  using connection = Connection.open();
  const links = connection.dump("list links", { type: RTM_GETLINK, ifindex: 0 });
  assertEquals(links.filter((link) => link.about === "link" && link.name === "lo").length, 1);
});

namespaceTest("dump() reads a list to its end, when it takes many reads", () => {
  using socket = openSocket();
  const count = 100;
  for (let index = 0; index < count; index++) makeDevice(socket, { name: `many${index}`, ifindex: 1000 + index });
  let reads = 0;
  using connection = Connection.open({ trace: (direction) => direction === "received" && reads++ });
  const links = connection.dump("list links", { type: RTM_GETLINK, ifindex: 0 });
  const made = links.filter((link) => link.about === "link" && /^many\d+$/.test(link.name));
  assertEquals(made.length, count);
  assert(reads > 2, `${reads} reads`);
});

namespaceTest("dump() shows kind, handle, parent and statistics of a qdisc, when one was made", () => {
  using connection = Connection.open();
  using socket = openSocket();
  makeQdisc(socket, { kind: "pfifo", ifindex: LO, handle: 0x12340000 });
  const [qdisc] = madeQdiscs(connection);
  assertObjectMatch(qdisc, { kind: "pfifo", ifindex: LO, handle: 0x12340000, parent: TC_H_ROOT });
  assertObjectMatch(qdisc, { stats: { packets: 0, bytes: 0, backlogPackets: 0, drops: 0 } });
});

namespaceTest("transact() deletes a qdisc, and is refused, when it does so again", () => {
  using connection = Connection.open();
  using socket = openSocket();
  makeQdisc(socket, { kind: "pfifo", ifindex: LO, handle: 0x10000 });
  const remove: QdiscRequest = { type: RTM_DELQDISC, ifindex: LO, handle: 0x10000, parent: TC_H_ROOT };
  assertEquals(connection.transact([remove, remove]).map(({ errno }) => errno), [0, EINVAL]);
  assertEquals(
    connection.dump("list qdiscs", QDISCS).filter((each) => each.about === "qdisc" && each.handle !== 0),
    [],
  );
});

namespaceTest("transact() returns errno and the kernel's sentence, when it refuses", () => {
  using connection = Connection.open();
  using socket = openSocket();
  makeQdisc(socket, { kind: "pfifo", ifindex: LO, handle: 0x10000 });
  const [absent, other, override, exclusive, parent] = connection.transact([
    { ...CHANGE, ifindex: 0x7fffffff },
    { ...CHANGE, handle: 0x10000 },
    CHANGE,
    { ...CHANGE, handle: 0x10000, flags: NLM_F_CREATE | NLM_F_EXCL },
    { ...CHANGE, parent: 0x990001 },
  ]);
  assertEquals([absent.errno, absent.sentence], [ENODEV, ""]);
  // Newer kernels say more behind a colon.
  assertEquals([other.errno, other.sentence.split(":")[0]], [EINVAL, "Invalid qdisc name"]);
  assertEquals([override.errno, override.sentence], [EEXIST, "NLM_F_REPLACE needed to override"]);
  assertEquals([exclusive.errno, exclusive.sentence], [EEXIST, "Exclusivity flag on, cannot modify"]);
  assertEquals([parent.errno, parent.sentence], [ENOENT, "Failed to find specified qdisc"]);
});

namespaceTest("transact() gives each of 600 requests its own answer", () => {
  using connection = Connection.open();
  const absent = { ...CHANGE, ifindex: 0x7fffffff };
  const answers = connection.transact(Array.from({ length: 600 }, (_, index) => index % 3 === 0 ? absent : CHANGE));
  assertEquals(answers.map(({ errno }) => errno), answers.map((_, index) => index % 3 === 0 ? ENODEV : ENOENT));
});

namespaceTest("transact() drops the parts of a dump that nobody read", () => {
  using socket = openSocket();
  sendBytes(socket, Uint8Array.fromHex(`20000000120001036f000000${"00".repeat(20)}`));
  using connection = new Connection(socket);
  assertEquals(connection.transact([{ ...CHANGE, ifindex: 0x7fffffff }]).map(({ errno }) => errno), [ENODEV]);
});

namespaceTest("request() throws, when no route leads to an address", () => {
  using connection = Connection.open();
  const destination = Uint8Array.of(192, 0, 2, 1);
  const error: NetlinkError = assertThrows(
    () => connection.request("find a route", { type: RTM_GETROUTE, family: AF_INET, destination }),
    NetlinkError,
  );
  assertEquals(error.errno, ENETUNREACH);
});

namespaceTest("deviceIndex() finds loopback, and a device whose index needs 31 bits", () => {
  using socket = openSocket();
  makeDevice(socket, { name: "fifteen-letters", ifindex: 0x6789abcd });
  assertEquals([socket.deviceIndex("lo"), socket.deviceIndex("fifteen-letters")], [LO, 0x6789abcd]);
});

namespaceTest("deviceIndex() throws ENODEV, when there is no such device", () => {
  using connection = Connection.open();
  const error: NetlinkError = assertThrows(() => connection.deviceIndex("none"), NetlinkError);
  assertEquals(error.errno, ENODEV);
});

namespaceTest("deviceIndex() throws a RangeError, when no device can have the name", () => {
  using connection = Connection.open();
  for (const name of ["", "sixteen-letters!", "äöüäöüäö", "lo\0", "lo:1", "lo/", "l o"]) {
    assertThrows(() => connection.deviceIndex(name), RangeError, `${JSON.stringify(name)} is not a device name`);
  }
});

namespaceTest("send() takes and returns a length of 17 bits", () => {
  using socket = openSocket();
  // A header of length 0: the kernel reads no further.
  sendRegion.fill(0);
  assertEquals(socket.send(SEND_LEN), 0x10000);
});

namespaceTest("receive() and receiveSlots() return the whole length, when there is less room", () => {
  using socket = openSocket();
  const lengths = new Uint32Array(1);
  sendBytes(socket, refusedRequest(SLOT_LEN));
  assertEquals([socket.receiveSlots(lengths), lengths[0]], [1, SLOT_LEN + ECHO_LEN]);
  sendBytes(socket, refusedRequest(SEND_LEN));
  assertEquals(socket.receive(), CHUNK_MAX + ECHO_LEN);
});

namespaceTest("wait() returns false, when nothing comes, and true, when there is an answer", () => {
  using socket = openSocket();
  assertEquals(socket.wait(1), false);
  sendBytes(
    socket,
    Uint8Array.fromHex(GET_LO),
  );
  assertEquals(socket.wait(60_000), true);
});

namespaceTest("openSocket() makes a socket that no child process inherits", () => {
  const before = openFiles();
  using _socket = openSocket();
  const [fd] = openFiles().difference(before);
  const O_CLOEXEC = 0o2000000;
  const flags = /flags:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`))?.[1];
  assertEquals(parseInt(flags ?? "", 8) & O_CLOEXEC, O_CLOEXEC);
});

namespaceTest("[Symbol.dispose]() closes the socket once, when it is called twice", () => {
  const socket = openSocket();
  socket[Symbol.dispose]();
  using other = openSocket();
  socket[Symbol.dispose]();
  assertEquals([socket.send(16), other.deviceIndex("lo")], [-9, LO]);
});

namespaceTest("open() and inNamespace() leave no file open, whether they succeed or not", () => {
  using here = keepNamespace();
  const before = openFiles();
  for (let round = 0; round < 20; round++) {
    using _connection = Connection.open();
    using _again = Connection.open({ netns: here.path });
    for (const netns of ["no-such-namespace", "pid:2147483647", "/proc/self/status"]) {
      assertThrows(() => Connection.open({ netns }), NetlinkError);
    }
    assertThrows(() => inNamespace(here.path, fail), EvalError);
  }
  assertEquals(openFiles(), before);
});

namespaceTest("inNamespace() is there during the work, and back afterwards, also when the work throws", () => {
  const away = whereAmI();
  using kept = keepNamespace();
  inNewNamespace(() => {
    const home = whereAmI();
    assertNotEquals(home, away);
    assertEquals(inNamespace(kept.path, whereAmI), away);
    assertEquals(whereAmI(), home);
    assertThrows(() => inNamespace(kept.path, fail), EvalError);
    assertEquals(whereAmI(), home);
  });
  assertEquals(whereAmI(), away);
});

namespaceTest("inNewNamespace() is back, when the work throws", () => {
  const home = whereAmI();
  assertThrows(() => inNewNamespace(fail), EvalError);
  assertEquals(whereAmI(), home);
});

namespaceTest("inNamespace() throws and stays, when there is no such namespace, or it is none", () => {
  const home = whereAmI();
  const absent: NetlinkError = assertThrows(() => inNamespace("no-such-namespace", fail), NetlinkError);
  assertEquals([absent.operation, absent.errno], ["enter network namespace no-such-namespace", ENOENT]);
  const none: NetlinkError = assertThrows(() => inNamespace("/proc/self/status", fail), NetlinkError);
  assertEquals([none.operation, none.errno], ["enter network namespace /proc/self/status", EINVAL]);
  assertEquals(whereAmI(), home);
});

namespaceTest("open() makes a socket that stays in the namespace named", () => {
  using socket = openSocket();
  makeDevice(socket, { name: "only-here", ifindex: 1000 });
  using kept = keepNamespace();
  inNewNamespace(() => {
    using there = Connection.open({ netns: kept.path });
    using here = Connection.open();
    assertEquals(there.deviceIndex("only-here"), 1000);
    assertThrows(() => here.deviceIndex("only-here"), NetlinkError, "ENODEV");
  });
});

namespaceTest("transact() is answered EPERM, when the process has no CAP_NET_ADMIN", () => {
  const script = new URL("unprivileged.ts", import.meta.url).pathname;
  const { stdout, stderr } = new Deno.Command("setpriv", {
    args: ["--bounding-set=-net_admin", "--inh-caps=-net_admin", Deno.execPath(), "run", "-A", "--no-check", script],
  }).outputSync();
  assertEquals(new TextDecoder().decode(stdout), "EPERM\nEPERM\n", new TextDecoder().decode(stderr));
});

/** The qdiscs of this namespace that the kernel did not make by itself. */
function madeQdiscs(connection: Connection): Message[] {
  return connection.dump("list qdiscs", QDISCS).filter((each) => each.about === "qdisc" && each.handle !== 0);
}

/** A change of no device, in so many bytes, all of which the kernel's refusal echoes. */
function refusedRequest(length: number): Uint8Array {
  const REQUEST = 1;
  const attributes = attribute(0, new Uint8Array(length - 40));
  return message({ type: RTM_NEWQDISC, flags: REQUEST, sequence: 1 }, u32(0, 0x7fffffff, 0, 0, 0), attributes);
}

function fail(): never {
  throw new EvalError("on purpose");
}

function whereAmI(): string {
  return Deno.readLinkSync("/proc/thread-self/ns/net");
}

/** A path that leads to the namespace that this is called in, as long as it is kept. */
function keepNamespace(): Disposable & { path: string } {
  const file = Deno.openSync("/proc/thread-self/ns/net");
  const here = whereAmI();
  const fd = [...openFiles()].find((fd) => Deno.readLinkSync(`/proc/self/fd/${fd}`) === here);
  return { path: `/proc/self/fd/${fd}`, [Symbol.dispose]: () => file.close() };
}
