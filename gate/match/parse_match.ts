import type { AddressPrefix } from "../../codec/flower.ts";
import { formatAddress, maskAddress, parseAddress } from "./address.ts";
import { IP_PROTOCOLS, type Match, type ProtocolName, TCP_FLAGS, type TcpFlagName, VLAN_MAX } from "./match.ts";
import { MatchError } from "./match_error.ts";

/** A word of an expression, and where it stands. */
interface Word {
  text: string;
  position: number;
}

const CLAUSES = "tcp, udp, icmp, icmp6, sctp, arp, ip, ip6, src, dst, flags or vlan";
const WITH_PORTS: readonly string[] = ["tcp", "udp", "sctp"];
/** The family that goes with a protocol of one family alone. */
const FAMILY_OF: Readonly<Partial<Record<ProtocolName, "ip" | "ip6">>> = { icmp: "ip", icmp6: "ip6" };

/**
 * Parses a match expression, in tcpdump's words, all of which a packet must fit:
 *
 * - `tcp`, `udp`, `icmp`, `icmp6`, `sctp`, `arp`, `ip` (IPv4) or `ip6`
 * - `src host ADDR[/LEN]` and `dst host ADDR[/LEN]`, IPv4 or IPv6
 * - `src port N[-M]` and `dst port N[-M]`, of tcp, udp or sctp, from 1 to 65535
 * - `flags syn,!ack`, of tcp: `fin`, `syn`, `rst`, `psh`, `ack`, `urg`, `!` for those that must not be set
 * - `vlan N`, from 0 to 4094
 *
 * ```ts
 * import { parseMatch } from "./parse_match.ts";
 *
 * console.log(parseMatch("tcp dst port 80").destinationPorts); // { first: 80, last: 80 }
 * ```
 *
 * @throws {MatchError} where it is anything else; it says where, and what was expected there
 */
export function parseMatch(expression: string): Match {
  return new Parser(expression).parse();
}

/** Reads one expression from the first word to the last, and keeps in mind which word said what. */
class Parser {
  readonly #expression: string;
  readonly #words: Word[];
  readonly #match: Match = {};
  /** The word that said something that another may contradict. */
  readonly #said: { family?: Word; protocol?: Word; ports?: Word; host?: Word; flags?: Word } = {};
  #next = 0;

  constructor(expression: string) {
    this.#expression = expression;
    this.#words = [...expression.matchAll(/\S+/g)].map(({ 0: text, index }) => ({ text, position: index }));
  }

  parse(): Match {
    do this.#clause(); while (this.#next < this.#words.length);
    this.#checkWhole();
    return this.#match;
  }

