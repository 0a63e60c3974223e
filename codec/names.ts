import { checkText } from "./wrong_input.ts";
import {
  checkFamily,
  type Family,
  type Kind,
  type Names,
  type Space,
  spaceOf,
  type Struct,
  type Type,
} from "./spec/table.ts";

/** Everything that a family is made of, each thing once. */
export interface Contents {
  spaces: Set<Space>;
  structs: Set<Struct>;
  names: Set<Names>;
}

/** Walks through the tables of a family. */
export function contentsOf(family: Family): Contents {
  const contents: Contents = { spaces: new Set(), structs: new Set(), names: new Set() };
  for (const { body, space } of Object.values(family.messages)) {
    addStruct(contents, body);
    // Which space it is depends on the address family, of 8 bits, and on whether it is a request
    const spaces = typeof space === "function"
      ? Array.from({ length: 512 }, (_, byte) => space(byte & 0xff, byte > 0xff))
      : [space];
    new Set(spaces).forEach((each) => addSpace(contents, each));
  }
  const kinds: Kind[] = Object.values(family.kinds).flatMap((kinds) => Object.values(kinds));
  kinds.flatMap((kind) => Object.values(kind)).forEach((type) => addType(contents, type));
  return contents;
}

function addStruct(contents: Contents, struct: Struct): void {
  if (contents.structs.has(struct)) return;
  contents.structs.add(struct);
  struct.members.forEach(({ type }) => addType(contents, type));
}

function addSpace(contents: Contents, space: Space): void {
  if (contents.spaces.has(space)) return;
  contents.spaces.add(space);
  space.attributes.forEach(({ type }) => addType(contents, type));
}

function addType(contents: Contents, type: Type): void {
  if (type.is === "number" && type.names) contents.names.add(type.names);
  if (type.is === "array" && type.places) contents.names.add(type.places);
  if (type.is === "nest") addSpace(contents, spaceOf(type));
  if (type.is === "list" || type.is === "array") addType(contents, type.of);
  if (type.is === "struct" || type.is === "run") addStruct(contents, type.struct);
  if (type.is === "struct" && type.then) addType(contents, type.then);
  if (type.is === "run") addSpace(contents, type.space());
}

/** The numbers of each family's names, made when they are first asked for. */
const numbers = new WeakMap<Family, ReadonlyMap<string, number>>();

/**
 * The number that the kernel calls by this name: of an attribute, a value of an enum, a bit, or a type of message; or
 * `undefined`.
 *
 * @throws {TypeError} where it is given something else than a string and a family
 */
export function numberNamed(name: string, family: Family): number | undefined {
  checkText(name, "find the number of", "a name is a string");
  checkFamily(family);
  const known = numbers.get(family) ?? numbersOf(family);
  numbers.set(family, known);
  return known.get(name);
}

function numbersOf(family: Family): ReadonlyMap<string, number> {
  const { spaces, names } = contentsOf(family);
  const found = new Map<string, number>();
  for (const { attributes } of spaces) for (const { kernelName, number } of attributes) found.set(kernelName, number);
  for (const each of names) for (const name in each.numbers) found.set(each.prefix + name, each.numbers[name]);
  for (const [type, { name }] of Object.entries(family.messages)) found.set(name, Number(type));
  return found;
}
