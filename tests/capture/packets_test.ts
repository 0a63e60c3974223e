import { assert, assertEquals } from "@std/assert";
import { describePacket } from "../../capture/packets/describe.ts";
import { concat } from "../codec/bytes.ts";
import { Random } from "../codec/random.ts";
import { clientHello, dns, ethernet, ipv4, ipv6, letters, tcp, u16, udp } from "./frames.ts";

const ip = (protocol: number, payload: Uint8Array) => ethernet(0x800, ipv4(protocol, payload));
const ip6 = (next: number, payload: Uint8Array) => ethernet(0x86dd, ipv6(next, payload));
const DATA = new Uint8Array(517);
const arp = (operation: number) =>
  ethernet(
    0x806,
    concat(
      u16(1, 0x800, 0x604, operation),
      Uint8Array.of(2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2),
    ),
  );
const FD00_2 = Uint8Array.of(0xfd, ...new Uint8Array(14), 2);
const hopByHop = (next: number) => Uint8Array.of(next, 0, 1, 4, 0, 0, 0, 0);
const TCP4 = "10.0.0.1:41234 > 10.0.0.2:80";
const TCP6 = "[fd00::1]:41234 > [fd00::2]:80";

/** Packets, and the lines that tell of them. */
const PACKETS: readonly (readonly [line: string, bytes: Uint8Array])[] = [
  [`${TCP4} SYN`, ip(6, tcp(0x02))],
  [`${TCP4} SYN+ACK`, ip(6, tcp(0x12))],
  [`${TCP4} FIN+ACK`, ip(6, tcp(0x11))],
  [`${TCP4} RST+ACK`, ip(6, tcp(0x14))],
  [`${TCP4} ACK`, ip(6, tcp(0x10))],
  [`${TCP4} TCP`, ip(6, tcp(0))],
  [`${TCP4} DATA 517`, ip(6, tcp(0x18, DATA))],
  [`${TCP4} FIN+ACK DATA 517`, ip(6, tcp(0x19, DATA))],
  [`${TCP6} SYN`, ip6(6, tcp(0x02))],
  [`${TCP4} VLAN 12 SYN`, ethernet(0x800, ipv4(6, tcp(2)), 12)],
  [`${TCP4} VLAN 3 VLAN 4 SYN`, ethernet(0x800, ipv4(6, tcp(2)), 3, 4)],
  ["10.0.0.1:41234 > 10.0.0.2:9000 UDP 48", ip(17, udp(new Uint8Array(48)))],
  ["[fd00::1]:41234 > [fd00::2]:9000 UDP 0", ip6(17, udp(new Uint8Array(0)))],
  ["10.0.0.1 > 10.0.0.2 ICMP echo", ip(1, Uint8Array.of(8, 0, 0, 0))],
  ["10.0.0.1 > 10.0.0.2 ICMP unreachable port", ip(1, Uint8Array.of(3, 3, 0, 0))],
  ["10.0.0.1 > 10.0.0.2 ICMP type 200", ip(1, Uint8Array.of(200, 0, 0, 0))],
  ["fd00::1 > fd00::2 ICMPv6 echo reply", ip6(58, Uint8Array.of(129, 0, 0, 0))],
  ["fd00::1 > fd00::2 ND who has fd00::2", ip6(58, concat(Uint8Array.of(135, 0, 0, 0, 0, 0, 0, 0), FD00_2))],
  [
    "fd00::1 > fd00::2 ND fd00::2 is at 02:00:00:00:00:09",
    ip6(58, concat(Uint8Array.of(136, 0, 0, 0, 0, 0, 0, 0), FD00_2, Uint8Array.of(2, 1, 2, 0, 0, 0, 0, 9))),
  ],
  ["10.0.0.1 > 10.0.0.2 ARP who has 10.0.0.2", arp(1)],
  ["10.0.0.1 > 10.0.0.2 ARP 10.0.0.1 is at 02:00:00:00:00:01", arp(2)],
  [
    "10.0.0.1:41234 > 10.0.0.2:9000 first fragment UDP 1472",
    ethernet(0x800, ipv4(17, udp(new Uint8Array(1472)), { fragment: 0x2000 })),
  ],
  [
    "10.0.0.1 > 10.0.0.2 UDP fragment at 1480, 520 bytes",
    ethernet(0x800, ipv4(17, new Uint8Array(520), { fragment: 185 })),
  ],
  [`${TCP6} SYN`, ip6(0, concat(hopByHop(60), hopByHop(6), tcp(2)))],
  [`${TCP6} first fragment SYN`, ip6(44, concat(Uint8Array.of(6, 0), u16(1, 0, 9), tcp(2)))],
  [
    "fd00::1 > fd00::2 TCP fragment at 1448, 100 bytes",
    ip6(44, concat(Uint8Array.of(6, 0), u16(1448, 0, 9), new Uint8Array(100))),
  ],
  [
    `${TCP4} DATA 43 HTTP GET /index.html`,
    ip(6, tcp(0x18, letters("GET /index.html HTTP/1.1\r\nHost: a.example\r\n"))),
  ],
  [`${TCP4} DATA 15 HTTP 200 OK`, ip(6, tcp(0x18, letters("HTTP/1.1 200 OK")))],
  ["10.0.0.1:41234 > 10.0.0.2:443 DATA 80 TLS client hello a.example", ip(6, tcp(0x18, clientHello("a.example"), 443))],
  [
    "10.0.0.1:41234 > 10.0.0.2:443 DATA 9 TLS application data",
    ip(6, tcp(0x18, Uint8Array.of(23, 3, 3, 0, 4, 1, 2, 3, 4), 443)),
  ],
  ["10.0.0.1:41234 > 10.0.0.2:53 UDP 27 DNS a.example AAAA", ip(17, udp(dns("a.example"), 53))],
  ["10.0.0.1:41234 > 10.0.0.2:53 UDP 27 DNS 2 answers a.example AAAA", ip(17, udp(dns("a.example", { code: 0 }), 53))],
  ["10.0.0.1:41234 > 10.0.0.2:53 UDP 27 DNS NXDOMAIN a.example AAAA", ip(17, udp(dns("a.example", { code: 3 }), 53))],
  ["10.0.0.1:41234 > 10.0.0.2:53 DATA 29 DNS a.example AAAA", ip(6, tcp(0x18, concat(u16(27), dns("a.example")), 53))],
  [
    "10.0.0.1:41234 > 10.0.0.2:9 SCTP INIT",
    ip(132, concat(u16(41234, 9, 0, 0, 0, 0), Uint8Array.of(1, 0, 0, 20), new Uint8Array(16))),
  ],
  ["10.0.0.1 > 10.0.0.2 GRE", ip(47, DATA)],
  ["10.0.0.1 > 10.0.0.2 IP protocol 200", ip(200, DATA)],
  ["02:00:00:00:00:01 > 02:00:00:00:00:02 LLDP", ethernet(0x88cc, DATA)],
  ["02:00:00:00:00:01 > 02:00:00:00:00:02 0x1234", ethernet(0x1234, DATA)],
  ["02:00:00:00:00:01 > 02:00:00:00:00:02 IEEE 802.3 38", ethernet(38, DATA)],
];

