/** The match language: every sentence of its grammar, and what each wrong one is told. */

import { assertEquals, assertThrows } from "@std/assert";
import type { FlowerKeys } from "../../../codec/mod.ts";
import { filtersOf, formatMatch, MatchError, matchOf, parseMatch } from "../../../gate/match/mod.ts";

const IP = 0x0800;
const IP6 = 0x86dd;
const ARP = 0x0806;

function ipv4(text: string, length = 32) {
  return { address: Uint8Array.from(text.split("."), Number), length };
}

function ipv6(hex: string, length = 128) {
  return { address: Uint8Array.fromHex(hex.padEnd(32, "0")), length };
}

/** The same keys over IPv4 and over IPv6. */
function both(keys: FlowerKeys): FlowerKeys[] {
  return [{ ...keys, etherType: IP }, { ...keys, etherType: IP6 }];
}

/** An expression, the one that means the same in fewest words where that is another, and its filters. */
const SENTENCES: [expression: string, canonical: string, filters: FlowerKeys[]][] = [
  ["tcp", "tcp", both({ ipProtocol: 6 })],
  ["udp", "udp", both({ ipProtocol: 17 })],
  ["sctp", "sctp", both({ ipProtocol: 132 })],
  ["icmp", "icmp", [{ ipProtocol: 1, etherType: IP }]],
  ["icmp6", "icmp6", [{ ipProtocol: 58, etherType: IP6 }]],
  ["arp", "arp", [{ etherType: ARP }]],
  ["ip", "ip", [{ etherType: IP }]],
  ["ip6", "ip6", [{ etherType: IP6 }]],
  ["ip tcp", "ip tcp", [{ etherType: IP, ipProtocol: 6 }]],
  ["udp ip6", "ip6 udp", [{ etherType: IP6, ipProtocol: 17 }]],
  ["ip icmp", "icmp", [{ etherType: IP, ipProtocol: 1 }]],
  ["icmp6 ip6", "icmp6", [{ etherType: IP6, ipProtocol: 58 }]],
  ["src host 10.0.0.1", "src host 10.0.0.1", [{ etherType: IP, source: ipv4("10.0.0.1") }]],
  ["dst host 10.0.0.1", "dst host 10.0.0.1", [{ etherType: IP, destination: ipv4("10.0.0.1") }]],
  ["ip src host 10.0.0.1", "src host 10.0.0.1", [{ etherType: IP, source: ipv4("10.0.0.1") }]],
  ["src host 10.0.0.1/32", "src host 10.0.0.1", [{ etherType: IP, source: ipv4("10.0.0.1") }]],
  ["src host 10.0.0.0/9", "src host 10.0.0.0/9", [{ etherType: IP, source: ipv4("10.0.0.0", 9) }]],
  ["src host 128.0.0.0/1", "src host 128.0.0.0/1", [{ etherType: IP, source: ipv4("128.0.0.0", 1) }]],
  ["dst host fd00::/64", "dst host fd00::/64", [{ etherType: IP6, destination: ipv6("fd00", 64) }]],
  ["dst host FD00:0:0:0:0:0:0:1", "dst host fd00::1", [
    { etherType: IP6, destination: ipv6("fd000000000000000000000000000001") },
  ]],
  ["dst host ::", "dst host ::", [{ etherType: IP6, destination: ipv6("") }]],
  ["dst host ::1", "dst host ::1", [{ etherType: IP6, destination: ipv6("00000000000000000000000000000001") }]],
  ["dst host 1:0:0:2:0:0:0:3", "dst host 1:0:0:2::3", [
    { etherType: IP6, destination: ipv6("00010000000000020000000000000003") },
  ]],
  ["dst host ::ffff:10.0.0.1", "dst host ::ffff:a00:1", [
    { etherType: IP6, destination: ipv6("00000000000000000000ffff0a000001") },
  ]],
  ["dst host fe80::/10", "dst host fe80::/10", [{ etherType: IP6, destination: ipv6("fe80", 10) }]],
  ["dst host 10.0.0.1 src host 10.0.0.2 tcp", "tcp src host 10.0.0.2 dst host 10.0.0.1", [
    { etherType: IP, ipProtocol: 6, source: ipv4("10.0.0.2"), destination: ipv4("10.0.0.1") },
  ]],
  ["tcp src port 1", "tcp src port 1", both({ ipProtocol: 6, sourcePorts: { first: 1, last: 1 } })],
  ["tcp dst port 80", "tcp dst port 80", both({ ipProtocol: 6, destinationPorts: { first: 80, last: 80 } })],
  [
    "dst port 65535 udp",
    "udp dst port 65535",
    both({ ipProtocol: 17, destinationPorts: { first: 65535, last: 65535 } }),
  ],
  ["sctp src port 7-9", "sctp src port 7-9", both({ ipProtocol: 132, sourcePorts: { first: 7, last: 9 } })],
  ["tcp dst port 80-80", "tcp dst port 80", both({ ipProtocol: 6, destinationPorts: { first: 80, last: 80 } })],
  [
    "tcp src port 1-2 dst port 3",
    "tcp src port 1-2 dst port 3",
    both({ ipProtocol: 6, sourcePorts: { first: 1, last: 2 }, destinationPorts: { first: 3, last: 3 } }),
  ],
  ["tcp flags syn", "tcp flags syn", both({ ipProtocol: 6, tcpFlags: { set: 2, mask: 2 } })],
  ["tcp flags syn,!ack", "tcp flags syn,!ack", both({ ipProtocol: 6, tcpFlags: { set: 2, mask: 18 } })],
  ["flags !ack,syn tcp", "tcp flags syn,!ack", both({ ipProtocol: 6, tcpFlags: { set: 2, mask: 18 } })],
  [
    "tcp flags fin,syn,rst,psh,ack,urg",
    "tcp flags fin,syn,rst,psh,ack,urg",
    both({ ipProtocol: 6, tcpFlags: { set: 63, mask: 63 } }),
  ],
  ["tcp flags !urg", "tcp flags !urg", both({ ipProtocol: 6, tcpFlags: { set: 0, mask: 32 } })],
  ["vlan 5", "vlan 5", [{ vlanId: 5 }]],
  ["vlan 0", "vlan 0", [{ vlanId: 0 }]],
  ["vlan 4094 arp", "vlan 4094 arp", [{ vlanId: 4094, etherType: ARP }]],
  [
    "udp dst port 53 vlan 7",
    "vlan 7 udp dst port 53",
    both({
      vlanId: 7,
      ipProtocol: 17,
      destinationPorts: { first: 53, last: 53 },
    }),
  ],
  ["  tcp \t dst port\n80 ", "tcp dst port 80", both({ ipProtocol: 6, destinationPorts: { first: 80, last: 80 } })],
];

