import { RTM_NEWQDISC, TCQ_PLUG_BUFFER } from "./assembly/constants.ts";
import { encodeBatch, RECORD_WORDS, setBatchRecord } from "./batch.ts";
import { batchWords, ownerWords, patchBatch } from "./exchange.ts";
import { checkOptions, checkUint32, type PlugOptions, type QdiscRequest } from "./request.ts";

/** What differs from one use of prepared changes to the next. */
export interface Patch extends PlugOptions {
  /** The sequence number of the first; the next has the next. */
  sequence: number;
}

/**
 * Changes of plugs that are encoded once and moved many times: from one time to the next only the action, the
 * limit and the sequence numbers differ, and one call sets those in all of them.
 *
 * ```ts
 * import { PreparedChanges, TC_H_ROOT, TCQ_PLUG_BUFFER } from "@plugctl/plugctl/codec";
 *
 * const changes = new PreparedChanges([2, 3].map((ifindex) => ({ ifindex, handle: 0x10000, parent: TC_H_ROOT })));
 * console.log(changes.patch({ action: TCQ_PLUG_BUFFER, limit: 0, sequence: 1 })); // 120
 * ```
 */
export class PreparedChanges {
  /** How many there are. */
  readonly count: number;
  readonly #records: Uint32Array;
  readonly #number: number = ++ownerWords[1];

  /**
   * Notes which plugs are meant, up to `BATCH_MAX` of them.
   *
   * @throws {RangeError} where there are more, or a field is out of its range
   */
  constructor(places: readonly Pick<QdiscRequest, "ifindex" | "handle" | "parent">[]) {
    places.forEach(({ ifindex, handle, parent }, index) => {
      const plug = { action: TCQ_PLUG_BUFFER, limit: 0 };
      setBatchRecord(index, { type: RTM_NEWQDISC, ifindex, handle, parent, plug });
    });
    this.count = places.length;
    this.#records = batchWords.slice(0, this.count * RECORD_WORDS);
  }

  /**
   * Makes the changes stand at the start of `sendRegion`, with these options and sequence numbers. Returns their
   * length in bytes together.
   *
   * @throws {RangeError} where one is out of its range
   */
  patch(patch: Patch): number {
    const { action, limit, sequence } = checkOptions(patch);
    checkUint32("sequence", sequence);
    if (ownerWords[0] !== this.#number) this.#encode();
    return patchBatch(this.count, sequence, action, limit);
  }

  /** Encodes them anew, since something else has been encoded meanwhile. */
  #encode(): void {
    batchWords.set(this.#records);
    encodeBatch(this.count, 0);
    ownerWords[0] = this.#number;
  }
}
