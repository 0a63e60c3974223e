/**
 * 100,000 expressions, mutated at random: each gives an error with a position, or filters that come back from
 * their bytes as the same expression.
 */

import { assert, assertEquals } from "@std/assert";
import {
  encodeRequest,
  ETH_P_ALL,
  type FlowerKeys,
  NLM_F_CREATE,
  readFilter,
  readReceived,
  receiveRegion,
  RTM_NEWTFILTER,
  sendRegion,
  treeRequest,
} from "../../../codec/mod.ts";
import { filtersOf, formatMatch, type Match, MatchError, matchOf, parseMatch } from "../../../gate/match/mod.ts";

const COUNT = 100_000;
const SENTENCES = [
  "tcp dst port 80",
  "ip6 udp src port 1024-65535",
  "vlan 5 tcp src host 10.0.0.0/8 dst port 443 flags syn,!ack",
  "src host fd00::/64 dst host fd00::1 sctp dst port 7",
  "icmp dst host 192.168.1.1",
  "icmp6",
  "vlan 4094 arp",
  "tcp flags fin,syn,rst,psh,ack,urg",
];
const WORDS = ("tcp udp icmp icmp6 sctp arp ip ip6 src dst host port flags vlan 0 1 80 443 65535 65536 80-90 " +
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

/** The keys as they come back from the bytes of a request. */
function throughBytes(keys: FlowerKeys): FlowerKeys {
  const request = treeRequest({
    type: RTM_NEWTFILTER,
    flags: NLM_F_CREATE,
    ifindex: 1,
    handle: 1,
    parent: 0xfffffff3,
    priority: 1000,
    protocol: ETH_P_ALL,
    flower: { keys, redirectTo: 2 },
  });
  const length = encodeRequest(request, { at: 0, sequence: 1 });
  receiveRegion.set(sendRegion.subarray(0, length));
  const { keys: read } = readFilter(readReceived(length).moveTo(0));
  if (!read) throw new Error("The request does not decode to a filter");
  return read;
}

function parse(expression: string): Match | MatchError {
  try {
    return parseMatch(expression);
  } catch (error) {
    if (error instanceof MatchError) return error;
    throw error;
  }
}

Deno.test(`parseMatch() gives an error with a position or the same expression back, ${COUNT} times`, () => {
  const seed = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  console.log(`SEED=${seed}`);
  const next = random(seed);
  let understood = 0;
  for (let round = 0; round < COUNT; round++) {
    let expression = SENTENCES[round % SENTENCES.length];
    for (let changes = 1 + next() * 4; changes > 0; changes--) expression = mutate(expression, next);
    const match = parse(expression);
    if (match instanceof MatchError) {
      assert(match.position >= 0 && match.position + match.length <= expression.length, expression);
      continue;
    }
    understood++;
    const back = matchOf(filtersOf(match).map(throughBytes));
    if (!back) throw new Error(`The filters of ${expression} have no expression`);
    const canonical = formatMatch(match);
    assertEquals(formatMatch(back), canonical, expression);
    assertEquals(filtersOf(parseMatch(canonical)), filtersOf(match), expression);
  }
  assert(understood > COUNT / 100, `${understood} were understood`);
});