for (const [line, bytes] of PACKETS) {
  Deno.test(`describePacket() tells: ${line}`, () => assertEquals(describePacket(bytes).line, line));
}

Deno.test("describePacket() counts what a packet had, where not all of it was captured", () => {
  const bytes = ip(6, tcp(0x18, new Uint8Array(1400)));
  assertEquals(describePacket(bytes.subarray(0, 96), { length: bytes.length }).line, `${TCP4} DATA 1400`);
});

Deno.test("describePacket() takes what a frame is filled up with for no data, and a length of 0 for all there is", () => {
  assertEquals(describePacket(concat(ip(6, tcp(0x10)), new Uint8Array(6))).line, `${TCP4} ACK`);
  const large = ethernet(0x800, ipv4(6, tcp(0x18, new Uint8Array(100)), { total: 0 }));
  assertEquals(describePacket(large.subarray(0, 60), { length: 70_000 }).line, `${TCP4} DATA 69946`);
});

Deno.test("describePacket() reads a packet without an Ethernet header", () => {
  assertEquals(describePacket(ipv4(6, tcp(2)), { linkType: "ip" }).line, `${TCP4} SYN`);
  assertEquals(describePacket(ipv6(6, tcp(2)), { linkType: "ip" }).line, `${TCP6} SYN`);
});

Deno.test("describePacket() says which header was not captured whole", () => {
  const bytes = ip(6, tcp(2));
  const lines = [0, 14, 33, 34, 53].map((length) =>
    describePacket(bytes.subarray(0, length), { length: bytes.length }).line
  );
  assertEquals(lines, [
    "Ethernet cut short",
    "02:00:00:00:00:01 > 02:00:00:00:00:02 IPv4 cut short",
    "02:00:00:00:00:01 > 02:00:00:00:00:02 IPv4 cut short",
    "10.0.0.1 > 10.0.0.2 TCP cut short",
    "10.0.0.1 > 10.0.0.2 TCP cut short",
  ]);
});

Deno.test("describePacket() tells something printable of any bytes: 100,000 mutants and every truncation", () => {
  const tell = (bytes: Uint8Array, what: string, length?: number) => {
    const { line } = describePacket(bytes, { length, linkType: bytes.length % 7 === 0 ? "ip" : "ethernet" });
    assert(
      line.length > 0 && line.length < 600 && !/\p{Cc}/u.test(line),
      `${what}: ${JSON.stringify(line)}`,
    );
  };
  for (const [name, bytes] of PACKETS) {
    for (let length = 0; length < bytes.length; length++) tell(bytes.subarray(0, length), name, bytes.length);
  }
  for (let seed = 1; seed <= 100_000; seed++) {
    const random = new Random(seed);
    const bytes = random.pick(PACKETS)[1].slice(0, 160);
    for (let count = random.below(6); count >= 0; count--) bytes[random.below(bytes.length)] = random.below(256);
    tell(random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes, `seed ${seed}`);
  }
});
