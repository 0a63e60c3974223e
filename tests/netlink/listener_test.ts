// Listeners on the kernel that runs the tests, in a network namespace of their own.
import { assert, assertEquals } from "@std/assert";
import {
  NLM_F_REQUEST,
  type QdiscRequest,
  RTM_DELQDISC,
  RTM_NEWLINK,
  RTM_NEWQDISC,
  TC_H_ROOT,
  TCQ_PLUG_RELEASE_INDEFINITE,
  treeRequest,
} from "../../codec/mod.ts";
import { inNewNamespace } from "../../linux/namespace.ts";
import { ENODEV } from "../../linux/netlink_error.ts";
import { GROUP_LINK, GROUP_REQUESTS, GROUP_TC, openSocket } from "../../linux/socket.ts";
import { Connection } from "../../netlink/connection.ts";
import { Listener } from "../../netlink/listener.ts";
import { FakeListener } from "../plug/fake_listener.ts";
import { namespaceTest } from "./own_namespace.ts";
import { makeQdisc } from "./raw_requests.ts";

const IFINDEX = 77;
const CHANGE: QdiscRequest = {
  type: RTM_NEWQDISC,
  ifindex: IFINDEX,
  handle: 0x70000,
  parent: TC_H_ROOT,
  plug: { action: TCQ_PLUG_RELEASE_INDEFINITE, limit: 0 },
};
const anything = () => true;

namespaceTest(
  "hears() tells of a request that was to be overheard, whatever the kernel answered, and of no other",
  () => {
    using listener = Listener.open({ groups: GROUP_REQUESTS });
    using connection = Connection.open();
    assert(!listener.hears(anything));
    assertEquals(connection.transact([CHANGE])[0].errno, ENODEV);
    assert(!listener.hears(anything));

    connection.transact([CHANGE, { ...CHANGE, ifindex: IFINDEX + 1 }], { overheard: true });
    const seen: number[] = [];
    assert(
      !listener.hears(({ type, ifindex }) => {
        if (type === RTM_NEWQDISC) seen.push(ifindex);
        return false;
      }),
    );
    assertEquals(seen, [IFINDEX, IFINDEX + 1]);
    assert(!listener.hears(anything), "each is heard once");

    inNewNamespace(() => {
      using elsewhere = Connection.open();
      elsewhere.transact([CHANGE], { overheard: true });
    });
    assert(!listener.hears(anything), "another namespace is out of earshot");
  },
);

namespaceTest("hears() tells of what the kernel says, which is no request", () => {
  const lo = 1;
  using socket = openSocket();
  makeQdisc(socket, { kind: "pfifo", ifindex: lo, handle: 0x12340000 });
  using listener = Listener.open({ groups: GROUP_TC });
  using connection = Connection.open();
  connection.transact([{ type: RTM_DELQDISC, ifindex: lo, handle: 0x12340000, parent: TC_H_ROOT }]);
  assert(
    listener.hears(({ type, flags, ifindex, handle, parent }) =>
      type === RTM_DELQDISC && (flags & NLM_F_REQUEST) === 0 && ifindex === lo && handle === 0x12340000 &&
      parent === TC_H_ROOT
    ),
  );
});

namespaceTest("hears() passes over more than its socket has room for", () => {
  using listener = Listener.open({ groups: GROUP_REQUESTS });
  using connection = Connection.open();
  const many = new Array(256).fill(CHANGE);
  for (let count = 0; count < 100; count++) connection.transact(many, { overheard: true });
  assert(listener.hears(({ ifindex }) => ifindex === IFINDEX));
  connection.transact([{ ...CHANGE, ifindex: 78 }], { overheard: true });
  assert(listener.hears(({ ifindex }) => ifindex === 78));
  assertEquals([listener.takeLoss(), listener.takeLoss()], [true, false]);
});

Deno.test("takeLoss() also tells of a loss that no call has failed for", () => {
  const socket = new FakeListener(GROUP_TC);
  using listener = new Listener(socket);
  assertEquals([listener.hears(anything), listener.takeLoss()], [false, false]);
  socket.lost = 3;
  assertEquals([listener.hears(anything), listener.takeLoss(), listener.takeLoss()], [false, true, false]);
});

namespaceTest("readable() resolves when something is said, and when the listener is disposed of", async () => {
  using connection = Connection.open();
  const listener = Listener.open({ groups: GROUP_REQUESTS });
  const said = listener.readable();
  connection.transact([CHANGE], { overheard: true });
  await said;
  assert(listener.hears(anything));
  const disposed = listener.readable();
  listener[Symbol.dispose]();
  listener[Symbol.dispose]();
  await disposed;
});

namespaceTest("mayHaveChanged() is so once something was said, also while nothing is waited for", async () => {
  using connection = Connection.open();
  const ifindex = connection.deviceIndex("lo");
  const asked = () => connection.mayHaveChanged(GROUP_LINK);
  const change = (txqueuelen: number) => {
    connection.request("change lo", treeRequest({ type: RTM_NEWLINK, ifindex, txqueuelen }));
  };
  assertEquals([asked(), asked(), asked()], [true, true, false]);
  change(7);
  await Promise.resolve();
  assertEquals([asked(), asked()], [true, false]);
  change(8);
  assert(Array.from({ length: 65 }, asked).includes(true));
});
