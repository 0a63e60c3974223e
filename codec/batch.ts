import { BATCH_MAX, BATCH_RECORD_LEN } from "./assembly/regions.ts";
import * as exchange from "./exchange.ts";
import { type QdiscRequest, writeRecord } from "./request.ts";

/** How many words of `batchWords` a record has. */
export const RECORD_WORDS: number = BATCH_RECORD_LEN / 4;

/**
 * Notes a request about a qdisc as record `index`, from 0 to `BATCH_MAX` - 1, of the next batch. It stays there
 * until another takes its place.
 *
 * @throws {RangeError} where the index or a field is out of its range
 */
export function setBatchRecord(index: number, request: QdiscRequest): void {
  if (index >>> 0 !== index || index >= BATCH_MAX) {
    throw new RangeError(`index is ${index}, must be a whole number from 0 to ${BATCH_MAX - 1}`);
  }
  writeRecord(index * RECORD_WORDS, request);
}

/**
 * Encodes the first `count` records into `sendRegion`, from its start on and each after the other, in one call.
 * The first has sequence number `sequence`, the next the next. Returns their length in bytes together.
 *
 * ```ts
 * import { encodeBatch, RTM_DELQDISC, setBatchRecord, TC_H_ROOT } from "@plugctl/plugctl/codec";
 *
 * for (const index of [0, 1, 2]) {
 *   setBatchRecord(index, { type: RTM_DELQDISC, ifindex: index + 1, handle: 0, parent: TC_H_ROOT });
 * }
 * console.log(encodeBatch(3, 1)); // 108
 * ```
 *
 * @throws {RangeError} where `count` is not 0 to `BATCH_MAX`
 */
export function encodeBatch(count: number, sequence: number): number {
  const length = exchange.encodeBatch(count, sequence);
  if (length < 0) throw new RangeError(`Cannot encode ${count} requests at once: at most ${BATCH_MAX}`);
  return length;
}
