/** What is wrong with what a caller gave: what cannot be done with it, and what is wanted in its place. */
export function wrongInput(deed: string, given: unknown, wanted: string): TypeError {
  return new TypeError(`Cannot ${deed} ${shown(given)}: ${wanted}`);
}

/** A value in a few words: what engines make of an object says nothing. */
function shown(given: unknown): string {
  if (typeof given === "string") return `the string ${JSON.stringify(given.slice(0, 20))}`;
  if (Array.isArray(given)) return "an array";
  return typeof given === "object" && given ? "an object" : typeof given === "function" ? "a function" : String(given);
}

/** @throws {TypeError} where something is no object; an array is none, unless that is wanted */
export function checkObject(given: unknown, deed: string, wanted: string, isArray = false): void {
  if (typeof given !== "object" || !given || Array.isArray(given) !== isArray) throw wrongInput(deed, given, wanted);
}

/** @throws {TypeError} where a text is none */
export function checkText(given: unknown, deed: string, wanted: string): void {
  if (typeof given !== "string") throw wrongInput(deed, given, wanted);
}

/** @throws {TypeError} where bytes are none */
export function checkBytes(given: unknown, deed: string, wanted: string): void {
  if (!(given instanceof Uint8Array)) throw wrongInput(deed, given, wanted);
}

/**
 * Returns the value.
 *
 * @throws {RangeError} where it is not a whole number from 0 to `most`
 */
export function checkWhole(name: string, given: number, most = 0xffffffff): number {
  if (typeof given !== "number" || given >>> 0 !== given || given > most) throw notWhole(name, given, most);
  return given;
}

/** As `checkWhole`. */
export function notWhole(name: string, given: unknown, most: number): RangeError {
  return new RangeError(`${name} is ${shown(given)}, must be a whole number from 0 to ${most}`);
}
