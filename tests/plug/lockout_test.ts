// Which devices are not held without being asked twice: those that this machine is reached by.
import { assertEquals, assertThrows } from "@std/assert";
import { Plug } from "../../plug/plug.ts";
import { FIRST_HANDLE } from "../../plug/plug_requests.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { Connection } from "../../netlink/connection.ts";
import { FakeSocket } from "../netlink/fake_socket.ts";
import { FakeKernel } from "./fake_kernel.ts";
import type { FakeRoute } from "./kernel_messages.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const UNICAST = 1;
const BLACKHOLE = 6;
const PER_DEVICE = "the device carries the default route, which it would hold too";

/** Devices eth0, eth1 and so on, and routes over them. */
function world(
  { routes = [], devices = [] }: { routes?: FakeRoute[]; devices?: Parameters<FakeKernel["addDevice"]>[1][] },
) {
  const kernel = new FakeKernel();
  devices.forEach((device, index) => kernel.addDevice(`eth${index}`, device));
  kernel.routes.push(...routes);
  return kernel;
}

function defaultRoute(...ifindexes: number[]): FakeRoute {
  return { family: AF_INET, destinationLength: 0, routeType: UNICAST, ifindexes };
}

/** The names of those devices that a plug is refused to hold, for which reason. */
function refusals(kernel: FakeKernel): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { name } of kernel.devices) {
    const plug = Plug.attach({ dev: name, connection: kernel.connection });
    try {
      plug.buffer();
    } catch (error) {
      if (!(error instanceof QueueError) || error.code !== "would-lock-out") throw error;
      found[name] = error.reason;
    }
  }
  return found;
}

/** Does something as a child of an SSH server would, or with `undefined` as none. */
function inSession<T>(connection: string | undefined, work: () => T): T {
  const before = Deno.env.get("SSH_CONNECTION");
  set(connection);
  try {
    return work();
  } finally {
    set(before);
  }
}

function set(connection: string | undefined): void {
  // Empty it is none; without it that of whoever runs the tests counts.
  Deno.env.set("SSH_CONNECTION", connection ?? "");
}

function lockoutTest(name: string, body: () => void): void {
  Deno.test(name, () => inSession(undefined, body));
}

lockoutTest("buffer() goes through, when no default route leads over the device", () => {
  assertEquals(refusals(world({ devices: [{}, {}] })), {});
  const elsewhere = { family: AF_INET, destinationLength: 24, routeType: UNICAST, ifindexes: [1] };
  const nowhere = { family: AF_INET, destinationLength: 0, routeType: BLACKHOLE, ifindexes: [1] };
  assertEquals(refusals(world({ devices: [{}], routes: [elsewhere, nowhere] })), {});
});

lockoutTest("buffer() is refused on the device of a default route, IPv4 or IPv6, and on no other", () => {
  for (const family of [AF_INET, AF_INET6]) {
    const kernel = world({ devices: [{}, {}], routes: [{ ...defaultRoute(2), family }] });
    assertEquals(refusals(kernel), { eth1: PER_DEVICE });
  }
});

lockoutTest("buffer() is refused on every device of a multipath default route, up to nine and beyond", () => {
  const two = world({ devices: [{}, {}, {}], routes: [defaultRoute(1, 3)] });
  assertEquals(Object.keys(refusals(two)), ["eth0", "eth2"]);
  const twelve = world({
    devices: Array.from({ length: 13 }, () => ({})),
    routes: [defaultRoute(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)],
  });
  assertEquals(Object.keys(refusals(twelve)).slice(0, 12), twelve.devices.slice(0, 12).map(({ name }) => name));
});

lockoutTest(
  "buffer() is refused on the ports of a bridge and the slaves of a bond that carry the default route",
  () => {
    for (const kind of ["bridge", "bond", "team"]) {
      const kernel = world({ devices: [{ kind }, { master: 1 }, { master: 1 }, {}], routes: [defaultRoute(1)] });
      assertEquals(refusals(kernel), { eth0: PER_DEVICE, eth1: PER_DEVICE, eth2: PER_DEVICE });
    }
  },
);

lockoutTest("buffer() is refused on the device below a VLAN that carries the default route", () => {
  for (const kind of ["vlan", "macvlan", "ipvlan"]) {
    const kernel = world({ devices: [{ kind, link: 2 }, {}, {}], routes: [defaultRoute(1)] });
    assertEquals(refusals(kernel), { eth0: PER_DEVICE, eth1: PER_DEVICE });
  }
});

lockoutTest(
  "buffer() is refused at the bottom of a VLAN on a bond on two ports, in whatever order they are listed",
  () => {
    const kernel = world({
      devices: [{ master: 3 }, { master: 3 }, { kind: "bond" }, { kind: "vlan", link: 3 }],
      routes: [defaultRoute(4)],
    });
    assertEquals(Object.keys(refusals(kernel)), ["eth0", "eth1", "eth2", "eth3"]);
  },
);

