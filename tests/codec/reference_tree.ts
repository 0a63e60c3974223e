// The tree of a message as the second decoder sees it: the tables are its grammar, and nothing else is shared.
import { ROUTE_FAMILY } from "../../codec/family.ts";
import type { Family, Names, Space, Struct, Type } from "../../codec/spec/table.ts";
import { afterEcho, isExtended } from "./reference_decoder.ts";
import { type Attribute, Reader, Refused } from "./reference_reader.ts";

type Value = number | bigint | string | Uint8Array;

/** What is compared of a tree. */
export interface Node {
  kernelName: string;
  offset: number;
  length: number;
  attributeType?: number;
  value?: Value;
  fields?: Node[];
}

/** The lists of attributes around what is read, the innermost last; each by its space, if it has one. */
type Around = readonly { space?: Space; from: number; to: number }[];

const HEADER = [["nlmsg_len", 4], ["nlmsg_type", 2], ["nlmsg_flags", 2], ["nlmsg_seq", 4], ["nlmsg_pid", 4]] as const;
const ANSWER: Space = namedSpace("NLMSGERR_ATTR_", {
  1: ["MSG", { is: "string" }],
  2: ["OFFS", { is: "number", size: 4 }],
  3: ["COOKIE", { is: "bytes" }],
  4: ["POLICY", { is: "nest", space: () => POLICY }],
  5: ["MISS_TYPE", { is: "number", size: 4 }],
  6: ["MISS_NEST", { is: "number", size: 4 }],
});
const POLICY: Space = namedSpace("NL_POLICY_TYPE_ATTR_", {
  1: ["TYPE", { is: "number", size: 4 }],
  2: ["MIN_VALUE_S", { is: "number", size: 8, signed: true }],
  3: ["MAX_VALUE_S", { is: "number", size: 8, signed: true }],
  4: ["MIN_VALUE_U", { is: "number", size: 8 }],
  5: ["MAX_VALUE_U", { is: "number", size: 8 }],
  6: ["MIN_LENGTH", { is: "number", size: 4 }],
  7: ["MAX_LENGTH", { is: "number", size: 4 }],
  8: ["POLICY_IDX", { is: "number", size: 4 }],
  9: ["POLICY_MAXTYPE", { is: "number", size: 4 }],
  10: ["BITFIELD32_MASK", { is: "number", size: 4 }],
  11: ["PAD", { is: "bytes" }],
  12: ["MASK", { is: "number", size: 8 }],
});

function namedSpace(prefix: string, rows: Readonly<Record<number, readonly [name: string, type: Type]>>): Space {
  const attributes = Object.entries(rows).map(([number, [name, type]]) => ({
    number: Number(number),
    name,
    kernelName: prefix + name,
    type,
  }));
  return { prefix, attributes, byNumber: new Map(), byName: new Map() };
}

/** The tree of the message at the start of `bytes`. */
export function readTree(bytes: Uint8Array, family: Family = ROUTE_FAMILY): Node {
  const tree = new TreeReader(bytes, family);
  const length = tree.reader.message(0, bytes.length);
  return { kernelName: "struct nlmsghdr", offset: 0, length, fields: [...tree.header(0), ...tree.body(length)] };
}

class TreeReader {
  readonly reader: Reader;
  readonly #family: Family;

  constructor(bytes: Uint8Array, family: Family) {
    this.reader = new Reader(bytes);
    this.#family = family;
  }

  header(at: number): Node[] {
    let offset = at;
    return HEADER.map(([kernelName, length]) => {
      const value = Number(this.#number(offset, length, {}));
      offset += length;
      return { kernelName, offset: offset - length, length, value };
    });
  }

  body(end: number): Node[] {
    const type = this.reader.u16(4);
    if (type === 2) return this.#error(end);
    if (type === 3) return this.#done(end);
    return this.#family.messages[type] ? this.#known(type, 16, end) : this.#rest(16, end);
  }

  #known(type: number, at: number, end: number): Node[] {
    const { body, space, asks, optionsLengthAt } = this.#family.messages[type];
    if (end - at < body.size && asks) {
      if (at === end) return [];
      const family = { kernelName: "rtgen_family", offset: at, length: 1, value: this.reader.u8(at) };
      return [family, ...this.#rest(at + 1, end)];
    }
    if (end - at < body.size) throw new Refused(at - 16);
    const chosen = typeof space === "function" ? space(this.reader.u8(at), this.reader.u16(at - 10) % 2 === 1) : space;
    const nodes = this.#struct(body, at, end);
    if (optionsLengthAt === undefined) return [...nodes, ...this.#attributes(at + body.size, end, chosen, [])];
    const to = Math.min(at + body.size + this.reader.u16(at + optionsLengthAt), end);
    const from = Math.min(Math.ceil((to - at) / 4) * 4 + at, end);
    return [
      ...nodes,
      ...this.#rest(at + body.size, to),
      ...this.#rest(to, from),
      ...this.#attributes(from, end, chosen, []),
    ];
  }

  #error(end: number): Node[] {
    if (end < 36) throw new Refused(0);
    const from = Math.min(afterEcho(this.reader, 0, end), end);
    const request: Node = { kernelName: "msg", offset: 20, length: from - 20, fields: this.#echo(from) };
    return [this.#errno(), request, ...this.#extended(from, end)];
  }

  #done(end: number): Node[] {
    return end < 20 ? this.#rest(16, end) : [this.#errno(), ...this.#extended(20, end)];
  }

  #errno(): Node {
    return { kernelName: "error", offset: 16, length: 4, value: this.reader.s32(16) };
  }

  #extended(from: number, end: number): Node[] {
    return isExtended(this.reader, 0) ? this.#attributes(from, end, ANSWER, []) : this.#rest(from, end);
  }

