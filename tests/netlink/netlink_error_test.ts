import { assertEquals, assertInstanceOf } from "@std/assert";
import { NetlinkError, Operation } from "../../linux/netlink_error.ts";

Deno.test("NetlinkError() keeps operation, errno, its name, the sentence and the offset apart", () => {
  const error = new NetlinkError("create plug", { errno: 22, sentence: "Invalid qdisc name", offset: 36 });
  const { name, operation, errno, code, sentence, offset, message } = error;
  assertEquals({ name, operation, errno, code, sentence, offset, message }, {
    name: "NetlinkError",
    operation: "create plug",
    errno: 22,
    code: "EINVAL",
    sentence: "Invalid qdisc name",
    offset: 36,
    message: "Cannot create plug: Invalid qdisc name (EINVAL)",
  });
  assertInstanceOf(error, Error);
});

Deno.test("NetlinkError() says the errno in words, when the kernel sent no sentence", () => {
  const { sentence, offset, message } = new NetlinkError("open a netlink socket", { errno: 1 });
  assertEquals([sentence, offset], ["", 0]);
  assertEquals(message, "Cannot open a netlink socket: operation not permitted (EPERM)");
});

Deno.test("NetlinkError() names the number, when the errno has no name", () => {
  const { code, message } = new NetlinkError("dump qdiscs", { errno: 4711 });
  assertEquals([code, message], ["errno 4711", "Cannot dump qdiscs: errno 4711 (errno 4711)"]);
});

Deno.test("NetlinkError() keeps the cause", () => {
  const cause = new TypeError("first");
  assertEquals(new NetlinkError("dump qdiscs", { errno: 2 }, { cause }).cause, cause);
});

Deno.test("NetlinkError() names the capability that an operation takes, when it is forbidden, and else not", () => {
  const operation = new Operation("open a packet socket", { takes: "CAP_NET_RAW" });
  const messages = [1, 13, 2].map((errno) => new NetlinkError(operation, { errno }).message);
  assertEquals(messages, [
    "Cannot open a packet socket: it takes root, or CAP_NET_RAW (EPERM)",
    "Cannot open a packet socket: it takes root, or CAP_NET_RAW (EACCES)",
    "Cannot open a packet socket: no such thing (ENOENT)",
  ]);
  const { message } = new NetlinkError(operation, { errno: 13, sentence: "cannot open /proc/1" });
  assertEquals(message, "Cannot open a packet socket: cannot open /proc/1: it takes root, or CAP_NET_RAW (EACCES)");
});
