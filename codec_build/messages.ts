/**
 * Writes docs/messages.md, everything that the codec's tables know, or with --check tells whether that is what is there.
 *
 * @module
 */
import { contentsOf } from "../codec/names.ts";
import { genericFamily, ROUTE_FAMILY } from "../codec/spec/family.ts";
import type { Family, Space, Type } from "../codec/spec/table.ts";

const TARGET = new URL("../docs/messages.md", import.meta.url);
const LINE_MAX = 118;

/** What a type is, in a few words. */
function typeText(type: Type): string {
  switch (type.is) {
    case "number": {
      const order = type.network ? ", network order" : "";
      const names = type.names ? `, ${type.bits ? "bits of" : "one of"} \`${type.names.prefix}*\`` : "";
      return `${type.signed ? "signed" : "unsigned"}, ${type.size} ${
        type.size === 1 ? "byte" : "bytes"
      }${order}${names}`;
    }
    case "string":
      return "string";
    case "bytes":
      return type.says ? "bytes, shown as people write them" : "bytes";
    case "nest":
      return `attributes \`${spaceOf(type.space).prefix}*\``;
    case "list":
      return `a list, of each ${typeText(type.of)}`;
    case "struct":
      return `\`struct ${type.struct.name}\`${type.then ? `, then ${typeText(type.then)}` : ""}`;
    case "array":
      return `an array, of ${typeText(type.of)}${type.places ? `, by their places \`${type.places.prefix}*\`` : ""}`;
    case "run":
      return `\`struct ${type.struct.name}\` with attributes \`${type.space().prefix}*\`, several`;
    case "kind":
      return `what the kind in \`${type.by}\` has`;
    default:
      throw new TypeError(`No type is like ${type satisfies never}`);
  }
}

function spaceOf(space: Space | (() => Space)): Space {
  return typeof space === "function" ? space() : space;
}

function messageLines({ messages }: Family): string[] {
  return Object.entries(messages).map(([type, { name, body }]) => `- \`${name}\` ${type}: \`struct ${body.name}\``);
}

function kindLines({ kinds }: Family): string[] {
  return Object.entries(kinds).map(([of, names]) => wrap(`- ${of}: ${Object.keys(names).join(", ")}`));
}

function spaceLines({ prefix, attributes }: Space): string[] {
  const rows = attributes.map(({ kernelName, number, type }) => `- \`${kernelName}\` ${number}: ${typeText(type)}`);
  return [`### \`${prefix}*\``, "", ...rows.map(wrap), ""];
}

/** Breaks a line where `deno fmt` would. */
function wrap(line: string): string {
  const lines = [""];
  for (const word of line.split(" ")) {
    const last = lines[lines.length - 1];
    if (last.length + word.length + 1 > LINE_MAX + 2) lines.push(`  ${word}`);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines.join("\n");
}

function text(): string {
  const generic = genericFamily({ 31: "psample" });
  const spaces = [...contentsOf(ROUTE_FAMILY).spaces, ...contentsOf(generic).spaces];
  const unique = [...new Map(spaces.map((space) => [space.prefix + space.attributes[0]?.kernelName, space])).values()];
  return [
    "# Messages",
    "",
    "Made by `deno task build` from the tables in `codec/spec`: what `decode`, `--verbose` and the codec know.",
    "",
    "## Types of messages",
    "",
    ...messageLines(ROUTE_FAMILY),
    "",
    "Of generic netlink the controller, `GENL_ID_CTRL` 16, and `psample`.",
    "",
    "## Kinds",
    "",
    ...kindLines(ROUTE_FAMILY),
    "",
    "## Attributes",
    "",
    ...unique.sort((one, other) => one.prefix < other.prefix ? -1 : 1).flatMap(spaceLines),
  ].join("\n").trimEnd() + "\n";
}

if (!Deno.args.includes("--check")) await Deno.writeTextFile(TARGET, text());
else if (await Deno.readTextFile(TARGET) !== text()) {
  console.error("docs/messages.md is not what the tables say; make it anew with: deno task build");
  Deno.exit(1);
}
