// What tells over which devices packets go, beside rtnetlink: WireGuard's peers, connection tracking, IPsec's policies.
import { assertEquals } from "@std/assert";
import { ENOENT, EPERM } from "../../linux/netlink_error.ts";
import { Connection } from "../../netlink/connection.ts";
import { readOriginal } from "../../plug/conntrack.ts";
import type { Device } from "../../plug/devices.ts";
import type { Ends } from "../../plug/flow.ts";
import { type Policy, tunnelsOfDevice } from "../../plug/ipsec.ts";
import { Plug } from "../../plug/plug.ts";
import { QueueError } from "../../plug/queue_error.ts";
import { wireguardTunnels } from "../../plug/wireguard.ts";
import { FakeSocket } from "../netlink/fake_socket.ts";
import { ack, attribute, bytes, done, message, refusal, u16, u32 } from "../netlink/messages.ts";
import { FakeKernel } from "./fake_kernel.ts";

const NETLINK_GENERIC = 16;
const GENL_ID_CTRL = 16;
const WIREGUARD_ID = 29;
const CTRL_ATTR_FAMILY_ID = 1;

/**
 * How WireGuard of Linux 6.1 answered WG_CMD_GET_DEVICE of `wg0`: port 40000, the mark 0, and two peers, with the endpoints
 * 10.0.1.2:51820 and [fd00::2]:51821.
 */
const WG0 = Uint8Array.from(
  [
    "040200002000020001000000710000000001000006000600409c000008000700000000000800010006000000080002007767300024000300",
    "00070707070707070707070707070707070707070707070707070707070707472400040013be4feaeaf204c7fd3358fc9c00721881d17427",
    "8128227ec674f37f7fe97b6d88010880bc000080240001000202020202020202020202020202020202020202020202020202020202020202",
    "2400020000000000000000000000000000000000000000000000000000000000000000001400060000000000000000000000000000000000",
    "06000500000000000c00080000000000000000000c000700000000000000000008000a0001000000140004000200ca6c0a00010200000000",
    "00000000200009801c0000800500030020000000060001000200000008000200ac100002c800008024000100030303030303030303030303",
    "0303030303030303030303030303030303030303240002000000000000000000000000000000000000000000000000000000000000000000",
    "140006000000000000000000000000000000000006000500000000000c00080000000000000000000c000700000000000000000008000a00",
    "01000000200004000a00ca6d00000000fd00000000000000000000000000000200000000200009801c000080050003002000000006000100",
    "0200000008000200ac100003",
  ].join("").match(/../g) ?? [],
  (text) => parseInt(text, 16),
);

function sequenceOf(sent: Uint8Array): number {
  return new DataView(sent.buffer).getUint32(8, true);
}

function refusing(errno: number): FakeSocket {
  return new FakeSocket({ answer: (sent) => [refusal(sequenceOf(sent), errno)] });
}

/** Generic netlink as far as WireGuard is concerned, or the errno with which it refuses. */
function wireguard(errno?: number): FakeSocket {
  return new FakeSocket({
    answer: (sent) => {
      const sequence = sequenceOf(sent);
      if (new DataView(sent.buffer).getUint16(4, true) !== GENL_ID_CTRL) {
        return errno === undefined ? [WG0, done(sequence)] : [refusal(sequence, errno)];
      }
      const family = bytes(u32(0), attribute(CTRL_ATTR_FAMILY_ID, u16(WIREGUARD_ID)));
      return [message({ type: GENL_ID_CTRL, sequence }, family), ack(sequence)];
    },
  });
}

Deno.test("wireguardTunnels() returns the endpoint of each peer, and none where it is refused", () => {
  const { socket } = new FakeKernel();
  const tunnelsBy = (errno?: number) =>
    wireguardTunnels(new Connection(socket, { openFamily: () => wireguard(errno) }), 6);
  const own = { localPort: 40000, mark: 0, protocols: [17] };
  assertEquals(tunnelsBy(), [
    { remote: Uint8Array.of(10, 0, 1, 2), port: 51820, ...own },
    { remote: Uint8Array.of(0xfd, ...new Array(14).fill(0), 2), port: 51821, ...own },
  ]);
  assertEquals(tunnelsBy(EPERM), []);
});

Deno.test("buffer() is refused on the devices that lead to the peers of the WireGuard that this SSH session goes through", () => {
  const kernel = new FakeKernel();
  for (const [name, kind] of [["eth0"], ["wg0", "wireguard"], ["eth1"]]) kernel.addDevice(name, { kind });
  // The fake leads all of IPv4 to wg0, and all of IPv6 to eth1.
  for (const [family, ifindex] of [[2, 2], [10, 3]]) {
    kernel.routes.push({ family, destinationLength: 16, routeType: 1, ifindexes: [ifindex] });
  }
  const before = Deno.env.get("SSH_CONNECTION") ?? "";
  Deno.env.set("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22");
  try {
    const openFamily = (family: number) => family === NETLINK_GENERIC ? wireguard() : refusing(ENOENT);
    using connection = new Connection(kernel.socket, { openFamily });
    const refused = kernel.devices.map(({ name }) => name).filter((dev) => {
      try {
        Plug.attach({ dev, connection }).buffer();
        return false;
      } catch (error) {
        if (error instanceof QueueError && error.code === "would-lock-out") return true;
        throw error;
      }
    });
    assertEquals(refused, ["wg0", "eth1"]);
  } finally {
    Deno.env.set("SSH_CONNECTION", before);
  }
});

Deno.test("readOriginal() leaves the own end out, where connections are tracked and cannot be looked at", () => {
  const { socket } = new FakeKernel();
  const connection = new Connection(socket, { openFamily: () => refusing(EPERM) });
  const remote = { remote: Uint8Array.of(192, 0, 2, 7), remotePort: 50000, protocol: 6 };
  const ends: Ends = { local: Uint8Array.of(192, 0, 2, 1), localPort: 22, ...remote };
  const module = (name: string) => ({ module: new URL(name, import.meta.url).pathname });
  assertEquals(readOriginal(connection, ends, module(".")), remote);
  assertEquals(readOriginal(connection, ends, module("./none")), ends);
});

Deno.test("tunnelsOfDevice() returns the tunnels of the policies that have the number of the device", () => {
  const net = { address: new Uint8Array(4), length: 0 };
  const policy = (interfaceId: number, remote: Uint8Array): Policy => {
    return { source: net, destination: net, protocol: 0, interfaceId, templates: [{ protocol: 50, remote }] };
  };
  const [one, other] = [Uint8Array.of(10, 0, 0, 2), Uint8Array.of(10, 0, 1, 2)];
  const data = [{ type: 2, value: u32(7) }];
  const device: Device = {
    ifindex: 1,
    name: "x",
    kind: "xfrm",
    flags: 1,
    type: 65534,
    mtu: 1400,
    master: 0,
    link: 0,
    data,
  };
  const found = (device: Device) =>
    tunnelsOfDevice([policy(0, other), policy(7, one), policy(8, other)], device).map((
      { remote, protocols, localPort },
    ) => [remote, protocols, localPort]);
  assertEquals(found(device), [[one, [50], undefined], [one, [17], 4500]]);
  assertEquals(found({ ...device, kind: "dummy" }), []);
});
