import { assertEquals } from "@std/assert";
// @ts-types="../snapshot.d.ts"
import { assertSnapshot } from "@std/testing/snapshot";
import { parseArguments } from "../../cli/arguments.ts";
import { describeFailure } from "../../cli/failure.ts";
import { Interrupted, UsageError } from "../../cli/exit_status.ts";
import { UnsupportedError } from "../../linux/libc.ts";
import { NetlinkError, Operation } from "../../linux/netlink_error.ts";
import { onGate } from "../../plug/queue.ts";
import { QueueError, type QueueErrorCode } from "../../plug/queue_error.ts";

/** Something that is done to a device. */
function onDevice(text: string, dev: string): Operation {
  return new Operation(text, { dev });
}

/** Every code, and the exit status that it is to have. */
const STATUS_OF_CODE: Readonly<Record<QueueErrorCode, number>> = {
  "already-attached": 1,
  "broken-gate": 1,
  "different-gate": 1,
  "foreign-qdisc": 1,
  "handle-in-use": 1,
  "held": 1,
  "name-in-use": 1,
  "no-device": 1,
  "no-gate": 1,
  "no-module": 4,
  "no-parent": 1,
  "no-permission": 4,
  "no-way-back": 1,
  "not-a-gate": 1,
  "not-attached": 1,
  "not-drained": 1,
  "priority-in-use": 1,
  "refused": 1,
  "vanished": 1,
  "would-bypass": 1,
  "would-lock-out": 1,
  "would-orphan": 1,
};

Deno.test("describeFailure() says what was being done, what is in the way and what to do, for each QueueError", async (t) => {
  const failures = Object.keys(STATUS_OF_CODE).map((code) =>
    describeFailure(
      new QueueError(code as QueueErrorCode, onDevice("buffer eth0 (root)", "eth0"), { reason: "REASON" }),
    )
  );
  assertEquals(failures.map(({ status }) => status), Object.values(STATUS_OF_CODE));
  await assertSnapshot(t, failures.map(({ message }) => message).join("\n"));
});

Deno.test("describeFailure() names the device that it is about, where the command line named several", () => {
  const error = new QueueError("already-attached", onDevice("attach to eth1 (parent 1:4)", "eth1"), {
    reason: "REASON",
  });
  assertEquals(
    describeFailure(error, parseArguments("attach --netns web --dev eth0 --dev eth1 --parent 1:4".split(" "))).message,
    "cannot attach to eth1 (parent 1:4): REASON; detach it first with: " +
      "plugctl detach --dev eth1 --parent 1:4 --netns web",
  );
});

Deno.test("describeFailure() says what to do about a gate, and which module is missing", () => {
  const error = (code: QueueErrorCode, reason = "REASON", module?: string) =>
    new QueueError(code, onGate("web", "delete"), { reason, module });
  assertEquals(
    describeFailure(error("not-drained")).message,
    "cannot delete gate web: REASON; try again, or discard the held packets with: plugctl gate delete web --drop",
  );
  assertEquals(
    describeFailure(error("no-module", "this kernel has no act_mirred, needed to create a filter", "act_mirred"))
      .message,
    "cannot delete gate web: this kernel has no act_mirred, needed to create a filter; " +
      "load it with: modprobe act_mirred; if that fails, plugctl doctor says what to do",
  );
});

function entering(namespace: string): Operation {
  return new Operation(`enter network namespace ${namespace}`, { enters: namespace, takes: "CAP_SYS_PTRACE" });
}

const OTHERS: [error: unknown, status: number][] = [
  [new NetlinkError("buffer eth0", { errno: 1 }), 4],
  [new NetlinkError("buffer eth0", { errno: 13 }), 4],
  [new NetlinkError(entering("pid:1"), { errno: 13, sentence: "cannot open /proc/1/ns/net" }), 4],
  [new NetlinkError(entering("web"), { errno: 2, sentence: "cannot open /run/netns/web" }), 1],
  [new NetlinkError(entering("pid:9"), { errno: 2, sentence: "cannot open /proc/9/ns/net" }), 1],
  [new NetlinkError(entering("/etc/passwd"), { errno: 22 }), 1],
  [new NetlinkError("find device eth0", { errno: 19 }), 1],
  [new NetlinkError("list qdiscs", { errno: 105 }), 1],
  [new NetlinkError("create plug", { errno: 22, sentence: "Invalid qdisc name" }), 1],
  [new UnsupportedError("Cannot open the C library: this needs Linux, with glibc or musl"), 4],
  [new Deno.errors.NotCapable('Requires ffi access to "libc.so.6", run again with the --allow-ffi flag'), 4],
  [new UsageError('unknown command "x"'), 2],
  [new Interrupted("SIGHUP"), 129],
  [new Interrupted("SIGINT"), 130],
  [new Interrupted("SIGTERM"), 143],
  [new RangeError("Cannot send 9 bytes: the send region has 8"), 1],
  [new Error(), 1],
  ["thrown text", 1],
  [undefined, 1],
];

Deno.test("describeFailure() gives each other error its message and its status", async (t) => {
  const failures = OTHERS.map(([error]) => describeFailure(error));
  assertEquals(failures.map(({ status }) => status), OTHERS.map(([, status]) => status));
  await assertSnapshot(t, failures.map(({ message }) => message).join("\n"));
});

