// The tables against the kernel's own headers: what a C compiler says that linux-libc-dev 6.12 has, and 6.1 of what
// 6.12 has no longer.
import { assert, assertEquals } from "@std/assert";
import * as constants from "../../codec/assembly/constants.ts";
import { contentsOf, numberNamed } from "../../codec/names.ts";
import { NLMSG, NLMSGERR, nlmsghdr } from "../../codec/spec/control.ts";
import { genericFamily, ROUTE_FAMILY } from "../../codec/spec/family.ts";
import type { Struct } from "../../codec/spec/table.ts";
import uapi from "./vectors/uapi.json" with { type: "json" };

const NUMBERS = new Map<string, number>(Object.entries(uapi.names));
/** Size, and of each member its name, offset and size. */
const STRUCTS = new Map(Object.entries(uapi.structs));
const contents = [ROUTE_FAMILY, genericFamily({ 31: "psample" })].map(contentsOf);

Deno.test("the tables have the kernel's numbers, of every attribute, value and bit that its headers name", () => {
  let compared = 0;
  const check = (name: string, number: number) => {
    const kernels = NUMBERS.get(name);
    if (kernels === undefined) return;
    assertEquals(number >>> 0, kernels >>> 0, name);
    compared++;
  };
  for (const { spaces, names } of contents) {
    for (const { attributes } of spaces) for (const { kernelName, number } of attributes) check(kernelName, number);
    for (const { prefix, numbers } of names) for (const name in numbers) check(prefix + name, numbers[name]);
  }
  assert(compared > 2500, `${compared}`);
});

Deno.test("the tables have every attribute, value and bit that was found in the kernel's headers", () => {
  const known = new Set(Object.values(ROUTE_FAMILY.messages).map(({ name }) => name));
  for (const { spaces, names } of contents) {
    for (const { attributes } of spaces) for (const { kernelName } of attributes) known.add(kernelName);
    for (const { prefix, numbers } of names) for (const name in numbers) known.add(prefix + name);
  }
  assert(NUMBERS.size > 2700, `${NUMBERS.size}`);
  assertEquals([...NUMBERS.keys()].filter((name) => !known.has(name)), []);
});

Deno.test("the tables have every message of rtnetlink that the kernel's headers name", () => {
  const named = [...NUMBERS].filter(([name]) => /^RTM_(?:NEW|DEL|GET|SET)/.test(name));
  assert(named.length > 60, `${named.length}`);
  for (const [name, number] of named) assertEquals(ROUTE_FAMILY.messages[number]?.name, name);
});

Deno.test("the tables lay out structs as the kernel's headers do, gap by gap", () => {
  const structs = contents.flatMap((each) => [...each.structs]).filter(({ name }) => STRUCTS.has(name));
  assert(structs.length > 140, `${structs.length}`);
  for (const struct of structs) {
    const [size, members] = STRUCTS.get(struct.name) ?? [];
    // An address family by itself is followed by a gap, which is no part of the struct
    if (size !== 1) assertEquals(struct.size, size, struct.name);
    assertEquals(membersOf(struct), members, struct.name);
  }
});

/** The members of a struct with their offsets and sizes, without gaps. */
function membersOf({ members }: Struct): unknown[] {
  let offset = 0;
  return members.flatMap(({ kernelName, size }) => {
    offset += size;
    return kernelName ? [[kernelName, offset - size, size]] : [];
  });
}

Deno.test("the numbers that AssemblyScript and callers know by their C names are those of the tables", () => {
  const lengths = new Map(contents.flatMap(({ structs }) => [...structs].map(({ name, size }) => [name, size])));
  lengths.set("nlmsghdr", nlmsghdr.size);
  let compared = 0;
  for (const [name, number] of Object.entries(constants)) {
    const known = name.endsWith("_LEN")
      ? lengths.get(name.slice(0, -4).toLowerCase())
      : numberNamed(name, ROUTE_FAMILY) ?? NLMSG.numbers[name.replace("NLMSG_", "")] ??
        NLMSGERR.byName.get(name.replace("NLMSGERR_ATTR_", ""))?.number;
    if (known === undefined) continue;
    // Of these two the constant leaves out what the compiler puts at their ends
    const isUnpadded = name === "TC_STATS_LEN" || name === "GNET_STATS_BASIC_LEN";
    assertEquals(number, isUnpadded ? known - 4 : known, name);
    compared++;
  }
  assert(compared >= 60, `${compared} of ${Object.keys(constants).length}`);
});
