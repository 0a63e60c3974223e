import { type Attempt, messagesBytes, type Note } from "./strace_bytes.ts";
import { isStrace, type StraceCall, straceCalls, StraceError, StraceReader } from "./strace.ts";
import { CUT, lettersOf } from "./arrays.ts";
import { type Findings, isMessage, type TextFormat } from "./text_format.ts";

/** What strace prints of a program, whole or in part: the bytes of what goes over netlink. */
export const STRACE: TextFormat = {
  name: "what strace prints",
  fits: isStrace,
  read: (text, findings) => {
    const all = [...straceCalls(text)];
    const sockets = new Sockets(all);
    const isAlone = all.filter(({ name, words, dump }) => name !== "" || words !== "" || dump.length > 0).length === 1;
    return all.flatMap((call) => {
      const protocol = sockets.protocolOf(call);
      if (protocol === undefined && !(isAlone || sockets.areUnknown)) return [];
      if (protocol !== undefined && protocol !== "NETLINK_ROUTE") {
        if (hasData(call)) findings.leaveOut(protocol);
        return [];
      }
      return findings.attempt(() => callBytes(call, { text, findings, isNetlink: protocol !== undefined || isAlone }));
    });
  },
};

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
const MADE = /^(?:AF_NETLINK|PF_NETLINK|0x10|16)\b.*?,[^,]*?,\s*(\w+)(?: \/\* (\w+) \*\/)?\).*= (\d+)/;

/** Which descriptors are netlink sockets, and of which protocol. */
class Sockets {
  readonly #protocols = new Map<string, string>();

  /** Whether the text does not show how sockets were made, so that any descriptor may be one. */
  readonly areUnknown: boolean;

  constructor(calls: readonly StraceCall[]) {
    this.areUnknown = !calls.some(({ name, words }) => name === "socket" && MADE.test(words));
  }

  /** The protocol of netlink that a call is about, as far as that can be told. */
  protocolOf({ name, words, process }: StraceCall): string | undefined {
    const made = MADE.exec(words);
    if (name === "socket" && made) {
      const [, number, comment, descriptor] = made;
      this.#protocols.set(`${process}:${descriptor}`, PROTOCOLS[number] ?? comment ?? number);
      return undefined;
    }
    const descriptor = /^(\d+)/.exec(words)?.[1] ?? "";
    const key = `${process}:${descriptor}`;
    if (name === "close") this.#protocols.delete(key);
    const shown = /^\d+<NETLINK:\[|sa_family=(?:AF_NETLINK|0x10)\b|^\s*$/.test(words) || MESSAGES.test(words);
    return TRANSFERS.test(name) ? this.#protocols.get(key) ?? (shown ? "NETLINK_ROUTE" : undefined) : undefined;
  }
}

const PROTOCOLS: Readonly<Record<string, string>> = { "0": "NETLINK_ROUTE" };

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
