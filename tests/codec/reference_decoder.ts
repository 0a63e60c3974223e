// A second decoder, for tests only: written plainly from the kernel's headers, to be slow and easy to check.
// It shares nothing with the first, neither code nor tables nor numbers.
import { type Attribute, need, Reader, Refused, type Said } from "./reference_reader.ts";

/** What a run of messages says, message by message. */
export function readMessages(bytes: Uint8Array): Said[] {
  const reader = new Reader(bytes);
  const messages: Said[] = [];
  for (let at = 0; at < bytes.length;) {
    const [start, end] = [at, at + reader.message(at, bytes.length)];
    messages.push(readMessage(reader, start, end));
    at = start + Math.ceil((end - start) / 4) * 4;
  }
  return messages;
}

function readMessage(reader: Reader, at: number, end: number): Said {
  const type = reader.u16(at + 4);
  const common = { type, flags: reader.u16(at + 6), sequence: reader.u32(at + 8) };
  if (type === 36 || type === 37) return { about: "qdisc", ...common, ...readQdisc(reader, at, end) };
  if (type === 16 || type === 17) return { about: "link", ...common, ...readLink(reader, at, end) };
  if (type === 24) return { about: "route", ...common, ...readRoute(reader, at, end) };
  if (type === 2) return { about: "answer", ...common, ...readError(reader, at, end) };
  if (type === 3) return { about: "answer", ...common, ...readDone(reader, at, end) };
  return { about: "other", ...common };
}

interface Stats {
  bytes: number;
  packets: number;
  backlogPackets: number;
  backlogBytes: number;
  drops: number;
  requeues: number;
  overlimits: number;
}

function readQdisc(reader: Reader, at: number, end: number): Said {
  need(at, end, 36);
  let kind = "";
  let old: Stats | undefined;
  let found = false;
  const stats: Stats = {
    bytes: 0,
    packets: 0,
    backlogPackets: 0,
    backlogBytes: 0,
    drops: 0,
    requeues: 0,
    overlimits: 0,
  };
  for (const attribute of reader.attributes(at + 36, end)) {
    if (attribute.type === 1) kind = reader.text(attribute);
    if (attribute.type === 3) old = readOldStats(reader, reader.atLeast(attribute, 36));
    if (attribute.type === 7) found = readStats(reader, attribute, stats) || found;
  }
  return {
    ifindex: reader.s32(at + 20),
    handle: reader.u32(at + 24),
    parent: reader.u32(at + 28),
    kind,
    stats: found ? stats : old,
  };
}

function readOldStats(reader: Reader, at: number): Stats {
  return {
    bytes: Number(reader.u64(at)),
    packets: reader.u32(at + 8),
    drops: reader.u32(at + 12),
    overlimits: reader.u32(at + 16),
    backlogPackets: reader.u32(at + 28),
    backlogBytes: reader.u32(at + 32),
    requeues: 0,
  };
}

/** Reads TCA_STATS2 into `stats`, and tells whether it had basic statistics or those of the queue. */
function readStats(reader: Reader, nest: Attribute, stats: Stats): boolean {
  let found = false;
  let wide = false;
  for (const attribute of reader.attributes(nest.start, nest.end)) {
    if (attribute.type === 1) {
      const at = reader.atLeast(attribute, 12);
      stats.bytes = Number(reader.u64(at));
      if (!wide) stats.packets = reader.u32(at + 8);
      found = true;
    } else if (attribute.type === 3) {
      const at = reader.atLeast(attribute, 20);
      stats.backlogPackets = reader.u32(at);
      stats.backlogBytes = reader.u32(at + 4);
      stats.drops = reader.u32(at + 8);
      stats.requeues = reader.u32(at + 12);
      stats.overlimits = reader.u32(at + 16);
      found = true;
    } else if (attribute.type === 8) {
      stats.packets = Number(reader.u64(reader.atLeast(attribute, 8)));
      wide = true;
    }
  }
  return found;
}