lockoutTest("buffer() is refused on a veth, when its peer of this namespace carries the default route", () => {
  const kernel = world({ devices: [{ kind: "veth", link: 2 }, { kind: "veth", link: 1 }], routes: [defaultRoute(1)] });
  assertEquals(Object.keys(refusals(kernel)), ["eth0", "eth1"]);
});

lockoutTest("buffer() goes through above the device that carries the default route", () => {
  const kernel = world({ devices: [{ kind: "vlan", link: 2 }, {}], routes: [defaultRoute(2)] });
  assertEquals(Object.keys(refusals(kernel)), ["eth1"]);
});

/** How sshd writes a client, and what of it is asked of the kernel. */
const CLIENTS: [connection: string, asked: string][] = [
  ["192.0.2.7 50000 192.0.2.1 22", "192.0.2.7"],
  ["::ffff:192.0.2.7 50000 ::ffff:192.0.2.1 22", "192.0.2.7"],
  ["2001:db8::7 50000 2001:db8::1 22", "32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.7"],
  ["2001:db8:1234:5678:9abc:def0:0:1 50000 ::1 22", "32.1.13.184.18.52.86.120.154.188.222.240.0.0.0.1"],
  ["1:2:3:4:5:6:7:8 50000 ::1 22", "0.1.0.2.0.3.0.4.0.5.0.6.0.7.0.8"],
  ["::1 50000 ::1 22", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1"],
];

for (const [connection, asked] of CLIENTS) {
  Deno.test(`buffer() is refused on the device that leads to the SSH client, with SSH_CONNECTION=${connection}`, () => {
    inSession(connection, () => {
      const family = asked.split(".").length === 4 ? AF_INET : AF_INET6;
      const kernel = world({
        devices: [{}, {}],
        routes: [{ family, destinationLength: 64, routeType: UNICAST, ifindexes: [2] }],
      });
      // The server's address is not this machine's: the session may go on to another.
      assertEquals(refusals(kernel), { eth1: "the device may carry this SSH session, which it would hold too" });
      assertEquals(kernel.sends.flat().includes(`getroute ${asked}`), true);
    });
  });
}

Deno.test("buffer() is refused on the device of a link-local SSH client's scope, wherever a route leads", () => {
  inSession("fe80::7%eth1 50000 fe80::1%eth1 22", () => {
    const route = { family: AF_INET6, destinationLength: 64, routeType: UNICAST, ifindexes: [1] };
    assertEquals(Object.keys(refusals(world({ devices: [{}, {}], routes: [route] }))), ["eth1"]);
  });
  inSession("fe80::7%gone 50000 fe80::1%gone 22", () => assertEquals(refusals(world({ devices: [{}] })), {}));
});

Deno.test("buffer() is refused below a bridge that leads to the SSH client", () => {
  inSession("192.0.2.7 50000 192.0.2.1 22", () => {
    const route = { family: AF_INET, destinationLength: 24, routeType: UNICAST, ifindexes: [1] };
    const kernel = world({ devices: [{ kind: "bridge" }, { master: 1 }, {}], routes: [route] });
    assertEquals(Object.keys(refusals(kernel)), ["eth0", "eth1"]);
  });
});

Deno.test("buffer() goes through, when SSH_CONNECTION is no address, or no route leads there", () => {
  for (const connection of ["", "UNKNOWN 65535 UNKNOWN 65535", "192.0.2.7 50000 192.0.2.1 22"]) {
    inSession(connection, () => assertEquals(refusals(world({ devices: [{}] })), {}));
  }
});

lockoutTest("buffer() with force goes through, and after it also without", () => {
  const kernel = world({ devices: [{}], routes: [defaultRoute(1)] });
  const plug = Plug.attach({ dev: "eth0", connection: kernel.connection });
  plug.buffer({ force: true });
  plug.buffer();
  assertEquals(kernel.changes.slice(1), ["change 1 root 504c: buffer", "change 1 root 504c: buffer"]);
});

lockoutTest("buffer() asks again, when the plug passes once more", () => {
  const kernel = world({ devices: [{}], routes: [defaultRoute(1)] });
  const plug = Plug.attach({ dev: "eth0", connection: kernel.connection });
  plug.buffer({ force: true });
  plug.releaseIndefinite();
  assertThrows(() => plug.buffer(), QueueError, PER_DEVICE);
});

Deno.test("buffer() looks again once something was said of routes, and else sends nothing but the change", async () => {
  const kernel = world({ devices: [{}] });
  const said = new FakeSocket({ answer: () => [new Uint8Array(16)] });
  const connection = new Connection(kernel.socket, { listen: () => said });
  const plug = Plug.attach({ dev: "eth0", connection });
  const asked = () => {
    const before = kernel.sends.length;
    plug.buffer();
    plug.release();
    return kernel.sends.slice(before).flat();
  };
  const [change, release] = ["change 1 root 504c: buffer", "change 1 root 504c: release-indefinite"];
  // Routes are asked for, and no devices: there is nothing that could be locked out
  assertEquals([asked().length, asked().length], [3, 3]);
  assertEquals(asked(), [change, release]);

  said.send(0);
  kernel.routes.push(defaultRoute(1));
  await Promise.resolve();
  assertThrows(() => plug.buffer(), QueueError, PER_DEVICE);
  kernel.routes.pop();
  assertEquals(asked().length, 3);
  await Promise.resolve();
  assertEquals(asked(), [change, release]);
  connection[Symbol.dispose]();
  assertEquals(said.closed, 1);
});

lockoutTest("buffer() goes through on a class, which is not all of the device", () => {
  const kernel = world({ devices: [{}], routes: [defaultRoute(1)] });
  kernel.addQdisc(kernel.devices[0], { kind: "prio", handle: 0x10000 });
  Plug.attach({ dev: "eth0", connection: kernel.connection, parent: 0x10001 }).buffer();
  assertEquals(kernel.changes.at(-1), "change 1 1:1 504c: buffer");
});

lockoutTest(
  "attach() that holds is refused as buffer() is, and goes through with force; one that passes is not",
  () => {
    const kernel = world({ devices: [{}], routes: [defaultRoute(1)] });
    const place = { dev: "eth0", connection: kernel.connection };
    const error: QueueError = assertThrows(() => Plug.attach({ ...place, hold: true }), QueueError, PER_DEVICE);
    assertEquals([error.code, kernel.changes], ["would-lock-out", []]);
    Plug.attach({ ...place, hold: true, force: true })[Symbol.dispose]();
    assertEquals(Plug.attach(place).place.handle, FIRST_HANDLE);
  },
);

lockoutTest("releaseOne(), releaseIndefinite() and setLimit() go through on every device", () => {
  const kernel = world({ devices: [{}], routes: [defaultRoute(1)] });
  const plug = Plug.attach({ dev: "eth0", connection: kernel.connection });
  plug.releaseOne();
  plug.releaseIndefinite();
  plug.setLimit(1514);
  assertEquals(kernel.changes.length, 4);
});

lockoutTest("setLimit() and attach() are refused below the MTU of such a device, and go through with force", () => {
  const kernel = world({ devices: [{ mtu: 9000 }, { mtu: 9000 }], routes: [defaultRoute(1)] });
  const message =
    "the device carries the default route, of which it would drop all packets that are longer than 9013 bytes";
  const { connection } = kernel;
  assertThrows(() => Plug.attach({ dev: "eth0", connection, limitBytes: 9013 }), QueueError, message);
  assertEquals(kernel.changes, []);
  const plug = Plug.attach({ dev: "eth0", connection, limitBytes: 9014 });
  assertThrows(() => plug.setLimit(9013), QueueError, message);
  plug.setLimit(1, { force: true });
  Plug.attach({ dev: "eth1", connection, limitBytes: 1 }).setLimit(2);
  plug[Symbol.dispose]();
  Plug.attach({ dev: "eth0", connection, limitBytes: 1, force: true });
});

lockoutTest("buffer() is refused on the only class of a qdisc that all packets go through", () => {
  for (const [kind, refused] of [["netem", true], ["prio", false]] as const) {
    const kernel = world({ devices: [{}], routes: [defaultRoute(1)] });
    kernel.addQdisc(kernel.devices[0], { kind: "prio", handle: 0x10000 });
    const plug = Plug.attach({ dev: "eth0", connection: kernel.connection, parent: 0x10001 });
    Object.assign(kernel.qdiscs[0], { kind });
    if (refused) assertThrows(() => plug.buffer(), QueueError, PER_DEVICE);
    else plug.buffer();
  }
});

Deno.test("buffer() is refused on a class of the device that leads to the SSH client, which may have its packets", () => {
  inSession("192.0.2.7 50000 192.0.2.1 22", () => {
    const route = { family: AF_INET, destinationLength: 24, routeType: UNICAST, ifindexes: [1] };
    const kernel = world({ devices: [{}], routes: [route] });
    kernel.addQdisc(kernel.devices[0], { kind: "prio", handle: 0x10000 });
    const place = { dev: "eth0", connection: kernel.connection, parent: 0x10001 };
    const message = "it can hold packets of this SSH session (192.0.2.7 50000 192.0.2.1 22): the class may have them";
    assertThrows(() => Plug.attach({ ...place, hold: true }), QueueError, message);
    const plug = Plug.attach(place);
    assertThrows(() => plug.buffer(), QueueError, message);
    plug.buffer({ force: true });
  });
});
