import * as constants from "../../codec/assembly/constants.ts";
import { ROUTE_FAMILY } from "../../codec/spec/family.ts";
import { errnoName } from "../../codec/errno_name.ts";
import { contentsOf, numberNamed } from "../../codec/names.ts";

const ERRNO_MAX = 133;

/** Names that strace shows and the tables of messages do not have. */
const OTHERS: Readonly<Record<string, number>> = {
  ARPHRD_NETROM: 0,
  NLM_F_ECHO: 0x8,
  NLM_F_DUMP_INTR: 0x10,
  NLM_F_DUMP_FILTERED: 0x20,
  NLM_F_ROOT: 0x100,
  NLM_F_NONREC: 0x100,
  NLM_F_MATCH: 0x200,
  NLM_F_ATOMIC: 0x400,
  NLM_F_APPEND: 0x800,
  IF_RS_SENT: 0x10,
  IF_RA_RCVD: 0x20,
  IF_RA_MANAGED: 0x40,
  IF_RA_OTHERCONF: 0x80,
  IF_READY: 0x80000000,
  NUD_NONE: 0,
  BR_BOOLOPT_NO_LL_LEARN: 0,
  BR_BOOLOPT_MCAST_VLAN_SNOOPING: 1,
  BR_BOOLOPT_MST_ENABLE: 2,
  TCA_CLS_FLAGS_IN_HW: 4,
};

type Constant = keyof typeof constants;

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
  return numberNamed(word, ROUTE_FAMILY) ?? (Object.hasOwn(constants, word) ? constants[word as Constant] : undefined);
}

function shift(by: bigint | number | undefined): bigint | undefined {
  return by === undefined || by > 63 ? undefined : 1n << BigInt(by);
}

function errnoOf(name: string): number | undefined {
  for (let errno = 1; errno <= ERRNO_MAX; errno++) if (errnoName(errno) === name) return -errno;
  return undefined;
}

/** The fields of a struct with their sizes. */
export type Layout = readonly (readonly [name: string, size: number])[];

/** The structs of all messages, made when they are first asked for. */
let layouts: readonly Layout[] | undefined;

/** The shortest struct that has these fields and is no longer than `size`; `undefined` where none is known. */
export function layoutWith(names: readonly string[], size = Infinity): Layout | undefined {
  layouts ??= [...contentsOf(ROUTE_FAMILY).structs].map(({ members }) =>
    members.map(({ kernelName, size }) => [kernelName, size] as const)
  ).sort((one, other) => one.length - other.length);
  return layouts.find((layout) =>
    names.every((name) => layout.some(([each]) => each === name)) &&
    layout.reduce((sum, [, size]) => sum + size, 0) <= size
  );
}
