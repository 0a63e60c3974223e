/** The match language: what each of its sentences comes to in flower's keys, and what each wrong one is told. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { intersect, isCovered, subtract } from "../../../plug/match/cube.ts";
import { parseMatch } from "../../../gate/match/expression.ts";
import { keysOf } from "../../../plug/match/flower.ts";
import { MatchError } from "../../../gate/match/reader.ts";
import { parseServices } from "../../../gate/match/services.ts";

/** An expression, and the attributes of each of its filters, `TCA_FLOWER_KEY_*` and bytes. */
const SENTENCES: [expression: string, filters: string[]][] = [
  ["tcp", ["8:0800 9:06 102:00", "8:86dd 9:06 102:00"]],
  ["udp", ["8:0800 9:11 102:00", "8:86dd 9:11 102:00"]],
  ["sctp", ["8:0800 9:84 102:00", "8:86dd 9:84 102:00"]],
  ["icmp", ["8:0800 9:01 102:00"]],
  ["icmp6", ["8:86dd 9:3a 102:00"]],
  ["igmp", ["8:0800 9:02 102:00"]],
  ["esp", ["8:0800 9:32 102:00", "8:86dd 9:32 102:00"]],
  ["arp", ["8:0806 102:00"]],
  ["rarp", ["8:8035 102:00"]],
  ["ip", ["8:0800 102:00"]],
  ["ip6", ["8:86dd 102:00"]],
  ["ip tcp", ["8:0800 9:06 102:00"]],
  ["udp ip6", ["8:86dd 9:11 102:00"]],
  ["ip icmp", ["8:0800 9:01 102:00"]],
  ["icmp type echo", ["8:0800 9:01 51:08 52:ff 102:00"]],
  ["icmp type 3 code 1", ["8:0800 9:01 49:01 50:ff 51:03 52:ff 102:00"]],
  ["icmp6 type neighbor-solicitation", ["8:86dd 9:3a 55:87 56:ff 102:00"]],
  ["proto 47", ["8:0800 9:2f 102:00", "8:86dd 9:2f 102:00"]],
  ["ip proto 47", ["8:0800 9:2f 102:00"]],
  ["ip src host 10.0.0.1", ["8:0800 10:0a000001 11:ffffffff 102:00"]],
  ["src host 10.0.0.1", ["8:0800 10:0a000001 11:ffffffff 102:00", "8:0806 57:0a000001 58:ffffffff 102:00"]],
  ["dst host 10.0.0.1", ["8:0800 12:0a000001 13:ffffffff 102:00", "8:0806 59:0a000001 60:ffffffff 102:00"]],
  ["host 10.0.0.1", [
    "8:0800 10:0a000001 11:ffffffff 102:00",
    "8:0806 57:0a000001 58:ffffffff 102:00",
    "8:0800 12:0a000001 13:ffffffff 102:00",
    "8:0806 59:0a000001 60:ffffffff 102:00",
  ]],
  ["host fd00::1", [
    "8:86dd 14:fd000000000000000000000000000001 15:ffffffffffffffffffffffffffffffff 102:00",
    "8:86dd 16:fd000000000000000000000000000001 17:ffffffffffffffffffffffffffffffff 102:00",
  ]],
  ["ip6 src net fd00::/64", ["8:86dd 14:fd000000000000000000000000000000 15:ffffffffffffffff0000000000000000 102:00"]],
  ["ip src net 10.0.0.0/9", ["8:0800 10:0a000000 11:ff800000 102:00"]],
  ["ip src net 128.0.0.0/1", ["8:0800 10:80000000 11:80000000 102:00"]],
  ["ip src net 10", ["8:0800 10:0a000000 11:ff000000 102:00"]],
  ["ip src net 192.168.1", ["8:0800 10:c0a80100 11:ffffff00 102:00"]],
  ["ip src net 10.0.0.0 mask 255.128.0.0", ["8:0800 10:0a000000 11:ff800000 102:00"]],
  ["src 10.0.0.1 and ip", ["8:0800 10:0a000001 11:ffffffff 102:00"]],
  ["dst host ::ffff:10.0.0.1", [
    "8:86dd 16:00000000000000000000ffff0a000001 17:ffffffffffffffffffffffffffffffff 102:00",
  ]],
  ["tcp src port 1", ["8:0800 9:06 18:0001 35:ffff 102:00", "8:86dd 9:06 18:0001 35:ffff 102:00"]],
  ["tcp dst port 80-90", ["8:0800 9:06 89:0050 90:005a 102:00", "8:86dd 9:06 89:0050 90:005a 102:00"]],
  ["tcp dst portrange 8000-8010", ["8:0800 9:06 89:1f40 90:1f4a 102:00", "8:86dd 9:06 89:1f40 90:1f4a 102:00"]],
  ["tcp src port 65535 dst port 80", [
    "8:0800 9:06 18:ffff 19:0050 35:ffff 36:ffff 102:00",
    "8:86dd 9:06 18:ffff 19:0050 35:ffff 36:ffff 102:00",
  ]],
  ["sctp dst port 7", ["8:0800 9:84 40:ffff 42:0007 102:00", "8:86dd 9:84 40:ffff 42:0007 102:00"]],
  ["dst port 53", [
    "8:0800 9:06 19:0035 36:ffff 102:00",
    "8:86dd 9:06 19:0035 36:ffff 102:00",
    "8:0800 9:11 21:0035 38:ffff 102:00",
    "8:86dd 9:11 21:0035 38:ffff 102:00",
    "8:0800 9:84 40:ffff 42:0035 102:00",
    "8:86dd 9:84 40:ffff 42:0035 102:00",
  ]],
  ["port 53 and ip and udp", ["8:0800 9:11 20:0035 37:ffff 102:00", "8:0800 9:11 21:0035 38:ffff 102:00"]],
  ["udp src or dst port 53", [
    "8:0800 9:11 20:0035 37:ffff 102:00",
    "8:0800 9:11 21:0035 38:ffff 102:00",
    "8:86dd 9:11 20:0035 37:ffff 102:00",
    "8:86dd 9:11 21:0035 38:ffff 102:00",
  ]],
  ["udp src and dst port 53", [
    "8:0800 9:11 20:0035 21:0035 37:ffff 38:ffff 102:00",
    "8:86dd 9:11 20:0035 21:0035 37:ffff 38:ffff 102:00",
  ]],
  ["tcp dst port http", ["8:0800 9:06 19:0050 36:ffff 102:00", "8:86dd 9:06 19:0050 36:ffff 102:00"]],
  ["udp dst port domain", ["8:0800 9:11 21:0035 38:ffff 102:00", "8:86dd 9:11 21:0035 38:ffff 102:00"]],
  ["tcp port 80 or 443", [
    "8:0800 9:06 18:0050 35:ffff 102:00",
    "8:0800 9:06 19:0050 36:ffff 102:00",
    "8:86dd 9:06 18:0050 35:ffff 102:00",
    "8:86dd 9:06 19:0050 36:ffff 102:00",
    "8:0800 9:06 18:01bb 35:ffff 102:00",
    "8:0800 9:06 19:01bb 36:ffff 102:00",
    "8:86dd 9:06 18:01bb 35:ffff 102:00",
    "8:86dd 9:06 19:01bb 36:ffff 102:00",
  ]],
  ["ip host 10.0.0.1 or 10.0.0.2", [
    "8:0800 10:0a000001 11:ffffffff 102:00",
    "8:0800 12:0a000001 13:ffffffff 102:00",
    "8:0800 10:0a000002 11:ffffffff 102:00",
    "8:0800 12:0a000002 13:ffffffff 102:00",
  ]],
  ["syn", ["8:0800 9:06 71:0002 72:0002 102:00", "8:86dd 9:06 71:0002 72:0002 102:00"]],
  ["syn and not ack", ["8:0800 9:06 71:0002 72:0012 102:00", "8:86dd 9:06 71:0002 72:0012 102:00"]],
  ["syn && !ack", ["8:0800 9:06 71:0002 72:0012 102:00", "8:86dd 9:06 71:0002 72:0012 102:00"]],
  ["tcp flags syn,!ack", ["8:0800 9:06 71:0002 72:0012 102:00", "8:86dd 9:06 71:0002 72:0012 102:00"]],
  ["flags !syn", ["8:0800 9:06 71:0000 72:0002 102:00", "8:86dd 9:06 71:0000 72:0002 102:00"]],
  ["tcp flags fin,syn,rst,psh,ack,urg,ece,cwr", [
    "8:0800 9:06 71:00ff 72:00ff 102:00",
    "8:86dd 9:06 71:00ff 72:00ff 102:00",
  ]],
  ["ether src 02:00:00:00:00:01", ["6:020000000001 7:ffffffffffff"]],
  ["ether dst 2:0:0:0:0:1", ["4:020000000001 5:ffffffffffff"]],
  ["ether host 02:00:00:00:00:01", ["6:020000000001 7:ffffffffffff", "4:020000000001 5:ffffffffffff"]],
  ["ether proto 0x88cc", ["8:88cc 102:00"]],
  ["ether proto arp", ["8:0806 102:00"]],
  ["ether broadcast", ["4:ffffffffffff 5:ffffffffffff"]],
  ["multicast", ["4:010000000000 5:010000000000"]],
  ["vlan", ["8:8100"]],
  ["vlan 12", ["8:8100 23:0c00"]],
  ["vlan 0", ["8:8100 23:0000"]],
  ["vlan 12 and tcp dst port 80", [
    "8:8100 25:0800 9:06 19:0050 23:0c00 36:ffff",
    "8:8100 25:86dd 9:06 19:0050 23:0c00 36:ffff",
  ]],
  ["vlan 5 arp", ["8:8100 25:0806 23:0500"]],
  ["tos 0x10", ["8:0800 73:10 74:ff 102:00", "8:86dd 73:10 74:ff 102:00"]],
  ["ip and dscp ef", ["8:0800 73:b8 74:fc 102:00"]],
  ["dscp af21", ["8:0800 73:48 74:fc 102:00", "8:86dd 73:48 74:fc 102:00"]],
  ["ip and dscp 4", ["8:0800 73:10 74:fc 102:00"]],
  ["ttl 1", ["8:0800 75:01 76:ff 102:00", "8:86dd 75:01 76:ff 102:00"]],
  ["fragment", ["8:0800 47:00000001 48:00000001 102:00", "8:86dd 47:00000001 48:00000001 102:00"]],
  ["ip and fragment", ["8:0800 47:00000001 48:00000001 102:00"]],
  ["tcp or udp", ["8:0800 9:06 102:00", "8:86dd 9:06 102:00", "8:0800 9:11 102:00", "8:86dd 9:11 102:00"]],
  ["(tcp or udp) and ip", ["8:0800 9:06 102:00", "8:0800 9:11 102:00"]],
  ["ip and (tcp dst port 80 or udp dst port 53)", [
    "8:0800 9:06 19:0050 36:ffff 102:00",
    "8:0800 9:11 21:0035 38:ffff 102:00",
  ]],
  ["tcp dst port 80 or arp and ip", ["8:0800 9:06 19:0050 36:ffff 102:00"]],
  ["tcp and not port 22 and ip", [
    "8:0800 9:06 87:0000 88:0015 89:0000 90:0015 102:00",
    "8:0800 9:06 87:0000 88:0015 89:0017 90:ffff 102:00",
    "8:0800 9:06 87:0017 88:ffff 89:0000 90:0015 102:00",
    "8:0800 9:06 87:0017 88:ffff 89:0017 90:ffff 102:00",
  ]],
  ["ip and tcp and not dst port 22", ["8:0800 9:06 89:0000 90:0015 102:00", "8:0800 9:06 89:0017 90:ffff 102:00"]],
  ["not dst port 22 and ip tcp", ["8:0800 9:06 89:0000 90:0015 102:00", "8:0800 9:06 89:0017 90:ffff 102:00"]],
  ["ip src net 10.0.0.0/8 and not src net 10.128.0.0/9", ["8:0800 10:0a000000 11:ff800000 102:00"]],
  ["tcp and not syn", ["8:0800 9:06 71:0000 72:0002 102:00", "8:86dd 9:06 71:0000 72:0002 102:00"]],
  ["port 80 and not udp and not sctp", [
    "8:0800 9:06 18:0050 35:ffff 102:00",
    "8:86dd 9:06 18:0050 35:ffff 102:00",
    "8:0800 9:06 19:0050 36:ffff 102:00",
    "8:86dd 9:06 19:0050 36:ffff 102:00",
  ]],
  ["udp or udp dst port 53", ["8:0800 9:11 102:00", "8:86dd 9:11 102:00"]],
];

