import * as constants from "../../codec/assembly/constants.ts";
import { errnoName } from "../../codec/errno_name.ts";
import { contentsOf, numberNamed } from "../../codec/names.ts";
import { ROUTE_FAMILY } from "../../codec/spec/family.ts";

/** Names of flags and of a type of device that the codec has no need of. */
const OTHERS: Readonly<Record<string, number>> = {
  ARPHRD_NETROM: 0,
  NLM_F_ECHO: 0x8,
  NLM_F_ROOT: 0x100,
  NLM_F_MATCH: 0x200,
  NLM_F_APPEND: 0x800,
};
const ERRNO_MAX = 133;

/** Fields that are of another size than those beside them, in structs that are not known. */
const SIZES: Readonly<Record<string, number>> = { bytes: 8 };

/** The fields of a struct with their sizes; those without a name strace does not show. */
type Layout = readonly (readonly [name: string, size: number])[];

/** The size of a field, where it is of another than those beside it. */
export function sizeOfField(name: string): number | undefined {
  return SIZES[name];
}

/** The number that strace writes in words, `NLM_F_REQUEST|0x300` or `-ENOENT`; `undefined` where it is not known. */
export function straceNumber(words: string): bigint | undefined {
  let sum = 0n;
  for (const word of words.split("|")) {
    const number = numberOf(word);
    if (number === undefined) return undefined;
    sum += BigInt(number);
  }
  return sum;
}

function numberOf(word: string): bigint | number | undefined {
  if (/^(0x[0-9a-f]+|[0-9]+)$/i.test(word)) return BigInt(word);
  if (/^-[0-9]+$/.test(word)) return -BigInt(word.slice(1));
  const shifted = /^1<<(\w+)$/.exec(word)?.[1];
  if (shifted !== undefined) return shift(numberOf(shifted));
  if (word.startsWith("-E")) return errnoOf(word.slice(1));
  if (Object.hasOwn(OTHERS, word)) return OTHERS[word];
  if (Object.hasOwn(constants, word)) return constants[word as keyof typeof constants];
  return numberNamed(word, ROUTE_FAMILY);
}

function shift(by: bigint | number | undefined): bigint | undefined {
  return by === undefined || by > 63 ? undefined : 1n << BigInt(by);
}

function errnoOf(name: string): number | undefined {
  for (let errno = 1; errno <= ERRNO_MAX; errno++) if (errnoName(errno) === name) return -errno;
  return undefined;
}

/** The number of an attribute by its name. */
export function attributeTypeNamed(name: string): number | undefined {
  return numberNamed(name, ROUTE_FAMILY);
}

/** The smallest struct that has these fields, with the size of each; `undefined` where none is known. */
export function layoutWith(names: readonly string[]): Layout | undefined {
  const structs = [...contentsOf(ROUTE_FAMILY).structs].filter(({ members }) => {
    return names.every((name) => members.some(({ kernelName }) => kernelName === name));
  });
  const [smallest] = structs.sort((one, other) => one.members.length - other.members.length);
  return smallest?.members.map(({ kernelName, size }) => [kernelName, size] as const);
}