for (const [expression, canonical, filters] of SENTENCES) {
  Deno.test(`parseMatch() understands ${JSON.stringify(expression)}`, () => {
    const match = parseMatch(expression);
    assertEquals(filtersOf(match), filters);
    assertEquals(formatMatch(match), canonical);
    assertEquals(filtersOf(parseMatch(canonical)), filters);
    assertEquals(formatMatch(matchOf(filters) ?? {}), canonical);
    assertEquals(formatMatch(matchOf(filters.toReversed()) ?? {}), canonical);
  });
}

const ANY = "tcp, udp, icmp, icmp6, sctp, arp, ip, ip6, src, dst, flags or vlan";
const PORT = "a port from 1 to 65535, or a range of them, N-M";
const ADDRESS = "an IPv4 or IPv6 address, perhaps with /LEN";
const FLAG = "fin, syn, rst, psh, ack or urg, perhaps with !";

/** An expression, carets under what is wrong, and what was expected there. */
const FAULTS: [expression: string, carets: string, expected: string][] = [
  ["", "^", ANY],
  ["   ", "   ^", ANY],
  ["tpc", "^^^", ANY],
  ["TCP", "^^^", ANY],
  ["tcp and udp", "    ^^^", ANY],
  ["host 10.0.0.1", "^^^^", ANY],
  ["tcp dst", "       ^", "host or port"],
  ["tcp dst prot 80", "        ^^^^", "host or port"],
  ["tcp dst port", "            ^", PORT],
  ["tcp dst port http", "             ^^^^", PORT],
  ["tcp dst port 0", "             ^", PORT],
  ["tcp dst port 65536", "             ^^^^^", PORT],
  ["tcp dst port 080", "             ^^^", PORT],
  ["tcp dst port 80-", "             ^^^", PORT],
  ["tcp dst port 1-2-3", "             ^^^^^", PORT],
  ["tcp dst port 9-8", "             ^^^", "the lower port first: 8-9"],
  ["tcp dst port 1 dst port 2", "                   ^^^^", "dst port only once"],
  ["tcp src port 1 src port 2", "                   ^^^^", "src port only once"],
  ["dst port 80", "    ^^^^", "tcp, udp or sctp beside it, which have ports"],
  ["icmp src port 80", "         ^^^^", "tcp, udp or sctp beside it, which have ports"],
  ["src host", "        ^", ADDRESS],
  ["src host example.org", "         ^^^^^^^^^^^", ADDRESS],
  ["src host 10.0.0", "         ^^^^^^", ADDRESS],
  ["src host 10.0.0.256", "         ^^^^^^^^^^", ADDRESS],
  ["src host 10.0.0.01", "         ^^^^^^^^^", ADDRESS],
  ["src host 1::2::3", "         ^^^^^^^", ADDRESS],
  ["src host 1:2:3:4:5:6:7:8:9", "         ^^^^^^^^^^^^^^^^^", ADDRESS],
  ["src host 1:2:3:4:5:6:7::8", "         ^^^^^^^^^^^^^^^^", ADDRESS],
  ["src host fe80::1%eth0", "         ^^^^^^^^^^^^", ADDRESS],
  ["src host 10.0.0.0/8/9", "         ^^^^^^^^^^^^", ADDRESS],
  ["src host 10.0.0.0/33", "                  ^^", "a length from 1 to 32"],
  ["src host 10.0.0.0/0", "                  ^", "a length from 1 to 32"],
  ["src host 10.0.0.0/", "         ^^^^^^^^^", "a length from 1 to 32"],
  ["src host fd00::/129", "                ^^^", "a length from 1 to 128"],
  ["src host 10.0.0.1/8", "         ^^^^^^^^^^", "no bits behind the first 8: 10.0.0.0/8"],
  ["src host 10.0.0.1 src host 10.0.0.2", "                      ^^^^", "src host only once"],
  ["dst host ::1 dst host ::2", "                 ^^^^", "dst host only once"],
  [
    "src host 10.0.0.1 dst host ::1",
    "                           ^^^",
    "something of ip, which the words before it mean",
  ],
  ["ip dst host ::1", "            ^^^", "something of ip, which the words before it mean"],
  ["icmp6 src host 10.0.0.1", "               ^^^^^^^^", "something of ip6, which the words before it mean"],
  ["ip icmp6", "   ^^^^^", "something of ip, which the words before it mean"],
  ["src host ::1 icmp", "             ^^^^", "something of ip6, which the words before it mean"],
  ["ip ip6", "   ^^^", "a family only once"],
  ["arp ip", "    ^^", "a family only once"],
  ["tcp udp", "    ^^^", "no other protocol beside tcp"],
  ["tcp tcp", "    ^^^", "no other protocol beside tcp"],
  ["arp tcp", "    ^^^", "nothing but vlan beside arp"],
  ["arp src host 10.0.0.1", "             ^^^^^^^^", "something of arp, which the words before it mean"],
  ["flags syn", "^^^^^", "tcp beside it: no other protocol has flags"],
  ["udp flags syn", "    ^^^^^", "tcp beside it: no other protocol has flags"],
  ["tcp flags", "         ^", "TCP flags, such as syn,!ack"],
  ["tcp flags syn,,ack", "              ^", FLAG],
  ["tcp flags syn,ece", "              ^^^", FLAG],
  ["tcp flags syn,!!ack", "              ^^^^^", FLAG],
  ["tcp flags syn,!syn", "              ^^^^", "syn only once"],
  ["tcp flags syn flags ack", "              ^^^^^", "flags only once"],
  ["vlan", "    ^", "a VLAN's number from 0 to 4094"],
  ["vlan 4095", "     ^^^^", "a VLAN's number from 0 to 4094"],
  ["vlan five", "     ^^^^", "a VLAN's number from 0 to 4094"],
  ["vlan 5 vlan 5", "       ^^^^", "vlan only once"],
];