function readLink(reader: Reader, at: number, end: number): Said {
  need(at, end, 32);
  const link: Said = {
    ifindex: reader.s32(at + 20),
    name: "",
    linkFlags: reader.u32(at + 24),
    kind: "",
    mtu: 0,
    txqueuelen: 0,
    gsoMaxSize: 0,
    qdisc: "",
    alias: "",
    master: 0,
    arpType: reader.u16(at + 18),
    link: 0,
  };
  const word = (attribute: Attribute) => reader.u32(reader.atLeast(attribute, 4));
  for (const attribute of reader.attributes(at + 32, end)) {
    if (attribute.type === 3) link.name = reader.text(attribute);
    if (attribute.type === 4) link.mtu = word(attribute);
    if (attribute.type === 5) link.link = word(attribute) | 0;
    if (attribute.type === 6) link.qdisc = reader.text(attribute);
    if (attribute.type === 10) link.master = word(attribute);
    if (attribute.type === 13) link.txqueuelen = word(attribute);
    if (attribute.type === 20) link.alias = reader.text(attribute);
    if (attribute.type === 41) link.gsoMaxSize = word(attribute);
    if (attribute.type === 18) {
      for (const inner of reader.attributes(attribute.start, attribute.end)) {
        if (inner.type === 1) link.kind = reader.text(inner);
      }
    }
  }
  return link;
}

function readRoute(reader: Reader, at: number, end: number): Said {
  need(at, end, 28);
  let table = reader.u8(at + 20);
  let priority = 0;
  const devices: number[] = [];
  const word = (attribute: Attribute) => reader.u32(reader.atLeast(attribute, 4));
  for (const attribute of reader.attributes(at + 28, end)) {
    if (attribute.type === 4) devices.push(word(attribute));
    if (attribute.type === 6) priority = word(attribute);
    if (attribute.type === 15) table = word(attribute);
    if (attribute.type === 9) devices.push(...readNextHops(reader, attribute));
  }
  return {
    family: reader.u8(at + 16),
    destinationLength: reader.u8(at + 17),
    routeType: reader.u8(at + 23),
    table,
    priority,
    ifindexes: devices.slice(0, 9),
    moreDevices: devices.length > 9,
  };
}

function readNextHops(reader: Reader, attribute: Attribute): number[] {
  const devices: number[] = [];
  for (let at = attribute.start; at < attribute.end;) {
    if (attribute.end - at < 8) throw new Refused(attribute.at);
    const length = reader.u16(at);
    if (length < 8 || length > attribute.end - at) throw new Refused(attribute.at);
    devices.push(reader.u32(at + 4));
    at += Math.ceil(length / 4) * 4;
  }
  return devices;
}

/** Where the attributes of an error begin; the request is echoed whole unless it succeeded or was capped. */
export function afterEcho(reader: Reader, at: number, end: number): number {
  const capped = Math.floor(reader.u16(at + 6) / 0x100) % 2 === 1;
  if (reader.s32(at + 16) === 0 || capped) return at + 36;
  return at + 20 + Math.ceil(reader.message(at + 20, end) / 4) * 4;
}

function readError(reader: Reader, at: number, end: number): Said {
  need(at, end, 36);
  const from = afterEcho(reader, at, end);
  return { errno: 0 - reader.s32(at + 16), ...readExtended(reader, at, from, end) };
}

function readDone(reader: Reader, at: number, end: number): Said {
  const errno = end - at < 20 ? 0 : 0 - reader.s32(at + 16);
  return { errno, ...readExtended(reader, at, at + 20, end) };
}

/** Whether attributes follow. */
export function isExtended(reader: Reader, at: number): boolean {
  return Math.floor(reader.u16(at + 6) / 0x200) % 2 === 1;
}

function readExtended(reader: Reader, at: number, from: number, end: number): Said {
  const said: Said = { sentence: "", offset: 0, missingType: 0, missingNest: 0 };
  if (!isExtended(reader, at)) return said;
  for (const attribute of reader.attributes(from, end)) {
    if (attribute.type === 1) said.sentence = reader.text(attribute);
    if (attribute.type === 2) said.offset = reader.u32(reader.atLeast(attribute, 4));
    if (attribute.type === 5) said.missingType = reader.u32(reader.atLeast(attribute, 4));
    if (attribute.type === 6) said.missingNest = reader.u32(reader.atLeast(attribute, 4));
  }
  return said;
}
