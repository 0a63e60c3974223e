import { RECEIVE_AT, SLOT_LEN, SLOTS_MAX } from "./assembly/regions.ts";
import { DecodeError, lastDecodeError } from "./decode_error.ts";
import * as exchange from "./exchange.ts";
import { checkWhole, wrongInput } from "./wrong_input.ts";
import type { Message } from "./message.ts";
import { Records } from "./records.ts";

/**
 * Decodes the first `length` bytes of `receiveRegion`, one read of a netlink socket, and returns a cursor over
 * the messages, which makes no objects.
 *
 * ```ts
 * import { readReceived, receiveRegion, RTM_NEWQDISC } from "@plugctl/plugctl/codec";
 *
 * receiveRegion.set(Uint8Array.fromHex("24000000240002000100000000000000000000000100000000000100ffffffff00000000"));
 * const records = readReceived(36);
 * while (records.next()) {
 *   if (records.type === RTM_NEWQDISC) console.log(records.ifindex, records.backlogBytes); // 1 0
 * }
 * ```
 *
 * @throws {DecodeError} where the bytes are malformed
 * @throws {TypeError} where the length is not a whole number, from 0 on
 */
export function readReceived(length: number): Records {
  if (typeof length !== "number" || length >>> 0 !== length) {
    throw wrongInput("decode", length, "it is the length that was received, in bytes");
  }
  const count = exchange.decodeChunk(length);
  if (count < 0) throw lastDecodeError(RECEIVE_AT);
  return new Records(count);
}

/**
 * Decodes the one message in each of the first `count` slots of `receiveRegion`, whose lengths stand in
 * `slotLengths`, and returns a cursor over them. A slot whose length was set to 0, since nobody wants what is in
 * it, gives a message of type 0.
 *
 * @throws {DecodeError} where the bytes of one are malformed or more than one message; its offset counts from
 * the start of that slot
 * @throws {RangeError} where `count` is not 0 to `SLOTS_MAX`
 */
export function readSlots(count: number): Records {
  const decoded = exchange.decodeSlots(checkWhole("count", count, SLOTS_MAX));
  if (decoded < 0) throw slotError();
  return new Records(count, decoded === 0);
}

/** The error for the slot that was malformed. */
function slotError(): DecodeError {
  const slot = Math.floor(lastDecodeError(RECEIVE_AT).offset / SLOT_LEN);
  const { message, offset } = lastDecodeError(RECEIVE_AT + slot * SLOT_LEN);
  return new DecodeError(`${message} (of slot ${slot})`, offset);
}

/**
 * Decodes the first `length` bytes of `receiveRegion`, one read of a netlink socket, into messages.
 *
 * @throws {DecodeError} where the bytes are malformed
 * @throws {TypeError} where the length is not a whole number, from 0 on
 */
export function decodeReceived(length: number): Message[] {
  return messagesOf(readReceived(length));
}

/**
 * Decodes the one message in each of the first `count` slots of `receiveRegion`.
 *
 * @throws {DecodeError} where the bytes of one are malformed or more than one message; its offset counts from
 * the start of that slot
 * @throws {RangeError} where `count` is not 0 to `SLOTS_MAX`
 */
export function decodeSlots(count: number): Message[] {
  return messagesOf(readSlots(count));
}

function messagesOf(records: Records): Message[] {
  // Long enough from the start, since growing costs 3 ns a message.
  const messages = new Array<Message>(records.count);
  for (let index = 0; records.next(); index++) messages[index] = records.message();
  return messages;
}

/**
 * Tells in one call whether each of the first `count` slots of `receiveRegion` holds a plain ACK, with sequence
 * numbers from `sequence` on. Returns how many do before the first that holds anything else: an error, an ACK
 * with a warning, an answer to something earlier. `decodeSlots` says what that is.
 *
 * @throws {RangeError} where `count` is not 0 to `SLOTS_MAX`, or `sequence` not of 32 bits
 */
export function verifyAcks(count: number, sequence: number): number {
  return exchange.verifyAcks(checkWhole("count", count, SLOTS_MAX), checkWhole("sequence", sequence));
}
