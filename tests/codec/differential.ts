// Both decoders on the same bytes.
import { decode } from "../../codec/family.ts";
import { DecodeError, readReceived, receiveRegion } from "../../codec/mod.ts";
import { difference } from "./difference.ts";
import { readMessages } from "./reference_decoder.ts";
import { Refused } from "./reference_reader.ts";
import { readTree } from "./reference_tree.ts";

/** What the codec makes of a run of messages: the messages, and the tree of the first. */
export function outcomes(bytes: Uint8Array): { messages: unknown; tree: unknown } {
  return { messages: outcome(() => decodeHere(bytes)), tree: outcome(() => decode(bytes)) };
}

/** What both decoders make differently of the same run of messages, in words, or `undefined`. */
export function disagreement(bytes: Uint8Array): string | undefined {
  const reference = { messages: outcome(() => readMessages(bytes)), tree: outcome(() => readTree(bytes)) };
  return difference(outcomes(bytes), reference);
}

function decodeHere(bytes: Uint8Array): unknown {
  receiveRegion.set(bytes);
  // What lies behind the message must not matter, nor what lay there before.
  receiveRegion.fill(bytes.length & 1 ? 0xff : 0, bytes.length, bytes.length + 64);
  const records = readReceived(bytes.length);
  const messages: unknown[] = [];
  while (records.next()) messages.push(records.message());
  return messages;
}

/** What a decoder returns, or the offset at which it refuses. Any other error is a fault and goes on. */
function outcome(decoder: () => unknown): unknown {
  try {
    return decoder();
  } catch (error) {
    if (error instanceof DecodeError || error instanceof Refused) return { refusedAt: error.offset };
    throw error;
  }
}