  /** A request that cannot be read as one has its struct, if that is whole, and bytes. */
  #echo(end: number): Node[] {
    const type = this.reader.u16(24);
    const header = this.header(20);
    const spec = this.#family.messages[type];
    if (!spec) return [...header, ...this.#rest(36, end)];
    try {
      return [...header, ...this.#known(type, 36, end)];
    } catch {
      const { body } = spec;
      if (end - 36 < body.size) return [...header, ...this.#rest(36, end)];
      return [...header, ...this.#struct(body, 36, 36 + body.size), ...this.#rest(36 + body.size, end)];
    }
  }

  #rest(from: number, end: number): Node[] {
    return from < end ? [this.#bytes(from, end)] : [];
  }

  #bytes(from: number, end: number): Node {
    return { kernelName: "", offset: from, length: end - from, value: this.reader.bytes.slice(from, end) };
  }

  #number(at: number, size: number, { signed, network }: { signed?: true; network?: true }): number | bigint {
    let value = 0n;
    for (let index = 0; index < size; index++) {
      const byte = this.reader.u8(network ? at + index : at + size - 1 - index);
      value = value * 256n + BigInt(byte);
    }
    if (signed) value = BigInt.asIntN(size * 8, value);
    return size === 8 ? value : Number(value);
  }

  #struct({ members }: Struct, at: number, end: number): Node[] {
    const nodes: Node[] = [];
    let offset = at;
    for (const { kernelName, type, size } of members) {
      if (offset + size > end) return [...nodes, ...this.#rest(offset, end)];
      nodes.push({ kernelName, offset, length: size, ...this.#holds(type, offset, offset + size, []) });
      offset += size;
    }
    return nodes;
  }

  #attributes(from: number, to: number, space: Space, around: Around): Node[] {
    const inner = [...around, { space, from, to }];
    return this.#list(from, to, (attribute) => {
      const known = space.attributes.find(({ number }) => number === attribute.type);
      const kernelName = known?.kernelName ?? `${space.prefix}${attribute.type}`;
      return { kernelName, ...this.#holds(orderedBy(attribute, known?.type), attribute.start, attribute.end, inner) };
    });
  }

  #list(from: number, to: number, read: (attribute: Attribute) => Partial<Node> & { kernelName: string }): Node[] {
    const nodes: Node[] = [];
    for (const attribute of this.reader.attributes(from, to)) {
      const { at, end, next, rawType } = attribute;
      nodes.push({ offset: at, length: end - at, attributeType: rawType, ...read(attribute) });
      if ((end - at) % 4 !== 0) nodes.push(this.#bytes(end, next));
    }
    return nodes;
  }

  #holds(type: Type | undefined, start: number, end: number, around: Around): { value: Value } | { fields: Node[] } {
    const raw = { value: this.reader.bytes.slice(start, end) };
    switch (type?.is) {
      case "number":
        return [1, 2, 4, 8].includes(end - start) ? { value: this.#number(start, end - start, type) } : raw;
      case "string":
        return { value: exactText(raw.value) };
      case "nest":
        return { fields: this.#attributes(start, end, spaceOf(type.space), around) };
      case "list": {
        const inner = [...around, { from: start, to: end }];
        const element = (attribute: Attribute) => ({
          kernelName: `${type.prefix}${attribute.type}`,
          ...this.#holds(orderedBy(attribute, type.of), attribute.start, attribute.end, inner),
        });
        return { fields: this.#list(start, end, element) };
      }
      case "struct":
        return { fields: this.#structAndMore(type, start, end, around) };
      case "array":
        return { fields: this.#array(type, start, end) };
      case "run":
        return { fields: this.#run(type, start, end, around) };
      case "kind":
        return this.#holds(this.#ofKind(type.by, type.part, around), start, end, around);
      default:
        return raw;
    }
  }

  #structAndMore(type: Extract<Type, { is: "struct" }>, start: number, end: number, around: Around): Node[] {
    const behind = Math.min(start + type.struct.size, end);
    const nodes = this.#struct(type.struct, start, end);
    if (start + type.struct.size > end) return nodes;
    if (type.then?.is === "nest") {
      const from = Math.min(Math.ceil(behind / 4) * 4, end);
      return [...nodes, ...this.#rest(behind, from), ...this.#attributes(from, end, spaceOf(type.then.space), around)];
    }
    if (type.then?.is === "array") return [...nodes, ...this.#array(type.then, behind, end)];
    if (!type.then || behind === end) return [...nodes, ...this.#rest(behind, end)];
    const more = {
      kernelName: "",
      offset: behind,
      length: end - behind,
      ...this.#holds(type.then, behind, end, around),
    };
    return [...nodes, more];
  }

  #array({ of, places }: Extract<Type, { is: "array" }>, start: number, end: number): Node[] {
    const size = of.is === "struct" ? of.struct.size : of.size;
    const count = Math.floor((end - start) / size);
    const elements = Array.from({ length: count }, (_, index): Node => {
      const offset = start + index * size;
      const kernelName = of.is === "struct" ? `struct ${of.struct.name}` : placeName(places, index);
      return { kernelName, offset, length: size, ...this.#holds(of, offset, offset + size, []) };
    });
    return [...elements, ...this.#rest(start + count * size, end)];
  }

  #run(type: Extract<Type, { is: "run" }>, start: number, end: number, around: Around): Node[] {
    const nodes: Node[] = [];
    const { struct, space } = type;
    for (let at = start; at < end;) {
      if (end - at < struct.size) throw new Refused(start - 4);
      const length = this.reader.u16(at);
      if (length < struct.size || length > end - at) throw new Refused(start - 4);
      const fields = [
        ...this.#struct(struct, at, at + length),
        ...this.#attributes(at + struct.size, at + length, space(), around),
      ];
      nodes.push({ kernelName: `struct ${struct.name}`, offset: at, length, fields });
      const next = Math.min(at + Math.ceil(length / 4) * 4, end);
      if (length % 4 !== 0) nodes.push(this.#bytes(at + length, next));
      at = next;
    }
    return nodes;
  }

  #ofKind(by: string, part: string, around: Around): Type | undefined {
    const list = around.findLast(({ space }) =>
      space?.attributes.some((each) => each.kernelName === space.prefix + by)
    );
    const named = list?.space?.attributes.find(({ kernelName }) => kernelName === list.space?.prefix + by);
    if (!list || !named) return undefined;
    let kind: string | undefined;
    try {
      for (const attribute of this.reader.attributes(list.from, list.to)) {
        if (attribute.type !== named.number) continue;
        kind = named.type.is === "string"
          ? this.reader.text(attribute)
          : this.#numeric(attribute.start, attribute.end - attribute.start);
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
    const kinds = Object.entries(this.#family.kinds[list.space?.kindsOf ?? ""] ?? {});
    return kinds.find(([name]) => name === kind)?.[1][part];
  }

  #numeric(at: number, size: number): string {
    return [1, 2, 4, 8].includes(size) ? String(this.#number(at, size, {})) : "none";
  }
}

/** The type of a number that its attribute says is in network order. */
function orderedBy({ rawType }: Attribute, type: Type | undefined): Type | undefined {
  const isNetwork = Math.floor(rawType / 0x4000) % 2 === 1;
  return isNetwork && type?.is === "number" ? { ...type, network: true } : type;
}

/** The name of a place of an array: those that have one are in their order. */
function placeName(places: Names | undefined, index: number): string {
  const name = Object.keys(places?.numbers ?? {}).at(index);
  return places && name !== undefined ? places.prefix + name : "";
}

function spaceOf(space: Space | (() => Space)): Space {
  return typeof space === "function" ? space() : space;
}

/** The string, where it and one NUL are all that there is; else the bytes. */
function exactText(bytes: Uint8Array): Value {
  if (bytes.indexOf(0) !== bytes.length - 1 || bytes.length === 0) return bytes;
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, -1));
  return text.includes("\ufffd") ? bytes : text;
}
