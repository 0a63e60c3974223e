import * as constants from "../../codec/assembly/constants.ts";
import { errnoName } from "../../codec/errno_name.ts";

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

/** The number that strace writes in words, `NLM_F_REQUEST|0x300` or `-ENOENT`; `undefined` where it is not known. */
export function straceNumber(words: string): number | undefined {
  let sum = 0;
  for (const word of words.split("|")) {
    const number = numberOf(word);
    if (number === undefined) return undefined;
    sum += number;
  }
  return sum;
}

function numberOf(word: string): number | undefined {
  if (/^-?(0x[0-9a-f]+|[0-9]+)$/i.test(word)) return Number(word);
  if (word.startsWith("-E")) return errnoOf(word.slice(1));
  if (Object.hasOwn(OTHERS, word)) return OTHERS[word];
  return Object.hasOwn(constants, word) ? constants[word as keyof typeof constants] : undefined;
}

function errnoOf(name: string): number | undefined {
  for (let errno = 1; errno <= ERRNO_MAX; errno++) if (errnoName(errno) === name) return -errno;
  return undefined;
}