for (const [expression, carets, expected] of FAULTS) {
  Deno.test(`parseMatch() throws a MatchError for ${JSON.stringify(expression)}`, () => {
    const error: MatchError = assertThrows(() => parseMatch(expression), MatchError);
    assertEquals(error.drawing, `${expression}\n${carets}`);
    assertEquals(error.expected, expected);
    assertEquals(error instanceof SyntaxError, true);
  });
}

Deno.test("MatchError says the expression, the column, what is there and what was expected", () => {
  assertThrows(
    () => parseMatch("tcp dst prot 80"),
    MatchError,
    `Cannot understand match "tcp dst prot 80" at column 9: "prot", expected host or port`,
  );
  assertThrows(() => parseMatch("tcp dst"), MatchError, `at column 8: it ends, expected host or port`);
});

/** Filters that no expression means. */
const FOREIGN: [name: string, filters: FlowerKeys[]][] = [
  ["no filter", []],
  ["one of two", [{ ipProtocol: 6 }]],
  ["a protocol that has no word", [{ etherType: IP, ipProtocol: 47 }]],
  ["a type that has no word", [{ etherType: 0x88cc }]],
  ["something else beside", [{ etherType: IP, others: true }]],
  ["ports of no protocol", [{ etherType: IP, sourcePorts: { first: 1, last: 1 } }]],
  ["a host of no family", [{ source: ipv4("10.0.0.1") }]],
  ["flags of UDP", [{ etherType: IP, ipProtocol: 17, tcpFlags: { set: 2, mask: 2 } }]],
  ["flags that have no word", [{ etherType: IP, ipProtocol: 6, tcpFlags: { set: 0x40, mask: 0x40 } }]],
  ["ICMP over IPv6", [{ etherType: IP6, ipProtocol: 1 }]],
  ["the reserved VLAN", [{ vlanId: 4095 }]],
  ["two that differ", [{ etherType: IP, ipProtocol: 6 }, { etherType: IP6, ipProtocol: 17 }]],
  ["the same twice", [{ etherType: IP, ipProtocol: 6 }, { etherType: IP, ipProtocol: 6 }]],
  ["three", [...both({ ipProtocol: 6 }), { etherType: IP }]],
  ["both families without a protocol", both({})],
];

for (const [name, filters] of FOREIGN) {
  Deno.test(`matchOf() returns nothing for ${name}`, () => assertEquals(matchOf(filters), undefined));
}

Deno.test("an empty match means all packets: one filter that compares nothing", () => {
  assertEquals(filtersOf({}), [{}]);
  assertEquals(matchOf([{}]), {});
  assertEquals(formatMatch({}), "");
});