  #clause(): void {
    const word = this.#take(CLAUSES);
    if (word.text === "src" || word.text === "dst") this.#end(word);
    else if (word.text === "flags") this.#flags(word);
    else if (word.text === "vlan") this.#vlan(word);
    else if (word.text === "ip" || word.text === "ip6" || word.text === "arp") this.#family(word.text, word);
    else if (Object.hasOwn(IP_PROTOCOLS, word.text)) this.#protocol(word.text as ProtocolName, word);
    else throw this.#fault(word, CLAUSES);
  }

  #end(direction: Word): void {
    const what = this.#take("host or port");
    const isSource = direction.text === "src";
    if (what.text === "host") this.#host(isSource ? "source" : "destination", what);
    else if (what.text === "port") this.#ports(isSource ? "sourcePorts" : "destinationPorts", what);
    else throw this.#fault(what, "host or port");
  }

  #host(end: "source" | "destination", word: Word): void {
    this.#once(this.#match[end], word, `${end === "source" ? "src" : "dst"} host`);
    const text = this.#take("an IPv4 or IPv6 address, perhaps with /LEN");
    const prefix = this.#prefix(text);
    this.#imply(prefix.address.length === 4 ? "ip" : "ip6", text);
    this.#match[end] = prefix;
    this.#said.host = word;
  }

  #prefix(word: Word): AddressPrefix {
    const [text, lengthText, ...more] = word.text.split("/");
    const address = parseAddress(text);
    if (!address || more.length > 0) throw this.#fault(word, "an IPv4 or IPv6 address, perhaps with /LEN");
    const bits = 8 * address.length;
    const length = lengthText === undefined ? bits : wholeNumber(lengthText, bits);
    if (length === undefined || length === 0) {
      throw this.#fault(part(word, text.length + 1, lengthText), `a length from 1 to ${bits}`);
    }
    const masked = maskAddress(address, length);
    if (masked.some((byte, index) => byte !== address[index])) {
      throw this.#fault(word, `no bits behind the first ${length}: ${formatAddress(masked)}/${length}`);
    }
    return { address, length };
  }

  #ports(end: "sourcePorts" | "destinationPorts", word: Word): void {
    this.#once(this.#match[end], word, `${end === "sourcePorts" ? "src" : "dst"} port`);
    const expected = "a port from 1 to 65535, or a range of them, N-M";
    const range = this.#take(expected);
    const [firstText, lastText = firstText, ...more] = range.text.split("-");
    const first = wholeNumber(firstText, 65535);
    const last = wholeNumber(lastText, 65535);
    if (!first || !last || more.length > 0) throw this.#fault(range, expected);
    if (last < first) throw this.#fault(range, `the lower port first: ${last}-${first}`);
    this.#match[end] = { first, last };
    this.#said.ports ??= word;
  }

  #flags(word: Word): void {
    this.#once(this.#match.tcpFlags, word, "flags");
    const list = this.#take("TCP flags, such as syn,!ack");
    let [set, mask, position] = [0, 0, list.position];
    for (const text of list.text.split(",")) {
      const name = text.replace(/^!/, "");
      const here = { text, position };
      if (!Object.hasOwn(TCP_FLAGS, name)) throw this.#fault(here, "fin, syn, rst, psh, ack or urg, perhaps with !");
      const bit = TCP_FLAGS[name as TcpFlagName];
      if (mask & bit) throw this.#fault(here, `${name} only once`);
      mask |= bit;
      if (!text.startsWith("!")) set |= bit;
      position += text.length + 1;
    }
    this.#match.tcpFlags = { set, mask };
    this.#said.flags = word;
  }

  #vlan(word: Word): void {
    this.#once(this.#match.vlanId, word, "vlan");
    const expected = `a VLAN's number from 0 to ${VLAN_MAX}`;
    const number = this.#take(expected);
    const vlanId = wholeNumber(number.text, VLAN_MAX);
    if (vlanId === undefined) throw this.#fault(number, expected);
    this.#match.vlanId = vlanId;
  }

  #family(family: "ip" | "ip6" | "arp", word: Word): void {
    this.#once(this.#said.family, word, "a family");
    this.#imply(family, word);
    this.#said.family = word;
  }

  #protocol(name: ProtocolName, word: Word): void {
    if (this.#said.protocol) throw this.#fault(word, `no other protocol beside ${this.#said.protocol.text}`);
    const family = FAMILY_OF[name];
    if (family) this.#imply(family, word);
    this.#match.ipProtocol = IP_PROTOCOLS[name];
    this.#said.protocol = word;
  }

  /** Notes the family that a word means, which must be that of the words before. */
  #imply(family: "ip" | "ip6" | "arp", word: Word): void {
    const before = this.#match.family;
    if (before !== undefined && before !== family) {
      throw this.#fault(word, `something of ${before}, which the words before it mean`);
    }
    this.#match.family = family;
  }

  /** What only the whole expression tells: order does not matter. */
  #checkWhole(): void {
    const { protocol, ports, host, flags } = this.#said;
    const name = protocol?.text ?? "";
    if (flags && name !== "tcp") throw this.#fault(flags, "tcp beside it: no other protocol has flags");
    if (ports && !WITH_PORTS.includes(name)) throw this.#fault(ports, "tcp, udp or sctp beside it, which have ports");
    if (this.#match.family !== "arp") return;
    const wrong = protocol ?? host;
    if (wrong) throw this.#fault(wrong, "nothing but vlan beside arp");
  }

  #once(before: unknown, word: Word, what: string): void {
    if (before !== undefined) throw this.#fault(word, `${what} only once`);
  }

  #take(expected: string): Word {
    const word = this.#words[this.#next++];
    if (word) return word;
    const position = this.#expression.length;
    throw new MatchError({ expression: this.#expression, position, length: 0, expected });
  }

  #fault({ text, position }: Word, expected: string): MatchError {
    return new MatchError({ expression: this.#expression, position, length: text.length, expected });
  }
}

/** A whole number from 0 to `most` in decimal figures, without zeros before it; else `undefined`. */
function wholeNumber(text: string, most: number): number | undefined {
  return /^(?:0|[1-9][0-9]{0,5})$/.test(text) && Number(text) <= most ? Number(text) : undefined;
}

/** A part of a word, from `start` on; all of the word where the part is empty. */
function part(word: Word, start: number, text = ""): Word {
  return text === "" ? word : { text, position: word.position + start };
}
