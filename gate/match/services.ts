import { nearest } from "../../plug/nearest.ts";
import { type Reader, wholeNumber, type Word } from "./reader.ts";

const PORTED = ["tcp", "udp", "sctp"] as const;
const PORT_MAX = 65535;
const PORT_TEXT = "a port from 1 to 65535, a range of them (N-M), or a service's name";

/** A port that a service name stands for, and the protocols under which the name is known. */
export interface Service {
  port: number;
  protocols: string[];
}

const FILE = "/etc/services";

/** Those that most people write, where a bare system has no such file: IANA's numbers. */
const USUAL = `ftp 21/tcp
ssh 22/tcp
telnet 23/tcp
smtp 25/tcp mail
domain 53/tcp
domain 53/udp
bootps 67/udp
bootpc 68/udp
http 80/tcp www
ntp 123/udp
imap2 143/tcp imap
snmp 161/udp
bgp 179/tcp
ldap 389/tcp
https 443/tcp
https 443/udp
syslog 514/udp
imaps 993/tcp
mysql 3306/tcp
postgresql 5432/tcp
`;

let known: Map<string, Service> | undefined;

/**
 * The services of `/etc/services` by name and alias, or the usual ones where there is no such file. Read once.
 *
 * @throws {Deno.errors.NotCapable} or another, where the file is there and cannot be read
 */
export function services(): ReadonlyMap<string, Service> {
  return known ??= parseServices(readServices());
}

function readServices(): string {
  try {
    return Deno.readTextFileSync(FILE);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return USUAL;
    throw error;
  }
}

/** Parses lines as `http 80/tcp www # comment`. */
export function parseServices(text: string): Map<string, Service> {
  const found = new Map<string, Service>();
  for (const line of text.split("\n")) {
    const [name, place = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const [, port, protocol] = /^(\d+)\/(tcp|udp|sctp)$/.exec(place) ?? [];
    if (protocol === undefined) continue;
    for (const word of [name, ...aliases]) {
      const service = found.get(word) ?? { port: Number(port), protocols: [] };
      if (service.port === Number(port)) found.set(word, { ...service, protocols: [...service.protocols, protocol] });
    }
  }
  return found;
}

/** A port, a range, or a service's name, with the protocols that it is of. */
export function readPorts(reader: Reader): { first: number; last: number; protocols: (typeof PORTED)[number][] } {
  const word = reader.take(PORT_TEXT);
  const [, from, to = from] = /^(\w+)(?:-(\w+))?$/.exec(word.text) ?? [];
  const [first, last] = [from, to].map((text) => wholeNumber(text ?? "", PORT_MAX));
  if (first !== undefined && last !== undefined) {
    if (first === 0 && last === PORT_MAX) throw fitsAll(reader, word);
    if (first === 0) throw reader.fault(word, PORT_TEXT);
    if (last < first) throw reader.fault(word, `the lower port first: ${last}-${first}`);
    return { first, last, protocols: [...PORTED] };
  }
  if (/^[0-9]+$/.test(word.text)) throw reader.fault(word, PORT_TEXT);
  const named = namedRange(word.text);
  if (named && named.last < named.first) {
    throw reader.fault(word, `the lower port first: ${word.text} is ${named.first}-${named.last}`);
  }
  if (named) return { ...named, protocols: [...PORTED] };
  if (/^[0-9]/.test(word.text)) throw reader.fault(word, PORT_TEXT);
  const { port, protocols } = readService(reader, word);
  // As in libpcap: a name that is known for one protocol alone means that one.
  return {
    first: port,
    last: port,
    protocols: PORTED.filter((name) => protocols.length > 1 || protocols.includes(name)),
  };
}

/** A range with the name of a service at an end or at both: `http-https`, `8000-http-alt`; names have such lines too. */
function namedRange(text: string): { first: number; last: number } | undefined {
  const parts = text.split("-");
  if (parts.length < 2 || portNamed(text) !== undefined) return undefined;
  for (let at = 1; at < parts.length; at++) {
    const [first, last] = [parts.slice(0, at), parts.slice(at)].map((part) => portNamed(part.join("-")));
    if (first !== undefined && last !== undefined) return { first, last };
  }
}

/** A port by its number or a service's name, where that can be looked up. */
function portNamed(text: string): number | undefined {
  const number = wholeNumber(text, PORT_MAX);
  if (number !== undefined) return number > 0 ? number : undefined;
  try {
    return services().get(text)?.port;
  } catch {
    return undefined; // That the file cannot be read is told of the whole word.
  }
}

function fitsAll(reader: Reader, word: Word): ReturnType<Reader["fault"]> {
  const before = reader.expression.slice(0, word.position).match(/\b(?:tcp|udp|sctp)(?=\s)/g);
  return reader.fault(word, `a narrower range, or for every port: ${before?.at(-1) ?? "tcp or udp"}`, {
    problem: `every port fits ${word.text}`,
  });
}

function readService(reader: Reader, word: Word): Service {
  let known: ReadonlyMap<string, Service>;
  try {
    known = services();
  } catch (error) {
    const problem = `${JSON.stringify(word.text)} is not a number, and /etc/services cannot be read ` +
      `(${error instanceof Error ? error.name : error})`;
    throw reader.fault(word, PORT_TEXT, { problem });
  }
  const service = known.get(word.text);
  if (service) return service;
  throw reader.fault(word, PORT_TEXT, { hint: nearest(word.text, [...known.keys()]) });
}
