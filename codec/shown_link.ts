import type { Field } from "./field.ts";
import { formatHex } from "./text.ts";
import { IFLA, LINK_MESSAGES } from "./spec/link.ts";
import type { Attribute } from "./spec/table.ts";
import { decodeTree } from "./tree.ts";

/** What `show --json` prints of a device, by the names that the table of links gives. */
export type ShownLink = Readonly<Record<string, number | string>>;

/**
 * Reads from a link message what its table says is shown: names of values without what all of them begin with,
 * addresses as people write them, numbers as they are.
 *
 * @throws {DecodeError} where the bytes are malformed
 */
export function shownLink(bytes: Uint8Array): ShownLink {
  const { fields = [] } = decodeTree(bytes, { messages: LINK_MESSAGES, kinds: {} });
  const byName = new Map(fields.map((field) => [field.kernelName, field]));
  const shown = IFLA.attributes.filter(({ shown }) => shown !== undefined);
  return Object.fromEntries(shown.flatMap((attribute) => {
    const field = byName.get(attribute.kernelName);
    return field ? [[attribute.shown, valueOf(field, attribute)]] : [];
  }));
}

function valueOf({ value = "", meaning }: Field, { type }: Attribute): number | string {
  if (type.is === "number" && type.names && meaning !== undefined) return meaning.replace(type.names.prefix, "");
  if (value instanceof Uint8Array) return meaning ?? formatHex(value);
  return typeof value === "bigint" ? Number(value) : value;
}
