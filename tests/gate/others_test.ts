/** What filters of others and a gate do to each other, and how they are named. */

import { assertEquals } from "@std/assert";
import type { Filter } from "../../plug/filter.ts";
import { parseMatch } from "../../gate/match/expression.ts";
import { nameFilter, othersAt } from "../../gate/others.ts";

const NOTHING = { packets: 0, bytes: 0, ageMs: 0 };

function filter(of: Partial<Filter>): Filter {
  const place = { ifindex: 2, parent: 0xfffffff2, priority: 5000, protocol: 0x0800, chain: 0, handle: 1 };
  return { ...place, kind: "matchall", actions: [{ kind: "gact", verdict: 2, ...NOTHING }], ...of };
}

function gact(verdict: number) {
  return { actions: [{ kind: "gact", verdict, ...NOTHING }] };
}

/** A filter, and its name as tc writes it. */
const NAMES: [of: Partial<Filter>, name: string][] = [
  [{}, "filter protocol ip pref 5000 matchall chain 0 handle 0x1 (drop)"],
  [{ protocol: 3, ...gact(0) }, "filter protocol all pref 5000 matchall chain 0 handle 0x1 (pass)"],
  [{ protocol: 0x88cc, ...gact(-1) }, "filter protocol [88cc] pref 5000 matchall chain 0 handle 0x1 (continue)"],
  [{ kind: "u32", handle: 0x80000800 }, "filter protocol ip pref 5000 u32 chain 0 handle 800::800 (drop)"],
  [{ kind: "u32", handle: 0x80112003 }, "filter protocol ip pref 5000 u32 chain 0 handle 801:12:3 (drop)"],
  [gact(0x20000007), "filter protocol ip pref 5000 matchall chain 0 handle 0x1 (goto chain 7)"],
  [{ actions: [] }, "filter protocol ip pref 5000 matchall chain 0 handle 0x1"],
  [
    { actions: [{ kind: "mirred", verdict: 4, mirred: { what: 1, ifindex: 9 }, ...NOTHING }] },
    "filter protocol ip pref 5000 matchall chain 0 handle 0x1 (mirred egress redirect to #9)",
  ],
];

for (const [of, name] of NAMES) {
  Deno.test(`nameFilter() names a filter as tc does: ${name}`, () => assertEquals(nameFilter(filter(of)), name));
}

/** A filter, a gate's match, and whether the gate with priority 1000 bypasses it, or does not see what it takes. */
const STANDINGS: [what: string, of: Partial<Filter>, match: string, bypassed: boolean, before: boolean][] = [
  ["behind", {}, "tcp", true, false],
  ["before", { priority: 1 }, "tcp", false, true],
  ["before, and lets go on", { priority: 1, ...gact(-1) }, "tcp", false, false],
  ["before, with a class alone", { priority: 1, actions: [] }, "tcp", false, true],
  ["before, and stops some", { priority: 1, ...acts([-1, 2]) }, "tcp", false, true],
  ["before, and lets some pass", { priority: 1, ...acts([2, -1]) }, "tcp", false, true],
  ["before, and lets all go on in the end", { priority: 1, ...acts([3], [-1, 3], [-1]) }, "tcp", false, false],
  ["before, with what comes behind a drop", { priority: 1, ...acts([2], [-1]) }, "tcp", false, true],
  ["before, and goes on to no other action", { priority: 1, ...acts([3], [3]) }, "tcp", false, true],
  ["in another chain", { chain: 3 }, "tcp", false, false],
  ["of another protocol", { protocol: 0x86dd }, "ip tcp", false, false],
  ["of tags", { protocol: 0x8100 }, "tcp", false, false],
  ["of tags, as the match", { protocol: 0x8100 }, "vlan 12 and tcp", true, false],
  ["of another port", { kind: "flower", keys: keys("9:11 21:0009") }, "udp dst port 53", false, false],
  ["of that port", { kind: "flower", keys: keys("9:11 21:0035") }, "udp dst port 53", true, false],
  ["of a range with that port", { kind: "flower", keys: keys("9:11 89:0001 90:0064") }, "udp dst port 53", true, false],
  ["of an unknown key", { kind: "flower", keys: keys("9:11 200:ff") }, "udp dst port 53", true, false],
  ["of a net", { kind: "flower", keys: keys("12:0a000000 13:ff000000") }, "ip dst host 10.0.0.1", true, false],
  ["of another net", { kind: "flower", keys: keys("12:0a000000 13:ff000000") }, "ip dst host 11.0.0.1", false, false],
  ["a gate's", { kind: "flower", handle: 0x504c0001 }, "tcp", false, false],
];

/** Actions by what becomes of packets, and of others. */
function acts(...verdicts: [verdict: number, otherVerdict?: number][]) {
  return {
    actions: verdicts.map(([verdict, otherVerdict]) => ({ kind: "police", verdict, otherVerdict, ...NOTHING })),
  };
}

function keys(text: string) {
  return text.split(" ").map((pair) => pair.split(":")).map(([type, hex]) => ({
    type: Number(type),
    value: Uint8Array.fromHex(hex),
  }));
}

for (const [what, of, match, bypassed, before] of STANDINGS) {
  Deno.test(`othersAt() tells of a filter ${what}, for ${match}`, () => {
    const found = othersAt([filter(of)], { priority: 1000, cubes: parseMatch(match) });
    assertEquals([found.bypassed.length > 0, found.before.length > 0], [bypassed, before]);
  });
}
