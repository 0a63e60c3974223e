import * as constants from "../../codec/assembly/constants.ts";
import { SPACE_TCA, SPACE_TCA_MIRRED } from "../../codec/assembly/codes.ts";
import { errnoName } from "../../codec/errno_name.ts";
import { attributeName } from "../../codec/names.ts";

/** Names that strace shows in requests for devices, qdiscs and routes, and that the codec has no need of. */
const OTHERS: Readonly<Record<string, number>> = {
  AF_UNSPEC: 0,
  AF_INET: 2,
  AF_INET6: 10,
  ARPHRD_NETROM: 0,
  ARPHRD_ETHER: 1,
  ARPHRD_LOOPBACK: 772,
  IFF_UP: 0x1,
  IFF_BROADCAST: 0x2,
  IFF_LOOPBACK: 0x8,
  IFF_POINTOPOINT: 0x10,
  IFF_RUNNING: 0x40,
  IFF_NOARP: 0x80,
  IFF_MULTICAST: 0x1000,
  IFF_LOWER_UP: 0x10000,
  NLM_F_ECHO: 0x8,
  NLM_F_ROOT: 0x100,
  NLM_F_MATCH: 0x200,
  NLM_F_APPEND: 0x800,
  RTEXT_FILTER_VF: 1,
  RTEXT_FILTER_SKIP_STATS: 8,
};
const ERRNO_MAX = 133;
/** How many types of each name space are tried. The largest has fewer. */
const TYPES_MAX = 128;

/** The fields of structs as strace shows them, with their sizes; those without a name it does not show. */
const LAYOUTS: readonly (readonly (readonly [name: string, size: number])[])[] = [
  [["ifi_family", 1], ["", 1], ["ifi_type", 2], ["ifi_index", 4], ["ifi_flags", 4], ["ifi_change", 4]],
  [["tcm_family", 1], ["", 3], ["tcm_ifindex", 4], ["tcm_handle", 4], ["tcm_parent", 4], ["tcm_info", 4]],
];
/** Fields that are of another size than those beside them. */
const SIZES: Readonly<Record<string, number>> = { bytes: 8 };

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
  return Object.hasOwn(constants, word) ? constants[word as keyof typeof constants] : undefined;
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
  for (let space = SPACE_TCA; space <= SPACE_TCA_MIRRED; space++) {
    for (let type = 0; type < TYPES_MAX; type++) if (attributeName(space, type) === name) return type;
  }
  return undefined;
}

/** The struct that has these fields, with the size of each; `undefined` where none is known. */
export function layoutWith(names: readonly string[]): readonly (readonly [name: string, size: number])[] | undefined {
  return LAYOUTS.find((layout) => names.every((name) => layout.some(([each]) => each === name)));
}