/** The attributes of the filters that an expression takes. */
function filters(expression: string): string[] {
  return parseMatch(expression).map((cube) =>
    keysOf(cube).map(({ type, value }) => `${type}:${value.toHex()}`).join(" ")
  );
}

for (const [expression, expected] of SENTENCES) {
  Deno.test(`parseMatch() understands ${JSON.stringify(expression)}`, () => {
    assertEquals(filters(expression), expected);
  });
}

/** Expressions that mean the same. */
const ALIKE: [string, string][] = [
  ["tcp and dst port 80", "tcp dst port 80"],
  ["dst port 80 tcp", "tcp dst port 80"],
  ["ip and host 10.0.0.1 and tcp", "tcp ip host 10.0.0.1"],
  ["tcp port 80 or 443 or 8000", "tcp port 80 or tcp port 443 or tcp port 8000"],
  ["src host 10.0.0.1 or 10.0.0.2", "src host 10.0.0.1 or src host 10.0.0.2"],
  ["tcp or udp and ip", "(tcp or udp) and ip"],
  ["not (udp or sctp) and port 80", "tcp port 80"],
  ["syn and not (ack or rst)", "tcp flags syn,!ack,!rst"],
  ["icmp or icmp6 and ip", "icmp"],
  ["tcp portrange http-https", "tcp portrange 80-443"],
  ["tcp dst portrange 79-http", "tcp dst portrange 79-80"],
  ["proto gre", "proto 47"],
  ["\t tcp\n dst   port 80 ", "tcp dst port 80"],
];