Deno.test("describeFailure() describes each of several errors on a line, with the status of the first", () => {
  const errors = ["a", "b"].map((dev) =>
    new QueueError("not-attached", onDevice(`buffer ${dev} (root)`, dev), { reason: "no plug" })
  );
  const permission = new NetlinkError("buffer c (root)", { errno: 1 });
  const { message, status } = describeFailure(new AggregateError([...errors, permission]));
  assertEquals(status, 1);
  assertEquals(message.split("\n"), [
    "cannot buffer a (root): no plug; attach one with: plugctl attach a",
    "cannot buffer b (root): no plug; attach one with: plugctl attach b",
    "cannot buffer c (root): operation not permitted (EPERM); " +
    "run it as root, or give the program CAP_NET_ADMIN: plugctl doctor says how",
  ]);
  assertEquals(describeFailure(new AggregateError([permission, ...errors])).status, 4);
});

Deno.test("describeFailure() puts the device's name into the advice as it is, when it looks like a pattern", () => {
  const error = new QueueError("not-attached", "buffer a", { reason: "no plug" });
  assertEquals(
    describeFailure(error, parseArguments(["buffer", "--dev", "$&$1"])).message,
    "cannot buffer a: no plug; attach one with: plugctl attach --dev $&$1",
  );
});

/** What the command line gave, and how the advice repeats it. */
const HINTS: [line: string, code: QueueErrorCode, advice: string][] = [
  ["buffer eth0 --netns b", "not-attached", "attach one with: plugctl attach eth0 --netns b"],
  ["buffer --dev eth0 --netns b", "not-attached", "attach one with: plugctl attach --dev eth0 --netns b"],
  ["buffer eth0 --parent 1:4", "not-attached", "attach one with: plugctl attach eth0 --parent 1:4"],
  ["attach eth0 --netns b", "no-parent", "list the classes with: tc -netns b class show dev eth0"],
  ["attach eth0 --netns pid:7", "no-device", "list the devices with: nsenter --net=/proc/7/ns/net ip link"],
  ["attach eth0 --netns /run/x", "no-device", "list the devices with: nsenter --net=/run/x ip link"],
  ["gate delete web --netns b", "no-gate", "list the gates with: plugctl gate list --netns b"],
];

Deno.test("describeFailure() gives advice that repeats the options of the command line", () => {
  for (const [line, code, advice] of HINTS) {
    const error = new QueueError(code, "X", { reason: "REASON", dev: "eth0" });
    assertEquals(describeFailure(error, parseArguments(line.split(" "))).message, `cannot X: REASON; ${advice}`, line);
  }
  const held = new QueueError("held", onGate("web", "hold"), { reason: "REASON" });
  assertEquals(
    describeFailure(held, parseArguments("hold web --for 1s --netns b".split(" "))).message,
    "cannot hold gate web: REASON; wait until that has ended, or end it with: plugctl release web --netns b",
  );
});

Deno.test("describeFailure() advises nobody to destroy what is there: a gate comes first, and --replace is told what it costs", () => {
  const error = new QueueError("foreign-qdisc", "attach to eth0 (root)", { reason: "tbf 1: is there", dev: "eth0" });
  for (const line of ["attach eth0", "hold eth0 --for 1s"]) {
    assertEquals(
      describeFailure(error, parseArguments(line.split(" "))).message,
      "cannot attach to eth0 (root): tbf 1: is there; keep it, and hold packets with a gate: " +
        "plugctl gate add NAME --dev eth0 --direction egress; " +
        "plugctl attach eth0 --replace would delete it, with its settings, for good",
    );
  }
  assertEquals(describeFailure(error, parseArguments(["buffer", "eth0"])).message.includes("--replace"), false);
});

Deno.test("describeFailure() tells who lacks the permission what was asked for, and not the step that failed", () => {
  const error = new NetlinkError("open the network namespace of a socket", { errno: 1 });
  assertEquals(describeFailure(error, parseArguments("hold eth0 --for 1s".split(" "))), {
    message: "cannot hold eth0: it takes root, or CAP_NET_ADMIN; plugctl doctor says how",
    status: 4,
  });
});

Deno.test("describeFailure() says a command with the namespace that was given, also where the error has one of its own", () => {
  const error = new QueueError("refused", "add gate web", {
    reason: "REASON",
    remedy: ({ netns, there }) => `do plugctl show${netns}, or ${there("tc qdisc add dev x clsact")}`,
  });
  assertEquals(error.message, "Cannot add gate web: REASON; do plugctl show, or tc qdisc add dev x clsact");
  const told = (line: string) => describeFailure(error, parseArguments(line.split(" "))).message;
  assertEquals(
    told("gate add web x --direction in"),
    "cannot add gate web: REASON; do plugctl show, or tc qdisc add dev x clsact",
  );
  assertEquals(
    told("gate add web x --direction in --netns b"),
    "cannot add gate web: REASON; do plugctl show --netns b, or tc -netns b qdisc add dev x clsact",
  );
  assertEquals(
    told("gate add web x --direction in --netns pid:7"),
    "cannot add gate web: REASON; do plugctl show --netns pid:7, or nsenter --net=/proc/7/ns/net tc qdisc add dev x clsact",
  );
});
