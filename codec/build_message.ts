import { NLA_HDRLEN } from "./assembly/constants.ts";
import { checkObject, checkText, checkWhole } from "./wrong_input.ts";
import type { FieldInput } from "./encode.ts";
import {
  checkFamily,
  type Family,
  type NumberType,
  type Space,
  spaceFor,
  spaceOf,
  type Struct,
  type StructType,
  type Type,
} from "./spec/table.ts";

/** What an attribute or a member of a struct is to hold: of a nest, attributes; of a list, what each of them holds. */
export type Value = number | bigint | string | Uint8Array | true | Values | readonly Values[];

/** Values by the kernel's names without their prefix, `IFNAME`; of members of structs by their short names, `ifindex`. */
export interface Values {
  /** What it is to hold. */
  readonly [name: string]: Value;
}

/** What a message is to say. */
export interface MessageInput {
  /** `NLM_F_*` */
  flags?: number;
  /** `nlmsg_seq` */
  sequence?: number;
  /** The struct at its head; what is not given is 0. */
  body?: Values;
  /** Its attributes, in the order in which they are given. */
  attributes?: Values;
}

const KEYS = ["flags", "sequence", "body", "attributes"];

function wrongKey(message: string, key: string): TypeError {
  return new TypeError(`Cannot build ${message}: it takes ${KEYS.join(", ")}, not ${key}`);
}

/** The attributes around what is being built, the innermost first. */
type Around = readonly { space: Space; values: Values }[];

/**
 * Builds a message from values by their names, for `encode`: numbers, widths, byte order and nesting are the tables'.
 * A number whose values have names may be given by one.
 *
 * ```ts
 * import { buildMessage, encode, ROUTE_FAMILY } from "@plugctl/plugctl/family";
 *
 * const bytes = encode(buildMessage(ROUTE_FAMILY, "RTM_NEWLINK", {
 *   flags: 0x605,
 *   attributes: { IFNAME: "ifb7", LINKINFO: { KIND: "ifb" } },
 * }));
 * console.log(bytes.length); // 60
 * ```
 *
 * @throws {TypeError} where the tables have no such message, attribute or member, or it holds something else
 * @throws {RangeError} where the flags or the sequence number are out of their range
 */
export function buildMessage(family: Family, name: string, input: MessageInput): FieldInput {
  checkFamily(family);
  checkText(name, "build", "the name of a message is a string, such as RTM_NEWLINK");
  checkObject(input, `build ${name} of`, "it takes an object with flags, sequence, body and attributes");
  const unknown = Object.keys(input).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw wrongKey(name, unknown);
  const { flags = 0, sequence = 0 } = input;
  const { type, fields } = buildBody(family, name, input);
  return {
    name: "message",
    fields: [
      { name: "len", value: 0 },
      { name: "type", value: type, length: 2 },
      { name: "flags", value: checkWhole("flags", flags, 0xffff), length: 2 },
      { name: "sequence", value: checkWhole("sequence", sequence) },
      { name: "portId", value: 0 },
      ...fields,
    ],
  };
}

/**
 * What stands behind the header of a message of that name, and the number of its type.
 *
 * @throws {TypeError} where the tables have no such message, attribute or member, or it holds something else
 */
export function buildBody(
  family: Family,
  name: string,
  { body = {}, attributes = {} }: MessageInput,
): { type: number; fields: FieldInput[] } {
  const [type, spec] = Object.entries(family.messages).find(([, each]) => each.name === name) ?? [];
  if (!spec) throw new TypeError(`Cannot build ${name}: there is no such message`);
  const builder = new Builder(family);
  valuesOf(`the body of ${name}`, body);
  valuesOf(`the attributes of ${name}`, attributes);
  const struct = builder.struct(spec.body, body);
  const space = spaceFor(spec, Number(struct[0].value), true);
  return { type: Number(type), fields: [...struct, ...builder.attributes(space, attributes, [])] };
}

class Builder {
  readonly #family: Family;

  constructor(family: Family) {
    this.#family = family;
  }

