import { GENERIC_FAMILIES } from "../../codec/spec/generic.ts";
import { type Attempt, messagesBytes, type Note } from "./strace_bytes.ts";
import { INSTEAD, isStrace, type StraceCall, straceCalls, StraceError, StraceReader } from "./strace.ts";
import { CUT, lettersOf } from "./arrays.ts";
import { asGeneric, type Findings, isMessage, mistakeAt, type TextFormat } from "./text_format.ts";

/** A family of generic netlink that has no tables, by the name that strace shows. */
function otherFamily({ words }: StraceCall): string | undefined {
  const name = /nlmsg_type=(?:[^,}]*\/\* )?([a-z_][\w-]*)/i.exec(words)?.[1];
  const isKnown = name === undefined || /^(?:NLMSG_|GENL_ID_CTRL$|0x)/.test(name) ||
    Object.hasOwn(GENERIC_FAMILIES, name);
  return isKnown ? undefined : `NETLINK_GENERIC (${name})`;
}

/** What strace prints of a program, whole or in part: the bytes of what goes over netlink. */
export const STRACE: TextFormat = {
  name: "what strace prints",
  fits: isStrace,
  read: (text, findings) => {
    const lost = (index: number) =>
      findings.attempt(() => {
        throw mistakeAt(text, index, LOST);
      });
    const all = [...straceCalls(text, lost)];
    const sockets = new Sockets(all);
    const isAlone = all.filter(({ name, words, dump }) => name !== "" || words !== "" || dump.length > 0).length === 1;
    return all.flatMap((call) => {
      const protocol = sockets.protocolOf(call);
      if (sockets.areUnknown && RAW.test(call.words) && !sockets.isKnown(call)) findings.note(NO_PROTOCOL);
      if (protocol === undefined && !(isAlone || sockets.areUnknown)) return [];
      const other = protocol === "NETLINK_ROUTE"
        ? undefined
        : protocol === "NETLINK_GENERIC"
        ? otherFamily(call)
        : protocol;
      if (other !== undefined) {
        if (hasData(call)) findings.leaveOut(other);
        return [];
      }
      const isNetlink = protocol !== undefined || isAlone;
      const datagrams = findings.attempt(() => callBytes(call, { text, findings, isNetlink }));
      return protocol === "NETLINK_GENERIC" ? datagrams.map(asGeneric) : datagrams;
    });
  },
};

const LOST = `this line is not understood; ${INSTEAD}`;
/** A type as -X raw shows it. */
const RAW = /\bnlmsg_type=0x[0-9a-f]+[,}]/;
const NO_PROTOCOL =
  "strace shows no protocol of netlink beside these numbers, so they are read as NETLINK_ROUTE; -yy shows it";
const TRANSFERS = /^(?:send|recv|sendto|recvfrom|sendm?msg|recvm?msg|sendmmsg|recvmmsg|read|write|readv|writev|)$/;
const MESSAGES = /\[*\{+(?:nlmsg_len=|len=\d+, type=)/;
/** What is read once more afterwards. */
const PEEKS = /\bMSG_PEEK\b/;
const STRING = /"((?:\\.|[^"\\])*)"(\.\.\.)?/g;

/** Whether messages come or go by a call. */
function hasData({ name, words, dump }: StraceCall): boolean {
  return TRANSFERS.test(name) && (dump.length > 0 || MESSAGES.test(words) || words.includes('"'));
}

/** A socket of netlink, its protocol, and its descriptor. */
const MADE =
  /^(?:AF_NETLINK|PF_NETLINK|0x10|16)\b.*?,[^,]*?,\s*(\w+)(?: \/\* (\w+) \*\/)?(?: \/\* [^*]* \*\/)?\).*= (\d+)/;
/** A descriptor that is made of another: the old one, and the new. */
const DOUBLED = /^(\d+)\b.*\) += (\d+)/;

/** Which descriptors are netlink sockets, and of which protocol. */
class Sockets {
  readonly #protocols = new Map<string, string>();

  /** Whether the text shows no socket being made, so that any descriptor may be one. */
  readonly areUnknown: boolean;

  constructor(calls: readonly StraceCall[]) {
    this.areUnknown = !calls.some(({ name, words }) => name === "socket" && MADE.test(words));
  }

