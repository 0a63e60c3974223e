import type { Field } from "./field.ts";
import { LINK_MESSAGES } from "./spec/link.ts";
import { plug, QDISC_MESSAGES } from "./spec/qdisc.ts";
import type { Family } from "./spec/table.ts";
import { decodeTree, decodeTrees } from "./tree.ts";

/** What a tool that moves plugs meets: qdiscs, links, and answers. */
const CORE: Family = { messages: { ...LINK_MESSAGES, ...QDISC_MESSAGES }, kinds: { qdisc: { plug } } };

/**
 * Decodes one netlink message about a qdisc or a link, or an answer, into a tree of its fields, which covers each byte of the
 * message once, but for the attributes' headers. `encode` is the way back. Options of qdiscs other than the plug, and other
 * messages, stay bytes: the entry point `family` knows them all.
 * Bytes after the message are left alone: `field.length`, rounded up to 4, is where the next begins.
 *
 * ```ts
 * import { decode } from "@plugctl/plugctl/codec";
 *
 * const message = decode(Uint8Array.fromHex("100000000300020065000000f9020000"));
 * console.log(message.fields?.[1].meaning); // NLMSG_DONE
 * ```
 *
 * @throws {TypeError} where it is given something else than bytes
 * @throws {DecodeError} where the bytes are malformed; it says at which offset, and has the fields before as `partial`
 */
export function decode(bytes: Uint8Array): Field {
  return decodeTree(bytes, CORE);
}

/**
 * Decodes a run of netlink messages, as one read of a socket gives them.
 *
 * @throws {TypeError} where it is given something else than bytes
 * @throws {DecodeError} where the bytes are malformed; its offset counts from the start of the run, its `messages` are
 * those before, and its `partial` is the one at fault, as far as it goes
 */
export function decodeAll(bytes: Uint8Array): Field[] {
  return decodeTrees(bytes, CORE);
}
