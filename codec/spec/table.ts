// The words in which the tables say what messages are made of: types, structs, attributes, families.
import { wrongInput } from "../wrong_input.ts";

/** Names of numbers, as the kernel has them: an enum, or bits. */
export interface Names {
  /** What each name begins with: `TC_ACT_`. */
  prefix: string;
  /** The numbers by what is left of their names. */
  numbers: Readonly<Record<string, number>>;
  /** The whole names by their numbers. */
  byNumber: ReadonlyMap<number, string>;
}

/** A number of a fixed size. Where it is found in another size it is shown in that. */
export interface NumberType {
  /** Tells it from the other types. */
  is: "number";
  /** Bytes: 1, 2, 4 or 8. */
  size: number;
  /** Whether it has a sign. */
  signed?: true;
  /** Whether it is in network order. */
  network?: true;
  /** The names of its values, or of its bits. */
  names?: Names;
  /** Whether the names are those of its bits. */
  bits?: true;
  /** What else a value says; of one of 64 bits `exact` is all of it, and `value` as near as a number can be. */
  says?: (value: number, exact: number | bigint) => string | undefined;
}

/** Bytes, of a fixed size where they are part of a struct. */
export interface BytesType {
  /** Tells it from the other types. */
  is: "bytes";
  /** Bytes, where it is part of a struct. */
  size?: number;
  /** How people read it; `undefined` where in no other way. */
  says?: (bytes: Uint8Array) => string | undefined;
}

/** A string that ends in its only NUL. */
export interface StringType {
  /** Tells it from the other types. */
  is: "string";
}

/** Attributes of one space. */
export interface NestType {
  /** Tells it from the other types. */
  is: "nest";
  /** The attributes; of a space that is declared later, what gives it. */
  space: Space | (() => Space);
}

/** Attributes whose numbers are places, and which all hold the same. */
export interface ListType {
  /** Tells it from the other types. */
  is: "list";
  /** What the names of the attributes begin with; the number follows. */
  prefix: string;
  /** What each holds. */
  of: Type;
}

/** A struct, and what follows it in the same attribute. */
export interface StructType {
  /** Tells it from the other types. */
  is: "struct";
  /** Its layout. */
  struct: Struct;
  /** What follows it, where anything may. */
  then?: Type;
}

/** The same struct or number over and over. */
export interface ArrayType {
  /** Tells it from the other types. */
  is: "array";
  /** What each holds. */
  of: StructType | NumberType;
  /** Bytes, where it is part of a struct. */
  size?: number;
  /** The names of its places, where they have any: the least of their numbers is that of the first. */
  places?: Names;
}

/** Structs that begin with their own length, in 16 bits, each with attributes of its own behind it. */
export interface RunType {
  /** Tells it from the other types. */
  is: "run";
  /** Its layout. */
  struct: Struct;
  /** The attributes; of a space that is declared later, what gives it. */
  space: () => Space;
}

/** What depends on a kind, which another attribute names: of the same nest, or else of the nearest around it. */
export interface KindType {
  /** Tells it from the other types. */
  is: "kind";
  /** The attribute that names the kind, without its prefix. */
  by: string;
  /** Which part of what is known of a kind. */
  part: string;
}

/** How a value is laid out in bytes, and how people read it. */
export type Type =
  | NumberType
  | BytesType
  | StringType
  | NestType
  | ListType
  | StructType
  | ArrayType
  | RunType
  | KindType;

/** A field of a struct. */
export interface Member {
  /** Short, for people. */
  name: string;
  /** The kernel's name: `ifi_index`; empty for a gap. */
  kernelName: string;
  /** How it is laid out, and what it says. */
  type: Type;
  /** Bytes. */
  size: number;
}

/** A C struct: members in the order of their bytes, without gaps. */
export interface Struct {
  /** `ifinfomsg` */
  name: string;
  /** Bytes. */
  size: number;
  /** Its members in the order of their bytes. */
  members: readonly Member[];
}

/** An attribute of a space. */
export interface Attribute {
  /** The kernel's number, `nla_type` without its flags. */
  number: number;
  /** Without what all names begin with: `INFO_KIND`. */
  name: string;
  /** `IFLA_INFO_KIND` */
  kernelName: string;
  /** How it is laid out, and what it says. */
  type: Type;
  /** Its name in `show --json`, where it is shown there. */
  shown?: string;
}