for (const [one, other] of ALIKE) {
  Deno.test(`parseMatch() takes ${JSON.stringify(one)} for ${JSON.stringify(other)}`, () => {
    assertEquals(filters(one).sort(), filters(other).sort());
  });
}

const FIRST = "ip, tcp, igmp, icmp, proto, [src|dst] host";
const PORT = "a port from 1 to 65535, a range of them (N-M), or a service's name";
const ADDRESS = "an IPv4 or IPv6 address, perhaps with /LEN (names are not looked up)";
const FLAG = "fin, syn, rst, psh, ack, urg, ece or cwr, perhaps with !";
const END = "host, net, port or portrange";
const FEWER = "fewer: name a protocol (tcp), a family (ip) or an end (dst), or give several matches";
const NARROW = "not beside what narrows it down, as in tcp and not port 22, or syn and not ack";
const OTHER = "or between them, or other words";
const EVERY = "a word such as tcp, or for every packet: no match at all";

/** That what is taken away is to be an exception. */
function passing(match: string, except: string): string {
  return `${match}, with ${JSON.stringify(except)} as what passes (--except)`;
}

/** An expression, carets under what is wrong, how what fits there begins, and what was meant perhaps. */
const FAULTS: [expression: string, carets: string, expected: string, hint?: string][] = [
  ["", "^", EVERY],
  ["   ", "   ^", EVERY],
  ["all", "^^^", EVERY],
  [" any ", " ^^^", EVERY],
  ["tpc", "^^^", FIRST, "tcp"],
  ["TCP", "^^^", FIRST, "tcp"],
  ["tcp dst port HTTP", "             ^^^^", PORT, "http"],
  ["proto gr", "      ^^", "a protocol's number from 0 to 255, or its name: tcp, udp, gre and so on", "gre"],
  ["portrange https-http", "          ^^^^^^^^^^", "the lower port first: https-http is 443-80"],
  ["tcp and", "       ^", FIRST],
  ["tcp and udq", "        ^^^", FIRST, "udp"],
  ["tcp udp", "    ^^^", OTHER],
  ["tcp and udp", "        ^^^", OTHER],
  ["tcp dst", "       ^", END],
  ["tcp dst prot 80", "        ^^^^", END, "port"],
  ["tcp dst port", "            ^", PORT],
  ["tcp dst port 0", "             ^", PORT],
  ["tcp dst port 65536", "             ^^^^^", PORT],
  ["tcp dst port 080", "             ^^^", PORT],
  ["tcp dst port 80-", "             ^^^", PORT],
  ["tcp dst port 1-2-3", "             ^^^^^", PORT],
  ["tcp dst port 9-8", "             ^^^", "the lower port first: 8-9"],
  ["tcp dst port htpp", "             ^^^^", PORT, "http"],
  ["port 0-65535", "     ^^^^^^^", "a narrower range, or for every port: tcp or udp"],
  ["tcp dst portrange 0-65535", "                  ^^^^^^^", "a narrower range, or for every port: tcp"],
  ["udp dst port http", "    ^^^^^^^^^^^^^", OTHER],
  ["tcp dst port 1 dst port 2", "               ^^^^^^^^^^", OTHER],
  ["icmp src port 80", "     ^^^^^^^^^^^", OTHER],
  ["arp port 80", "    ^^^^^^^", OTHER],
  ["src host", "        ^", ADDRESS],
  ["src host example.org", "         ^^^^^^^^^^^", ADDRESS],
  ["src host 10.0.0", "         ^^^^^^", ADDRESS],
  ["src host 10.0.0.256", "         ^^^^^^^^^^", ADDRESS],
  ["src host 10.0.0.01", "         ^^^^^^^^^", ADDRESS],
  ["src host 1::2::3", "         ^^^^^^^", ADDRESS],
  ["src host 1:2:3:4:5:6:7:8:9", "         ^^^^^^^^^^^^^^^^^", ADDRESS],
  ["src host fe80::1%eth0", "         ^^^^^^^^^^^^", ADDRESS],
  ["src host 10.0.0.0/8/9", "         ^^^^^^^^^^^^", ADDRESS],
  ["src host 10.0.0.0/33", "                  ^^", "a length from 1 to 32"],
  ["src host 10.0.0.0/", "         ^^^^^^^^^", "a length from 1 to 32"],
  ["src host fd00::/129", "                ^^^", "a length from 1 to 128"],
  ["src host 10.0.0.1/8", "         ^^^^^^^^^^", "no bits behind the first 8: 10.0.0.0/8"],
  ["ip dst host 0.0.0.0/0", "            ^^^^^^^^^", "a longer prefix, or for every address: ip"],
  ["dst host 0.0.0.0/0", "         ^^^^^^^^^", "a longer prefix, or for every address: ip"],
  ["arp host 0.0.0.0/0", "         ^^^^^^^^^", "a longer prefix, or for every address: arp"],
  ["tcp and src net ::/0", "                ^^^^", "a longer prefix, or for every address: ip6"],
  ["net 0.0.0.0 mask 0.0.0.0", "    ^^^^^^^^^^^^^^^^^^^^", "a longer prefix, or for every address: ip"],
  ["net 0/0", "    ^^^", "a longer prefix, or for every address: ip"],
  ["src 10.0.0.0/0", "    ^^^^^^^^^^", "a longer prefix, or for every address: ip"],
  ["dst net ::/0", "        ^^^^", "a longer prefix, or for every address: ip6"],
  ["net 10.0.0.0 mask 255.0.255.0", "                  ^^^^^^^^^^^", "a mask, as 255.255.0.0"],
  ["src host 10.0.0.1 dst host ::1", "                  ^^^^^^^^^^^^", OTHER],
  ["ip dst host ::1", "   ^^^^^^^^^^^^", OTHER],
  ["ip icmp6", "   ^^^^^", OTHER],
  ["ip ip6", "   ^^^", OTHER],
  ["udp flags syn", "    ^^^^^^^^^", OTHER],
  ["tcp flags", "         ^", "TCP flags, such as syn,!ack"],
  ["tcp flags syn,,ack", "              ^", FLAG],
  ["tcp flags syn,akc", "              ^^^", FLAG, "ack"],
  ["tcp flags syn,!syn", "              ^^^^", "syn only once"],
  ["syn and not syn", "        ^^^^^^^", OTHER],
  ["vlan 4095", "     ^^^^", "a VLAN's number from 0 to 4094"],
  ["vlan 5 vlan 6", "       ^^^^^^", OTHER],
  ["icmp type ecco", "          ^^^^", "a number from 0 to 255", "echo"],
  ["ether", "     ^", "src, dst or host and a MAC address"],
  ["ether src 02:00", "          ^^^^^", "a MAC address"],
  ["ether proto 5", "            ^", "an EtherType"],
  ["dscp 64", "     ^^", "a number from 0 to 63, or ef"],
  ["dscp af24", "     ^^^^", "a number from 0 to 63, or ef", "af21"],
  ["ttl 256", "    ^^^", "a time to live from 0 to 255"],
  ["(tcp", "    ^", ") to the bracket at column 1"],
  ["(tcp udp", "        ^", ") to the bracket at column 1"],
  ["tcp)", "   ^", "and, or, or the end"],
  ["()", " ^", FIRST],
  ["port 80 or port 443 or port 22", "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^", FEWER],
  ["host 10.0.0.1 and not port 22", "                  ^^^^^^^^^^^", passing('the match "host 10.0.0.1"', "port 22")],
  ["ip and not port 22 and not port 23", "       ^^^^^^^^^^^", passing('the match "ip"', "port 22 or port 23")],
  ["not tcp", "^^^^^^^", passing("no match", "tcp")],
  ["tcp or not udp", "       ^^^^^^^", NARROW],
  ["greater 100", "^^^^^^^", FIRST],
  ["mark 7", "^^^^^^", NARROW],
  ["mark 7/0", "     ^^^", "a mark from 0 to 0xffffffff, perhaps with /MASK"],
  ["mark 7/zz", "     ^^^^", "a mark from 0 to 0xffffffff, perhaps with /MASK"],
  ["outbound", "^^^^^^^^", "what packets are; which way they go the gate's direction says"],
  ["tcp[13] & 1 != 0", "^^^^^^^", FIRST],
];

