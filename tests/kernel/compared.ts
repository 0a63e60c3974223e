// What `ip -j` and `tc -j` print of an object, compared with what the codec reads of its message: every leaf of the
// JSON must be a leaf of the tree, of the same name and value.
import type { Field } from "../../codec/family.ts";

/** A leaf of a tree: its names, and in how many ways its value can be written. */
interface Leaf {
  names: readonly string[];
  texts: ReadonlySet<string>;
}

/** What is told about the JSON of an object, by the path of a leaf, places in lists left out: `options.rate`. */
export interface Told {
  /** The kernel's names of what iproute2 calls otherwise. */
  names?: Readonly<Record<string, string | readonly string[]>>;
  /** What iproute2 works out, and why no field says it. */
  derived?: Readonly<Record<string, string>>;
  /** The kernel's words for those of iproute2. */
  words?: Readonly<Record<string, string>>;
}

/** The leaves of the JSON that no field of the message has, in words. */
export function missingLeaves(json: unknown, message: Field, told: readonly Told[]): string[] {
  const leaves = leavesOf(message, []);
  return jsonLeaves(json, []).flatMap(([path, value]) => {
    const place = path.join(".");
    const key = path.at(-1) ?? "";
    if (told.some(({ derived = {} }) => place in derived || key in derived)) return [];
    const named = told.flatMap(({ names = {} }) => names[place] ?? names[key] ?? []);
    const meant = named.length > 0 ? named.flat() : [key];
    const fitting = leaves.filter(({ names }) => meant.some((name) => names.includes(name.toLowerCase())));
    const wanted = textsOfJson(value, told);
    if (fitting.some(({ texts }) => wanted.some((text) => texts.has(text)))) return [];
    // What is only said to be so is a bit or a value of that name
    if ((value === true || value === null) && leaves.some(({ texts }) => texts.has(key.toLowerCase()))) return [];
    // A bit that is not set is no field
    if (value === false && fitting.length === 0) return [];
    const found = fitting.map(({ texts }) => [...texts].join(" or ")).slice(0, 3).join("; ");
    return [
      `${place} is ${JSON.stringify(value)}, ${fitting.length ? `and is ${found}` : "and no field is called so"}`,
    ];
  });
}

function jsonLeaves(json: unknown, path: readonly string[]): [path: readonly string[], value: unknown][] {
  if (Array.isArray(json)) {
    if (json.every((each) => typeof each !== "object")) return json.length ? [[path, json]] : [];
    return json.flatMap((each) => jsonLeaves(each, path));
  }
  if (typeof json !== "object" || json === null) return [[path, json]];
  return Object.entries(json).flatMap(([key, value]) => jsonLeaves(value, [...path, key]));
}

/** The ways in which a value of JSON can be meant. */
function textsOfJson(value: unknown, told: readonly Told[]): string[] {
  if (Array.isArray(value)) return [value.map((each) => String(each).toLowerCase()).sort().join(" ")];
  if (typeof value === "boolean") return value ? ["1", "set"] : ["0"];
  if (value === null) return ["set", "1"];
  const text = String(value).toLowerCase();
  // `10.0.0.0/8` and `0x2/12` have their mask behind them, which is a field of its own; times are in seconds
  const first = text.split("/")[0];
  const words = told.flatMap(({ words = {} }) => words[text] ?? []);
  const scaled = typeof value === "number" && !Number.isInteger(value)
    ? [1e6, 1e9].map((by) => String(Math.round(value * by)))
    : [];
  const numbers = /^0x[0-9a-f]+$/.test(first) ? [String(Number(first))] : [];
  // A number in hex without its 0x
  if (typeof value === "string" && /^[0-9a-f]{2,16}$/.test(text)) numbers.push(String(BigInt(`0x${text}`)));
  return [text, first, ...words, ...numbers, ...scaled, text.replace(/:$/, ""), text.replaceAll("-", "")];
}

function leavesOf(field: Field, outer: readonly string[]): Leaf[] {
  const names = namesOf(field, outer);
  if (field.fields) return field.fields.flatMap((inner) => leavesOf(inner, [field.name, ...outer]));
  return [{ names, texts: new Set(textsOf(field)) }];
}

/** What a field may be called: its kernel name, and every end of it behind a `_`; an element as what holds it. */
function namesOf({ name, kernelName }: Field, outer: readonly string[]): string[] {
  const whole = /^\[\d+\]$/.test(name) ? outer[0] ?? name : kernelName || name;
  const parts = whole.toLowerCase().split("_").filter(Boolean);
  return [whole.toLowerCase(), name.toLowerCase(), ...parts.map((_, index) => parts.slice(index).join("_"))];
}

function textsOf({ value, meaning }: Field): string[] {
  const texts = [String(value).toLowerCase()];
  if (value instanceof Uint8Array) {
    texts.push(value.toHex(), [...value].map(String).sort().join(" "));
    if (value.length === 0) texts.push("1", "set", "true");
  }
  if (meaning === undefined) return texts;
  const said = meaning.toLowerCase();
  const parts = said.split("_");
  texts.push(...said.split("|"), ...said.split(" "));
  texts.push(said, said.split("|").sort().join(" "), said.replaceAll('"', ""), said.replace(/:$/, ""));
  texts.push(...parts.map((_, index) => parts.slice(index).join("_")), parts.at(-1) ?? "");
  return [...texts, said.replace(/^.*?_/, "").replaceAll("_", "")];
}