/** The attributes that stand beside each other. */
export interface Space {
  /** What the names begin with: `IFLA_`. */
  prefix: string;
  /** Of what the kinds are that an attribute of this space names. */
  kindsOf?: string;
  /** In the order of their numbers. */
  attributes: readonly Attribute[];
  /** By number. */
  byNumber: ReadonlyMap<number, Attribute>;
  /** By name without the prefix. */
  byName: ReadonlyMap<string, Attribute>;
}

/** A type of message. */
export interface MessageSpec {
  /** `RTM_NEWLINK` */
  name: string;
  /** The struct at its head. */
  body: Struct;
  /** The attributes behind the body, by its first byte, which is an address family, and by whether it is a request. */
  space: Space | ((family: number, isRequest: boolean) => Space);
  /** Where in the body 16 bits say how many bytes stand between it and the attributes, if any do. */
  optionsLengthAt?: number;
  /** Of what the message is the one that asks, so that a body of one byte is legal. */
  asks?: true;
  /** `TC` messages: of what the handle is one. */
  about?: "filter" | "chain";
}

/** What is known of a kind, by part: `options`, `xstats`, `data`. */
export type Kind = Readonly<Record<string, Type>>;

/** Everything that a decoder knows. */
export interface Family {
  /** By `nlmsg_type`. */
  messages: Readonly<Record<number, MessageSpec>>;
  /** By what they are kinds of, and by name. */
  kinds: Readonly<Record<string, Readonly<Record<string, Kind>>>>;
  /** Whether it is generic netlink, whose types are numbers of families, and whose flags are those of requests to be told. */
  isGeneric?: true;
}

/** @throws {TypeError} where what is to be a family is none */
export function checkFamily(family: Family): void {
  if (typeof family?.messages === "object" && typeof family.kinds === "object") return;
  throw wrongInput("look things up in", family, "a family is ROUTE_FAMILY, or what genericFamily() gives");
}

const number = (size: number, more: Partial<NumberType> = {}): NumberType => ({ is: "number", size, ...more });

export const u8: NumberType = number(1);
export const u16: NumberType = number(2);
export const u32: NumberType = number(4);
export const u64: NumberType = number(8);
export const s8: NumberType = number(1, { signed: true });
export const s16: NumberType = number(2, { signed: true });
export const s32: NumberType = number(4, { signed: true });
export const s64: NumberType = number(8, { signed: true });
export const be16: NumberType = number(2, { network: true });
export const be32: NumberType = number(4, { network: true });
export const be64: NumberType = number(8, { network: true });

/** A string. */
export const string: StringType = { is: "string" };

/** Bytes that are shown in hex. */
export const bytes: BytesType = { is: "bytes" };

/** An attribute that holds nothing: that it is there says it. */
export const flag: BytesType = { is: "bytes", says: ({ length }) => length === 0 ? "set" : undefined };

/** Names of numbers. */
export function names(prefix: string, numbers: Readonly<Record<string, number>>): Names {
  const entries = Object.entries(numbers).map(([name, number]) => [number, prefix + name] as const);
  // Of two names of one number the first counts
  return { prefix, numbers, byNumber: new Map(entries.reverse()) };
}

/** A number that is one of those named. */
export function oneOf(type: NumberType, names: Names): NumberType {
  return { ...type, names };
}

/** A number whose bits are named. */
export function bitsOf(type: NumberType, names: Names): NumberType {
  return { ...type, names, bits: true };
}

/** A number that says something by itself. */
export function saying(type: NumberType, says: NonNullable<NumberType["says"]>): NumberType {
  return { ...type, says };
}

/** Attributes of that space. */
export function nest(space: Space | (() => Space)): NestType {
  return { is: "nest", space };
}

/** Attributes numbered by their places. */
export function list(prefix: string, of: Type): ListType {
  return { is: "list", prefix, of };
}

/** A struct, and what may follow it. */
export function struct(struct: Struct, then?: Type): StructType {
  return { is: "struct", struct, then };
}

/** The same struct or number over and over; `count` times, where it is part of a struct. */
export function array(of: Struct | NumberType, count?: number): ArrayType {
  const type = "members" in of ? struct(of) : of;
  return { is: "array", of: type, size: count && count * sizeOf(type) };
}

/** Numbers one behind another, each of which has a name. */
export function placed(of: NumberType, places: Names): ArrayType {
  return { is: "array", of, places };
}

/** What depends on the kind that the attribute `by` names. */
export function byKind(by: string, part: string): KindType {
  return { is: "kind", by, part };
}

