// What a filter message says, as the second decoder reads it; see reference_decoder.
import { type Attribute, need, type Reader, type Said } from "./reference_reader.ts";

/** What is compared of the keys of a flower filter. */
interface Keys {
  vlanId?: number;
  etherType?: number;
  ipProtocol?: number;
  source?: Prefix;
  destination?: Prefix;
  sourcePorts?: Ports;
  destinationPorts?: Ports;
  tcpFlags?: { set: number; mask: number };
  others?: true;
}

interface Prefix {
  address: Uint8Array;
  length: number;
}

interface Ports {
  first: number;
  last: number;
}

/** What is gathered attribute by attribute. */
interface Gathered {
  keys: Keys;
  inner: boolean;
  sizes: { bytes: number };
  addresses: Uint8Array[];
  lengths: number[];
  actions: number;
  redirect: number;
  target: number;
  bytes: number;
  packets: number;
  age: number;
}

export function readFilter(reader: Reader, at: number, end: number): Said {
  need(at, end, 36);
  let kind = "";
  let flower = false;
  const gathered: Gathered = {
    keys: {},
    inner: false,
    sizes: { bytes: 0 },
    addresses: [new Uint8Array(16), new Uint8Array(16)],
    lengths: [0, 0],
    actions: 0,
    redirect: 0,
    target: 0,
    bytes: 0,
    packets: 0,
    age: 0,
  };
  let hasOptions = false;
  for (const attribute of reader.attributes(at + 36, end)) {
    if (attribute.type === 1) kind = reader.text(attribute);
    if (attribute.type !== 2 || kind !== "flower") continue;
    hasOptions = flower = true;
    for (const option of reader.attributes(attribute.start, attribute.end)) readOption(reader, option, gathered);
    dropTag(gathered);
  }
  return {
    ifindex: reader.s32(at + 20),
    handle: reader.u32(at + 24),
    parent: reader.u32(at + 28),
    priority: reader.u16(at + 34),
    protocol: reader.view.getUint16(at + 32, false),
    kind,
    keys: hasOptions && flower ? finished(gathered) : undefined,
    redirectsTo: gathered.redirect === 1 && gathered.actions === 1 ? gathered.target : undefined,
    bytes: gathered.bytes,
    packets: gathered.packets,
    ageMs: gathered.age * 10,
  };
}

/** A VLAN's own type in the place of what the VLAN holds. */
function dropTag({ keys, inner }: Gathered): void {
  if (keys.vlanId !== undefined && !inner && keys.etherType === 0x8100) delete keys.etherType;
}

/** Addresses have the size of the last that was read, and all bits count where nothing else is said. */
function finished({ keys, sizes, addresses, lengths }: Gathered): Keys {
  for (const [index, name] of (["source", "destination"] as const).entries()) {
    if (!keys[name]) continue;
    keys[name] = { address: addresses[index].slice(0, sizes.bytes), length: lengths[index] || 8 * sizes.bytes };
  }
  return keys;
}

function readOption(reader: Reader, attribute: Attribute, gathered: Gathered): void {
  const { keys } = gathered;
  const { type, start, end } = attribute;
  const size = end - start;
  if (type === 3) return readActions(reader, attribute, gathered);
  if (type === 22 || type === 86) return;
  const isAddress = type >= 10 && type <= 17;
  const wanted = isAddress ? (type < 14 ? 4 : 16) : type === 9 ? 1 : 2;
  if (size !== wanted) return void (keys.others = true);
  if (isAddress) return readAddress(reader, attribute, gathered);
  if (type === 9) return void (keys.ipProtocol = reader.u8(start));
  const network = reader.view.getUint16(start, false);
  if (type === 23) keys.vlanId = reader.u16(start);
  else if (type === 25) Object.assign(keys, { etherType: network }) && (gathered.inner = true);
  else if (type === 8) gathered.inner || (keys.etherType = network);
  else if (type === 18 || type === 20 || type === 41) keys.sourcePorts = { first: network, last: network };
  else if (type === 19 || type === 21 || type === 42) keys.destinationPorts = { first: network, last: network };
  else if (type >= 35 && type <= 40) network === 0xffff || (keys.others = true);
  else if (type === 71 || type === 72) {
    keys.tcpFlags ??= { set: 0, mask: 0 };
    keys.tcpFlags[type === 71 ? "set" : "mask"] = network;
  } else if (type >= 87 && type <= 90) {
    const ports = keys[type < 89 ? "sourcePorts" : "destinationPorts"] ??= { first: 0, last: 0 };
    ports[type % 2 === 1 ? "first" : "last"] = network;
  } else keys.others = true;
}

/** An address, or behind it the mask, which must be ones and then zeros. */
function readAddress(reader: Reader, { type, start, end }: Attribute, gathered: Gathered): void {
  const index = type === 10 || type === 11 || type === 14 || type === 15 ? 0 : 1;
  const bytes = reader.bytes.slice(start, end);
  gathered.sizes.bytes = bytes.length;
  gathered.keys[index === 0 ? "source" : "destination"] ??= { address: bytes, length: 0 };
  if (type % 2 === 0) return gathered.addresses[index].set(bytes);
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if (/^1+0*$/.test(bits)) gathered.lengths[index] = bits.replaceAll("0", "").length;
  else gathered.keys.others = true;
}

function readActions(reader: Reader, nest: Attribute, gathered: Gathered): void {
  for (const action of reader.attributes(nest.start, nest.end)) {
    if (gathered.actions === 0) readAction(reader, action, gathered);
    gathered.actions++;
  }
}

function readAction(reader: Reader, action: Attribute, gathered: Gathered): void {
  let mirred = false;
  for (const attribute of reader.attributes(action.start, action.end)) {
    if (attribute.type === 1) mirred = reader.text(attribute) === "mirred";
    if (attribute.type === 4) readStats(reader, attribute, gathered);
    if (attribute.type === 2 && mirred) readMirred(reader, attribute, gathered);
  }
}

function readStats(reader: Reader, nest: Attribute, gathered: Gathered): void {
  for (const attribute of reader.attributes(nest.start, nest.end)) {
    if (attribute.type !== 1) continue;
    const at = reader.atLeast(attribute, 12);
    gathered.bytes = Number(reader.u64(at));
    gathered.packets = reader.u32(at + 8);
  }
}

function readMirred(reader: Reader, nest: Attribute, gathered: Gathered): void {
  for (const attribute of reader.attributes(nest.start, nest.end)) {
    if (attribute.type === 2) {
      const at = reader.atLeast(attribute, 28);
      gathered.redirect = reader.s32(at + 20);
      gathered.target = reader.s32(at + 24);
    } else if (attribute.type === 1) {
      const ticks = reader.u64(reader.atLeast(attribute, 32));
      gathered.age = Number(ticks > 0xffffffffn ? 0xffffffffn : ticks);
    }
  }
}
