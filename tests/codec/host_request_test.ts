/** Requests that make hosts, against what `ip` of iproute2 6.1 sent for the same, seen by strace. */

import { assertEquals } from "@std/assert";
import { addressRequest, gatewayRequest, neighbourRequest, vethRequest } from "../../codec/host_request.ts";
import { encodeRequest, type FieldsRequest } from "../../codec/request.ts";
import { sendRegion } from "../../codec/exchange.ts";
import { parseAddress } from "../../gate/match/address.ts";

function bytes(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address) return address;
  throw new SyntaxError(`${text} is not an address`);
}

/** What `ip` was told, the request that means the same, and the bytes without length and sequence number. */
const ROWS: [said: string, request: FieldsRequest, hex: string][] = [
  [
    "ip link add eth0 mtu 1400 address 02:70:6c:00:00:00 type veth peer name eth1 address 02:70:6c:00:01:00 mtu 1400",
    vethRequest(
      { name: "eth0", mac: Uint8Array.of(2, 0x70, 0x6c, 0, 0, 0), mtu: 1400 },
      { name: "eth1", mac: Uint8Array.of(2, 0x70, 0x6c, 0, 1, 0), mtu: 1400, netnsFd: 5 },
    ),
    // Put in here are the namespace, `08001c0005000000`, and a NUL behind `veth`, with what that makes of the lengths.
    `10000506 00000000
     00000000000000000000000000000000 0800040078050000 0a00010002706c0000000000 090003006574683000000000
     50001200 090001007665746800000000 40000200 3c000100 00000000000000000000000000000000
     0800040078050000 0a00010002706c0001000000 090003006574683100000000 08001c0005000000`,
  ],
  [
    "ip address add 10.0.0.1/24 dev eth0",
    addressRequest(2, { address: bytes("10.0.0.1"), length: 24 }),
    "14000506 00000000 0218000002000000 080002000a000001 080001000a000001",
  ],
  [
    "ip address add fd00::1/64 dev eth0 nodad",
    addressRequest(2, { address: bytes("fd00::1"), length: 64 }),
    `14000506 00000000 0a40020002000000
     14000200fd000000000000000000000000000001 14000100fd000000000000000000000000000001`,
  ],
  [
    "ip route add default via 10.0.0.2",
    gatewayRequest({ address: bytes("0.0.0.0"), length: 0 }, bytes("10.0.0.2")),
    "18000506 00000000 02000000fe03000100000000 080005000a000002",
  ],
  [
    "ip route add 10.2.0.0/16 via 10.0.0.2",
    gatewayRequest({ address: bytes("10.2.0.0"), length: 16 }, bytes("10.0.0.2")),
    "18000506 00000000 02100000fe03000100000000 080001000a020000 080005000a000002",
  ],
  [
    "ip -6 route add fd01::/64 via fd00::2",
    gatewayRequest({ address: bytes("fd01::"), length: 64 }, bytes("fd00::2")),
    `18000506 00000000 0a400000fe03000100000000
     14000100fd010000000000000000000000000000 14000500fd000000000000000000000000000002`,
  ],
  [
    "ip neighbour replace 10.0.0.2 lladdr 02:70:6c:00:01:00 dev eth0 nud permanent",
    neighbourRequest(2, { address: bytes("10.0.0.2"), mac: Uint8Array.of(2, 0x70, 0x6c, 0, 1, 0) }),
    "1c000505 00000000 020000000200000080000000 080001000a000002 0a00020002706c0001000000",
  ],
];

for (const [said, request, hex] of ROWS) {
  Deno.test(`encodeRequest() gives the bytes of: ${said}`, () => {
    const length = encodeRequest(request, { at: 0, sequence: 7 });
    const all = sendRegion.slice(0, length).toHex();
    const expected = hex.replaceAll(/\s/g, "");
    assertEquals(all.slice(0, 8), Uint8Array.of(length & 0xff, length >> 8, 0, 0).toHex());
    assertEquals(all.slice(16, 24), "07000000");
    assertEquals(all.slice(8, 16) + all.slice(24), expected);
  });
}
