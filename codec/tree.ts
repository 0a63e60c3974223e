import { NLA_HDRLEN, NLA_TYPE_MASK } from "./assembly/constants.ts";
import {
  HOLDS_FIELDS,
  HOLDS_PADDING,
  HOLDS_SIGNED,
  HOLDS_STRING,
  HOLDS_UNSIGNED,
  SPACE,
  STRUCT_NLMSGHDR,
} from "./assembly/codes.ts";
import { FIELD_LEN, SCRATCH_AT, SCRATCH_LEN } from "./assembly/regions.ts";
import { DecodeError, lastDecodeError } from "./decode_error.ts";
import { fieldWords, scratchRegion, scratchView } from "./exchange.ts";
import { attributeName, messageFlagNames } from "./names.ts";
import { structFieldMeaning, structFieldNames } from "./struct_names.ts";
import { textOf } from "./text.ts";
import { treeModule } from "./tree_module.ts";
import { explainAnswer } from "./explain_answer.ts";
import type { Field } from "./field.ts";

/**
 * Decodes one netlink message into a tree of its fields, which covers each byte of the message once, but for
 * the attributes' headers. `encode` is the way back.
 * Bytes after the message are left alone: `field.length`, rounded up to 4, is where the next begins.
 *
 * ```ts
 * import { decode } from "@plugctl/plugctl/codec";
 *
 * const message = decode(Uint8Array.fromHex("100000000300020065000000f9020000"));
 * console.log(message.fields?.[1].meaning); // NLMSG_DONE
 * ```
 *
 * @throws {DecodeError} where the bytes are malformed; it says at which offset
 */
export function decode(bytes: Uint8Array): Field {
  const length = Math.min(bytes.length, SCRATCH_LEN);
  scratchRegion.set(bytes.subarray(0, length));
  const count = treeModule().decodeTree(length);
  if (count < 0) throw lastDecodeError(SCRATCH_AT);
  const tree = buildTree(count);
  explainAnswer(tree);
  return tree;
}

/**
 * Decodes a run of netlink messages, as one read of a socket gives them.
 *
 * @throws {DecodeError} where the bytes are malformed; its offset counts from the start of the run
 */
export function decodeAll(bytes: Uint8Array): Field[] {
  const messages: Field[] = [];
  for (let at = 0; at < bytes.length;) {
    const message = decodeAt(bytes, at);
    messages.push(message);
    at += message.length + 3 & ~3;
  }
  return messages;
}

function decodeAt(bytes: Uint8Array, at: number): Field {
  try {
    return decode(bytes.subarray(at));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new DecodeError(
      `${error.message} (of the message at offset ${at})`,
      at + error.offset,
    );
  }
}

function buildTree(count: number): Field {
  const root = fieldAt(0);
  const open = [root];
  for (let index = 1; index < count; index++) {
    const depth = fieldWords[index * (FIELD_LEN / 4) + 2] >>> 16 & 0xff;
    const field = fieldAt(index);
    open.length = depth;
    open[depth - 1].fields?.push(field);
    open.push(field);
  }
  return root;
}

/** The field at `index` of the list that the module has made. */
function fieldAt(index: number): Field {
  const word = index * (FIELD_LEN / 4);
  const offset = fieldWords[word];
  const length = fieldWords[word + 1];
  const identity = fieldWords[word + 2] & 0xffff;
  const holds = fieldWords[word + 2] >>> 24;
  return identity >= SPACE
    ? attributeField(identity, { offset, length, holds })
    : structField(identity, { offset, length, holds });
}

interface Place {
  offset: number;
  length: number;
  holds: number;
}

function attributeField(
  spaceId: number,
  { offset, length, holds }: Place,
): Field {
  const attributeType = scratchView.getUint16(offset + 2, true);
  const kernelName = attributeName(spaceId, attributeType & NLA_TYPE_MASK);
  const name = kernelName.slice(kernelName.indexOf("_") + 1);
  const field: Field = { name, kernelName, offset, length, attributeType };
  if (holds === HOLDS_FIELDS) field.fields = [];
  else field.value = valueAt({ offset: offset + NLA_HDRLEN, length: length - NLA_HDRLEN, holds });
  return field;
}

function structField(identity: number, place: Place): Field {
  const { offset, length, holds } = place;
  if (holds === HOLDS_PADDING) {
    return {
      name: "padding",
      kernelName: "",
      offset,
      length,
      value: bytesAt(place),
    };
  }
  const [name, kernelName] = structFieldNames(identity);
  const field: Field = { name, kernelName, offset, length };
  if (holds === HOLDS_FIELDS) return { ...field, fields: [] };
  field.value = valueAt(place);
  const said = identity === STRUCT_NLMSGHDR + 2 ? flagsAt(offset) : structFieldMeaning(identity, Number(field.value));
  if (said) field.meaning = said;
  return field;
}

/** What the flags of a header say, which depends on the type that stands before them. */
function flagsAt(offset: number): string {
  return messageFlagNames(
    scratchView.getUint16(offset, true),
    scratchView.getUint16(offset - 2, true),
  );
}

function valueAt(place: Place): number | bigint | string | Uint8Array {
  switch (place.holds) {
    case HOLDS_UNSIGNED:
      return unsignedAt(place);
    case HOLDS_SIGNED:
      return scratchView.getInt32(place.offset, true);
    case HOLDS_STRING:
      return stringAt(place);
    default:
      return bytesAt(place);
  }
}

function unsignedAt({ offset, length }: Place): number | bigint {
  if (length === 1) return scratchView.getUint8(offset);
  if (length === 2) return scratchView.getUint16(offset, true);
  if (length === 4) return scratchView.getUint32(offset, true);
  return scratchView.getBigUint64(offset, true);
}

/** A string that ends in its only NUL; anything else keeps its bytes, so that none is lost. */
function stringAt(place: Place): string | Uint8Array {
  const bytes = bytesAt(place);
  const end = bytes.length - 1;
  if (end < 0 || bytes.indexOf(0) !== end) return bytes;
  const text = textOf(bytes, 0, end);
  return text.includes("\ufffd") ? bytes : text;
}

function bytesAt({ offset, length }: Place): Uint8Array {
  return scratchRegion.slice(offset, offset + length);
}
