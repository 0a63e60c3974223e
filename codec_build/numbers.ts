/**
 * Writes codec/numbers.ts, the numbers of the tables that code imports from there by the kernel's names, or with --check
 * tells whether that is what is there.
 *
 * @module
 */
import { NLMSG_HDRLEN } from "../codec/assembly/constants.ts";
import { contentsOf } from "../codec/names.ts";
import { genericFamily, ROUTE_FAMILY } from "../codec/spec/family.ts";
import type { Struct } from "../codec/spec/table.ts";

const ROOT = new URL("../", import.meta.url);
const TARGET = new URL("codec/numbers.ts", ROOT);
const IMPORT = /import \{([^}]*)\} from "[./a-z_]*\/numbers\.ts"/g;

const FAMILIES = [ROUTE_FAMILY, genericFamily({ 31: "psample" })];
const NUMBERS = numbersOf();

/** Each number that the tables name: messages, attributes, values, and where members of structs stand. */
function numbersOf(): Map<string, number> {
  const found = new Map<string, number>();
  for (const family of FAMILIES) {
    const { spaces, structs, names } = contentsOf(family);
    for (const [type, { name, body }] of Object.entries(family.messages)) {
      found.set(name, Number(type));
      for (const [member, at] of membersOf(body)) found.set(`${member.toUpperCase()}_AT`, NLMSG_HDRLEN + at);
      found.set(`${body.name.toUpperCase()}_END`, NLMSG_HDRLEN + body.size);
    }
    for (const { attributes } of spaces) for (const { kernelName, number } of attributes) found.set(kernelName, number);
    for (const { prefix, numbers } of names) for (const name in numbers) found.set(prefix + name, numbers[name]);
    for (const struct of structs) {
      for (const [member, at] of membersOf(struct)) found.set(`${struct.name}_${member}_AT`.toUpperCase(), at);
    }
  }
  return found;
}

/** The members of a struct, and where each begins. */
function membersOf({ members }: Struct): [name: string, at: number][] {
  let end = 0;
  return members.flatMap(({ kernelName, size }) => {
    end += size;
    return kernelName === "" ? [] : [[kernelName, end - size]];
  });
}

/** The names that the sources import. */
function* importedNames(folder: URL): Generator<string, void> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory && !/^\.|^node_modules$/.test(name)) yield* importedNames(new URL(`${name}/`, folder));
    if (!name.endsWith(".ts")) continue;
    for (const [, names] of Deno.readTextFileSync(new URL(name, folder)).matchAll(IMPORT)) {
      yield* names.split(",").map((each) => each.trim()).filter((each) => each !== "");
    }
  }
}

function lineOf(name: string): string {
  const number = NUMBERS.get(name);
  if (number === undefined) throw new TypeError(`Cannot find ${name} in the tables of codec/spec`);
  return `export const ${name} = ${number};`;
}

const text = [
  "// Made by `deno task build` from codec/spec, for what imports it: do not edit.",
  "// `…_AT` of a member of a message's own struct is where that stands in the message, `…_END` where the struct ends; of",
  "// any other struct, as TC_MIRRED_IFINDEX_AT, where it stands in the struct.",
  ...[...new Set(importedNames(ROOT))].sort().map(lineOf),
  "",
].join("\n");
if (!Deno.args.includes("--check")) {
  await Deno.writeTextFile(TARGET, text);
} else if (await Deno.readTextFile(TARGET) !== text) {
  console.error(`${TARGET.pathname} is not what codec/spec says; make it anew with: deno task build`);
  Deno.exit(1);
}
