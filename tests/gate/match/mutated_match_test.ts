/**
 * 30,000 expressions, mutated at random: each gives an error with a position, or filters that come back from
 * their bytes as what was meant.
 */

import { assert, assertEquals } from "@std/assert";
import { encodeRequest, readReceived, receiveRegion, sendRegion } from "../../../codec/mod.ts";
import { createFilter, FIRST_FILTER, type Key, readFilter } from "../../../plug/filter.ts";
import { type Cube, isCovered } from "../../../plug/match/cube.ts";
import { cubeOfFilter } from "../../../gate/match/clauses.ts";
import { keysOf, signOf } from "../../../plug/match/flower.ts";
import { FILTERS_MAX, parseMatch } from "../../../gate/match/expression.ts";
import { MatchError } from "../../../gate/match/reader.ts";

const COUNT = 30_000;
const SENTENCES = [
  "tcp dst port 80",
  "ip6 udp src port 1024-65535",
  "vlan 5 tcp src host 10.0.0.0/8 dst port 443 flags syn,!ack",
  "src host fd00::/64 dst host fd00::1 sctp dst port 7",
  "icmp dst host 192.168.1.1",
  "icmp6",
  "vlan 4094 arp",
  "tcp flags fin,syn,rst,psh,ack,urg",
  "host 10.0.0.1 and not (udp or icmp)",
  "ether src 02:00:00:00:00:01 or ttl 1 and fragment",
  "tcp port http or 443 and not src net 10.1 mask 255.255.0.0",
];
const WORDS = ("tcp udp icmp icmp6 sctp arp ip ip6 src dst host port flags vlan 0 1 80 443 65535 65536 80-90 " +
  "and or not ( ) && || ! net portrange syn ack ether ttl tos fragment proto icmp type echo http " +
  "10.0.0.1 10.0.0.0/8 0.0.0.0/0 ::1 fd00::/8 ::ffff:1.2.3.4 syn syn,!ack !rst 4094 4095").split(" ");
const LETTERS = "tcpudshostr 0123456789abf.:/-,!%é\u{1f600}\t\0";

/** Numbers from 0 to 1 that a seed decides: mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 0x100000000;
  };
}

/** Changes an expression in one place: a word or a letter that is put in, taken out, or takes another's place. */
function mutate(expression: string, next: () => number): string {
  const pick = <T>(list: ArrayLike<T>) => list[Math.floor(next() * list.length)];
  const parts = next() < 0.6 ? expression.split(" ") : [...expression];
  const separator = expression.split(" ").length === parts.length ? " " : "";
  const [index, kind] = [Math.floor(next() * (parts.length + 1)), next()];
  const part = separator === " " ? pick(WORDS) : pick([...LETTERS]);
  parts.splice(index, kind < 0.4 ? 0 : 1, ...kind < 0.8 ? [part] : []);
  return parts.join(separator);
}

/** The keys of a filter as they come back from the bytes of a request. */
function throughBytes(keys: readonly Key[]): Key[] {
  const place = { ifindex: 1, handle: FIRST_FILTER, parent: 0xfffffff3, priority: 1000 };
  const length = encodeRequest(createFilter(place, { compared: { kind: "flower", keys }, redirectTo: 2 }), {
    at: 0,
    sequence: 1,
  });
  receiveRegion.set(sendRegion.subarray(0, length));
  const filter = readFilter(readReceived(length).moveTo(0));
  if (!filter?.keys) throw new Error("The request does not decode to a filter");
  return filter.keys;
}

function parse(expression: string): Cube[] | MatchError {
  try {
    return parseMatch(expression);
  } catch (error) {
    if (error instanceof MatchError) return error;
    throw error;
  }
}

Deno.test(`parseMatch() gives an error with a position or filters that mean it, ${COUNT} times`, () => {
  const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  console.log(`SEED=${seed}`);
  const next = random(seed);
  let understood = 0;
  for (let round = 0; round < COUNT; round++) {
    let expression = SENTENCES[round % SENTENCES.length];
    for (let changes = 1 + next() * 4; changes > 0; changes--) expression = mutate(expression, next);
    const cubes = parse(expression);
    if (cubes instanceof MatchError) {
      assert(cubes.position >= 0 && cubes.position + cubes.length <= expression.length, expression);
      continue;
    }
    understood++;
    assert(cubes.length > 0 && cubes.length <= FILTERS_MAX, expression);
    const keys = cubes.map(keysOf);
    const back = keys.map(throughBytes);
    assertEquals(signOf(back.toReversed()), signOf(keys), expression);
    // What flower says of a tag that nobody asked about makes it less, and never more.
    back.forEach((each, index) =>
      assert(isCovered(cubeOfFilter({ protocol: 3, keys: each }), [cubes[index]]), expression)
    );
  }
  assert(understood > COUNT / 100, `${understood} were understood`);
});