  struct({ name: struct, members }: Struct, values: Values): FieldInput[] {
    const unknown = Object.keys(values).find((name) => !members.some((member) => member.name === name));
    if (unknown !== undefined) throw new TypeError(`Cannot build struct ${struct}: it has no member ${unknown}`);
    return members.map(({ name, type, size }): FieldInput => {
      const value = values[name];
      if (value === undefined && type.is !== "struct") return { name, value: new Uint8Array(size) };
      if (type.is === "struct") return { name, fields: this.struct(type.struct, valuesOf(name, value ?? {})) };
      if (type.is === "number") return { name, ...numberField(name, type, value), length: size };
      return { name, value: bytesOf(name, value) };
    });
  }

  attributes(space: Space, values: Values, outer: Around): FieldInput[] {
    const around = [{ space, values }, ...outer];
    return Object.entries(values).map(([name, value]) => {
      const attribute = space.byName.get(name);
      if (!attribute) throw new TypeError(`Cannot build ${space.prefix}${name}: there is no such attribute`);
      const { kernelName, number, type } = attribute;
      return { name: kernelName, attributeType: number, ...this.#holding(kernelName, type, value, around) };
    });
  }

  #holding(name: string, type: Type | undefined, value: Value, around: Around): Partial<FieldInput> {
    switch (type?.is) {
      case "number": {
        const field = numberField(name, type, value);
        return { ...field, length: type.size + NLA_HDRLEN };
      }
      case "string":
        if (typeof value !== "string") throw wrong(name, "a string");
        return { value };
      case "nest":
        return { fields: this.attributes(spaceOf(type), valuesOf(name, value), around) };
      case "list": {
        if (!Array.isArray(value)) throw wrong(name, "a list");
        const holding = (each: Values) => this.#holding(name, type.of, each, around);
        return { fields: value.map((each, index) => ({ name, attributeType: index + 1, ...holding(each) })) };
      }
      case "struct":
        return value instanceof Uint8Array ? { value } : { fields: this.#structAndMore(name, type, value, around) };
      case "kind":
        return this.#holding(name, this.#ofKind(type.by, type.part, around), value, around);
      case "bytes":
      case "array":
      case "run":
      case undefined:
        return { value: value === true ? new Uint8Array(0) : bytesOf(name, value) };
      default:
        return type satisfies never;
    }
  }

  /** What is no member of the struct is an attribute behind it. */
  #structAndMore(name: string, { struct, then }: StructType, value: Value, around: Around): FieldInput[] {
    const entries = Object.entries(valuesOf(name, value));
    const isMember = (name: string) => struct.members.some((member) => member.name === name);
    const own = this.struct(
      struct,
      Object.fromEntries(entries.filter(([name]) => then?.is !== "nest" || isMember(name))),
    );
    if (then?.is !== "nest") return own;
    const more = Object.fromEntries(entries.filter(([name]) => !isMember(name)));
    return [...own, ...this.attributes(spaceOf(then), more, around)];
  }

  /** What the kind has that is named beside, or else around. */
  #ofKind(by: string, part: string, around: Around): Type | undefined {
    const named = around.find(({ space }) => space.byName.has(by));
    const kind = String(named?.values[by]);
    const kinds = this.#family.kinds[named?.space.kindsOf ?? ""] ?? {};
    return Object.hasOwn(kinds, kind) ? kinds[kind][part] : undefined;
  }
}

function numberField(name: string, { names, network }: NumberType, value: Value): Partial<FieldInput> {
  const number = typeof value === "string" ? names?.numbers[value] : value;
  if (typeof number !== "number" && typeof number !== "bigint") {
    const known = names ? ` or one of ${Object.keys(names.numbers).join(", ")}` : "";
    throw wrong(name, `a number${known}`);
  }
  return network ? { value: number, networkOrder: true } : { value: number };
}

function bytesOf(name: string, value: Value): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw wrong(name, "a Uint8Array");
}

function valuesOf(name: string, value: Value): Values {
  if (typeof value === "object" && value && !(value instanceof Uint8Array) && !Array.isArray(value)) {
    return value as Values;
  }
  throw wrong(name, "values by their names");
}

function wrong(name: string, wanted: string): TypeError {
  return new TypeError(`Cannot build ${name}: it must hold ${wanted}`);
}