  /** The protocol of netlink that a call is about, as far as that can be told. */
  protocolOf({ name, words, process }: StraceCall): string | undefined {
    const made = name === "socket" ? MADE.exec(words) : null;
    if (made) {
      const [, number, comment, descriptor] = made;
      this.#learn(process, descriptor, protocolNumbered(number) ?? comment ?? number);
      return undefined;
    }
    const doubled = /^(?:dup[23]?|fcntl(?:64)?)$/.test(name) ? DOUBLED.exec(words) : null;
    if (doubled && (name !== "fcntl" || /F_DUPFD/.test(words))) {
      const protocol = this.#protocols.get(`${process}:${doubled[1]}`);
      if (protocol !== undefined) this.#learn(process, doubled[2], protocol);
      return undefined;
    }
    const descriptor = /^(\d+)/.exec(words)?.[1] ?? "";
    if (name === "close") this.#protocols.delete(`${process}:${descriptor}`);
    if (!TRANSFERS.test(name)) return undefined;
    const said = protocolIn(words);
    if (said !== undefined && descriptor !== "") this.#learn(process, descriptor, said);
    const hasMessages = MESSAGES.test(words);
    const known = said ?? this.#protocols.get(`${process}:${descriptor}`) ??
      // Threads, and processes that others have begun, share descriptors
      (hasMessages ? this.#protocols.get(descriptor) : undefined);
    const isNetlink = hasMessages || /^\d+<NETLINK:\[|sa_family=(?:AF_NETLINK|0x10)\b|^\s*$/.test(words);
    return known ?? (isNetlink ? "NETLINK_ROUTE" : undefined);
  }

  /** Whether the protocol of a call's descriptor was shown. */
  isKnown({ words, process }: StraceCall): boolean {
    return this.#protocols.has(`${process}:${/^(\d+)/.exec(words)?.[1]}`);
  }

  /** Notes the protocol of a descriptor: for its process, and for others that have none of that number. */
  #learn(process: string, descriptor: string, protocol: string): void {
    this.#protocols.set(`${process}:${descriptor}`, protocol);
    this.#protocols.set(descriptor, protocol);
  }
}

/** `NETLINK_*` of `linux/netlink.h` by their numbers. */
const PROTOCOLS = `ROUTE 1 USERSOCK FIREWALL SOCK_DIAG NFLOG XFRM SELINUX ISCSI AUDIT FIB_LOOKUP CONNECTOR NETFILTER
  IP6_FW DNRTMSG KOBJECT_UEVENT GENERIC 17 SCSITRANSPORT ECRYPTFS RDMA CRYPTO SMC`.split(/\s+/);

/** What the kernel calls a protocol of netlink. */
export function protocolName(number: number): string {
  const name = PROTOCOLS[number];
  return name && /\D/.test(name) ? `NETLINK_${name}` : `netlink protocol ${number}`;
}

function protocolNumbered(number: string): string | undefined {
  return /^(?:0x[0-9a-f]+|\d+)$/i.test(number) ? protocolName(Number(number)) : undefined;
}

/** What only the messages of a protocol have, by its name: types, and what bodies begin with. */
const SIGNS: readonly (readonly [protocol: string, sign: RegExp])[] = [
  [
    "SOCK_DIAG",
    /nlmsg_type=(?:[^,}]*\/\* )?(?:SOCK_DIAG|SOCK_DESTROY|TCPDIAG|DCCPDIAG)|\{(?:[sinupx]diag_family|diag_family)=/,
  ],
  ["NETFILTER", /nlmsg_type=(?:[^,}]*\/\* )?NFNL_|\{nfgen_family=/],
  ["XFRM", /nlmsg_type=(?:[^,}]*\/\* )?XFRM_MSG_/],
  ["AUDIT", /nlmsg_type=(?:[^,}]*\/\* )?AUDIT_/],
  ["CRYPTO", /nlmsg_type=(?:[^,}]*\/\* )?CRYPTO_MSG_/],
  ["SELINUX", /nlmsg_type=(?:[^,}]*\/\* )?SELNL_MSG_/],
  ["GENERIC", /nlmsg_type=(?:[^,}]*\/\* )?(?:GENL_ID_|[a-z_][a-zA-Z_]*[,}])|\}, "?\{?cmd=\w+, version=/],
  ["ROUTE", /nlmsg_type=(?:[^,}]*\/\* )?RTM_/],
];

/** The protocol that a call says: of its descriptor with -yy, of its messages by their types and what they begin with. */
function protocolIn(words: string): string | undefined {
  const shown = /^\d+<NETLINK:\[([A-Z_]\w*)/.exec(words)?.[1];
  const name = shown ?? SIGNS.find(([, sign]) => sign.test(words))?.[0];
  return name && `NETLINK_${name}`;
}

/** The datagrams of one call: as they were dumped, or else by their fields, or else as a string. */
function callBytes(
  call: StraceCall,
  { text, findings, isNetlink }: { text: string; findings: Findings; isNetlink: boolean },
): Uint8Array[] {
  const { words, dump } = call;
  // Without a filter strace dumps what is read of files, too
  if (dump.length > 0) return isNetlink || isMessage(dump) ? [Uint8Array.from(dump)] : [];
  if (!hasData(call) || PEEKS.test(words)) return [];
  const inText = <T>(read: () => T): T => {
    try {
      return read();
    } catch (error) {
      throw error instanceof StraceError ? error.in(text, call) : error;
    }
  };
  const note = (said: string) => findings.note(said);
  const attempt: Attempt = (read) => findings.attempt(() => inText(read));
  const messages = inText(() =>
    MESSAGES.test(words) ? fieldBytes(words, { note, attempt }) : stringBytes(words, isNetlink)
  );
  return messages.filter(({ length }) => length > 0);
}

function fieldBytes(words: string, how: { note: Note; attempt: Attempt }): Uint8Array[] {
  const runs: Uint8Array[] = [];
  const form = new RegExp(MESSAGES, "g");
  for (let found = form.exec(words); found; found = form.exec(words)) {
    const reader = new StraceReader(words, found.index);
    runs.push(messagesBytes(reader.value(), how));
    form.lastIndex = reader.index;
  }
  return runs;
}

/** The strings of a call, of which those that begin with the length of a message are one, where it is netlink at all. */
function stringBytes(words: string, isNetlink: boolean): Uint8Array[] {
  const runs = words.matchAll(STRING).map(({ 0: string, 1: inside, 2: dots, index }) => {
    if (dots && isNetlink) throw new StraceError(index + string.length - 3, CUT);
    const bytes = lettersOf(inside, (at, why) => new StraceError(index + 1 + at, why));
    return dots || (!isNetlink && !isMessage(bytes)) ? [] : bytes;
  });
  const bytes = runs.toArray().flat();
  const quote = words.indexOf('"');
  if (bytes.length === 0 && isNetlink && quote >= 0) {
    throw new StraceError(quote, "the string that begins here has no end");
  }
  return [Uint8Array.from(bytes)];
}