/** What a member may be declared as: its type, with another short name where that is `[name, type]`. */
export type MemberInput = Type | Struct | readonly [name: string, type: Type | Struct];

/**
 * Declares a struct. A member's short name is the kernel's without the struct's prefix; one whose name begins with
 * `_pad` is a gap, and has none of the kernel's.
 */
export function layout(name: string, prefix: string, members: Readonly<Record<string, MemberInput>>): Struct {
  const made = Object.entries(members).map(([kernelName, input]) => member(kernelName, prefix, input));
  return { name, size: made.reduce((sum, { size }) => sum + size, 0), members: made };
}

function member(kernelName: string, prefix: string, input: MemberInput): Member {
  const [given, inner] = Array.isArray(input) ? input : [undefined, input];
  const type: Type = "members" in inner ? struct(inner) : inner;
  if (/^_pad/.test(kernelName)) return { name: "pad", kernelName: "", type, size: sizeOf(type) };
  const plain = kernelName.replace(/^_+/, "");
  const name = given ?? (plain.startsWith(prefix) ? plain.slice(prefix.length).replace(/^_+/, "") : plain);
  return { name, kernelName, type, size: sizeOf(type) };
}

/** The same struct, but that the members named are of other types of the same size. */
export function withMembers(struct: Struct, types: Readonly<Record<string, Type>>): Struct {
  const members = struct.members.map((member) => ({ ...member, type: types[member.kernelName] ?? member.type }));
  return { ...struct, members };
}

/** Whether a type is a value by itself, and holds no fields; one that is not known is bytes. */
export function isLeaf(type: Type | undefined): type is NumberType | BytesType | StringType | undefined {
  return type === undefined || type.is === "number" || type.is === "bytes" || type.is === "string";
}

/** The attributes of a nest, of a space that was declared later, too. */
export function spaceOf({ space }: Pick<NestType, "space">): Space {
  return typeof space === "function" ? space() : space;
}

/** The attributes of a message, by the first byte of the struct before them, an address family, and what it is. */
export function spaceFor({ space }: MessageSpec, family: number, isRequest: boolean): Space {
  return typeof space === "function" ? space(family, isRequest) : space;
}

/** The bytes of a type of fixed size. */
export function sizeOf(type: Type): number {
  const size = type.is === "struct" ? type.struct.size : "size" in type ? type.size : undefined;
  if (size === undefined) throw new TypeError(`A ${type.is} has no size of its own, so it cannot be part of a struct`);
  return size;
}

/** What an attribute is declared as: its number, its type (bytes where it has none), its name in `show --json`. */
export type AttributeInput = readonly [number: number, type?: Type | Struct, shown?: string];

/** Declares the attributes of a space, by their names without the prefix. */
export function attributes(
  prefix: string,
  inputs: Readonly<Record<string, AttributeInput>>,
  kindsOf?: string,
): Space {
  const short = prefix.slice(prefix.indexOf("_") + 1);
  const made = Object.entries(inputs).map(([name, [number, type = bytes, shown]]): Attribute => {
    const attribute: Attribute = {
      number,
      name: short + name,
      kernelName: prefix + name,
      type: "members" in type ? struct(type) : type,
    };
    if (shown !== undefined) attribute.shown = shown;
    return attribute;
  });
  return {
    prefix,
    kindsOf,
    attributes: made,
    byNumber: new Map(made.map((attribute) => [attribute.number, attribute])),
    byName: new Map(made.map((attribute) => [attribute.kernelName.slice(prefix.length), attribute])),
  };
}

/** The same attributes, but that those named hold something else. */
export function withOthers(space: Space, types: Readonly<Record<string, Type>>): Space {
  const inputs = space.attributes.map(({ number, kernelName, type, shown }): [string, AttributeInput] => {
    const name = kernelName.slice(space.prefix.length);
    return [name, [number, types[name] ?? type, shown]];
  });
  return attributes(space.prefix, Object.fromEntries(inputs), space.kindsOf);
}

/** Declares the messages of an object: `RTM_NEW`, `RTM_DEL` and `RTM_GET` of it, of numbers that follow each other. */
export function messages(
  object: string,
  first: number,
  spec: Omit<MessageSpec, "name" | "asks">,
): Record<number, MessageSpec> {
  const [made, gone, get] = ["NEW", "DEL", "GET"].map((verb) => `RTM_${verb}${object}`);
  return {
    [first]: { ...spec, name: made },
    [first + 1]: { ...spec, name: gone },
    [first + 2]: { ...spec, name: get, asks: true },
  };
}