for (const [expression, carets, expected, hint] of FAULTS) {
  Deno.test(`parseMatch() throws a MatchError for ${JSON.stringify(expression)}`, () => {
    const error: MatchError = assertThrows(() => parseMatch(expression), MatchError);
    assertEquals(error.drawing, `${expression}\n${carets}`, error.message);
    assert(error.expected.startsWith(expected), error.expected);
    assertEquals(error.hint, hint);
    assert(error instanceof SyntaxError);
  });
}

Deno.test("MatchError says the expression, the column, what is wrong, what fits there, and what was meant", () => {
  assertThrows(
    () => parseMatch("tcp dst prot 80"),
    MatchError,
    `Cannot understand match "tcp dst prot 80" at column 9: "prot", expected ${END}; did you mean "port"?`,
  );
  assertThrows(() => parseMatch("tcp dst"), MatchError, `at column 8: it ends, expected ${END}`);
  assertThrows(
    () => parseMatch("port 80 or port 443 or port 22"),
    MatchError,
    "this takes 36 flower filters, more than 32",
  );
  assertThrows(() => parseMatch("greater 100"), MatchError, `flower filters cannot look at "greater"`);
  assertThrows(() => parseMatch("ip dst host 0.0.0.0/0"), MatchError, "every IPv4 address fits 0.0.0.0/0");
  assertThrows(() => parseMatch("tcp and udp"), MatchError, `no packet fits "udp" and the words beside it`);
});

