// @ts-check
// What every runtime does with the packed codec: it decodes and encodes each vector, and says where the outcome is
// another than the vector's.
import * as codec from "plugctl-codec";
import * as family from "plugctl-codec/family";

/**
 * @typedef {{ name: string, hex: string, tree: unknown, messages: unknown }} Decoding
 * @typedef {{ name: string, request: codec.Request, sequence: number, hex: string }} Encoding
 * @typedef {{ name: string, hex: string, summaries: readonly string[] }} Capture
 * @typedef {{ decodings: Decoding[], encodings: Encoding[], captures: Capture[] }} Vectors
 */

/**
 * Runs all vectors, and returns how many there are and what is wrong.
 *
 * @param {Vectors} vectors
 */
export function run({ decodings, encodings, captures }) {
  const failures = [
    ...decodings.flatMap((vector) => named(vector, decodingFailure)),
    ...encodings.flatMap((vector) => named(vector, encodingFailure)),
    ...captures.flatMap((vector) => named(vector, captureFailure)),
  ];
  return { count: decodings.length + encodings.length + captures.length, failures };
}

/**
 * @template {{ name: string }} Vector
 * @param {Vector} vector
 * @param {(vector: Vector) => string | undefined} failureOf
 */
function named(vector, failureOf) {
  const failure = failureOf(vector);
  return failure === undefined ? [] : [`${vector.name}: ${failure}`];
}

/** @param {Decoding} vector */
function decodingFailure({ hex, tree, messages }) {
  const bytes = fromHex(hex);
  const field = outcome(() => family.decode(bytes));
  const wrong = difference(plain(field), tree, "tree") ?? difference(plain(received(bytes)), messages, "messages");
  if (wrong !== undefined || isRefused(field)) return wrong;
  const again = codec.formatHex(codec.encode(/** @type {codec.Field} */ (field)));
  return again === hex.slice(0, again.length) && again.length >= 32 ? undefined : `encoded again it is ${again}`;
}

/** @param {Uint8Array} bytes */
function received(bytes) {
  codec.receiveRegion.set(bytes);
  return outcome(() => {
    const records = codec.readReceived(bytes.length);
    const messages = [];
    while (records.next()) messages.push(records.message());
    return messages;
  });
}

/** @param {Encoding} vector */
function encodingFailure({ request, sequence, hex }) {
  const length = codec.encodeRequest(request, { at: 0, sequence });
  const found = codec.formatHex(codec.sendRegion.subarray(0, length));
  return found === hex ? undefined : `it is ${found}`;
}

/** @param {Capture} vector */
function captureFailure({ hex, summaries }) {
  const messages = [...family.aboutPlugs(family.readCapture(fromHex(hex)))];
  const found = messages.map(({ timeNs, message }) => `${timeNs} ${message && family.formatSummary(message)}`);
  return difference(found, summaries, "summaries");
}

/**
 * What a decoder returns, or the offset at which it refuses.
 *
 * @param {() => unknown} decoder
 */
function outcome(decoder) {
  try {
    return decoder();
  } catch (error) {
    if (error instanceof codec.DecodeError) return { refusedAt: error.offset };
    throw error;
  }
}

/** @param {unknown} value */
function isRefused(value) {
  return typeof value === "object" && value !== null && "refusedAt" in value;
}

/**
 * A value as JSON can carry it: bytes in hex, and a number of 64 bits in digits.
 *
 * @param {unknown} value
 * @returns {unknown}
 */
function plain(value) {
  if (typeof value === "bigint") return { integer: String(value) };
  if (value instanceof Uint8Array) return { hex: codec.formatHex(value) };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

/**
 * Where what was found differs from what was expected, which decides: what was found may say more.
 *
 * @param {unknown} found
 * @param {unknown} expected
 * @param {string} path
 * @returns {string | undefined}
 */
function difference(found, expected, path) {
  if (typeof expected !== "object" || expected === null) {
    return found === expected || (found === 0 && expected === 0) ? undefined : `${path} is ${found}, not ${expected}`;
  }
  if (typeof found !== "object" || found === null) return `${path} is ${found}`;
  if (Array.isArray(expected) && Array.isArray(found) && found.length !== expected.length) {
    return `${path} has ${found.length}, not ${expected.length}`;
  }
  const inFound = /** @type {Record<string, unknown>} */ (found);
  for (const [key, each] of Object.entries(expected)) {
    const wrong = difference(inFound[key], each, `${path}.${key}`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** @param {string} hex */
function fromHex(hex) {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
