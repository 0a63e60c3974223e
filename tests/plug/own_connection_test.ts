// A plug that opens its connection itself closes it too. On this machine's kernel, in a namespace of its own.
import { assertEquals, assertThrows } from "@std/assert";
import { Plug } from "../../plug/plug.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { namespaceTest } from "../netlink/own_namespace.ts";
import { openSockets } from "../netlink/open_files.ts";

namespaceTest("open() leaves no socket open, when the plug is disposed of", () => {
  const before = openSockets();
  {
    using plug = Plug.open({ dev: "lo" });
    assertEquals([openSockets().size, plug.place.ifindex], [before.size + 1, 1]);
  }
  assertEquals(openSockets(), before);
});

namespaceTest("open() and attach() leave no socket open, when they throw", () => {
  const before = openSockets();
  assertThrows(() => Plug.open({ dev: "none" }), QueueError, "there is no such device");
  assertThrows(() => Plug.attach({ dev: "none" }), QueueError, "there is no such device");
  assertThrows(() => Plug.attach({ dev: "lo", limitBytes: 0 }), RangeError);
  assertEquals(openSockets(), before);
});

namespaceTest("a plug that was disposed of throws, when it is used", () => {
  const plug = Plug.open({ dev: "lo" });
  plug[Symbol.dispose]();
  assertThrows(() => plug.stats(), TypeError, "Cannot use the plug on lo: it was detached or disposed of");
});