Deno.test("subtract() leaves what the other cubes do not have, and isCovered() tells when that is nothing", () => {
  const [http, tcp4] = [parseMatch("ip tcp dst port 80")[0], parseMatch("ip tcp")[0]];
  assertEquals(subtract(http, tcp4), []);
  const rest = subtract(tcp4, http);
  assertEquals(rest.length, 2);
  assert(rest.every((cube) => intersect(cube, http) === undefined && isCovered(cube, [tcp4])));
  assert(isCovered(tcp4, [...rest, http]) && !isCovered(tcp4, rest) && !isCovered(tcp4, []));
  const halves = parseMatch("ip dst net 0.0.0.0/1 or ip dst net 128.0.0.0/1");
  assert(isCovered(parseMatch("ip")[0], halves) && !isCovered(parseMatch("ip")[0], halves.slice(1)));
});

Deno.test("parseServices() reads names and aliases with the protocols that they are of", () => {
  const text =
    "# a comment\nhttp 80/tcp www # WorldWideWeb\ndomain\t53/tcp\ndomain 53/udp\nsyslog 514/udp\nshell 514/tcp cmd syslog\n";
  const services = parseServices(text);
  assertEquals(services.get("www"), { port: 80, protocols: ["tcp"] });
  assertEquals(services.get("domain"), { port: 53, protocols: ["tcp", "udp"] });
  assertEquals(services.get("nothing"), undefined);
});
