import { errnoName } from "../codec/errno_name.ts";

/** Numbers of Linux on x86-64 and arm64, `asm-generic/errno-base.h` and `errno.h`. */
export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EBADF = 9;
export const EAGAIN = 11;
export const EACCES = 13;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const EPIPE = 32;
export const EPROTONOSUPPORT = 93;
export const EOPNOTSUPP = 95;
export const EAFNOSUPPORT = 97;
export const ENETDOWN = 100;
export const ECONNRESET = 104;
export const ENOBUFS = 105;
export const ETIMEDOUT = 110;

const SENTENCES: Readonly<Record<string, string>> = {
  EPERM: "operation not permitted",
  ENOENT: "no such thing",
  EINTR: "interrupted",
  EAGAIN: "not now",
  ENOMEM: "out of memory",
  EACCES: "permission denied",
  EBUSY: "busy",
  EEXIST: "it exists already",
  ENODEV: "no such device",
  EINVAL: "invalid argument",
  EMFILE: "too many open files",
  ENAMETOOLONG: "name too long",
  EMSGSIZE: "message too long",
  EOPNOTSUPP: "operation not supported",
  EAFNOSUPPORT: "address family not supported",
  ENETDOWN: "network is down",
  ENETUNREACH: "network is unreachable",
  ENOBUFS: "the receive buffer overflowed, and answers were lost",
  ETIMEDOUT: "no answer in time",
};

/** What an errno says in a few words, or its name. */
export function errnoSentence(errno: number): string {
  const name = errnoName(errno);
  return SENTENCES[name] ?? name;
}

/** What something is done to, for who advises what to do where it fails. */
export interface Subject {
  /** A device. */
  readonly dev?: string;
  /** A gate. */
  readonly gate?: string;
  /** A network namespace that is to be entered, as it was named. */
  readonly enters?: string;
  /** The capability that it takes, where that is another than CAP_NET_ADMIN: `CAP_SYS_ADMIN`. */
  readonly takes?: string;
}

/** Something that is being done: what, in words, and to what. */
export class Operation {
  /** `buffer eth0 (root)` */
  readonly text: string;
  /** What it is done to, as data. */
  readonly subject: Subject;

  /** Takes both: nothing reads the one from the other. */
  constructor(text: string, subject: Subject) {
    this.text = text;
    this.subject = subject;
  }

  /** The words alone. */
  toString(): string {
    return this.text;
  }
}

/** Something that is being done, or its words where it is done to nothing that one could advise about. */
export type AnyOperation = string | Operation;

/** What an operation is done to. */
export function subjectOf(operation: AnyOperation): Subject {
  return typeof operation === "string" ? {} : operation.subject;
}

/** What is known of a refusal. */
export interface Refusal {
  /** A positive errno. */
  errno: number;
  /** The kernel's own sentence, where it sent one. */
  sentence?: string;
  /** Where in the request the fault is, in bytes; 0 where the kernel did not say. */
  offset?: number;
}

/** The kernel refused, or did not answer. */
export class NetlinkError extends Error {
  /** The class's name. */
  override name = "NetlinkError";
  /** What was being done: `create plug`, `dump qdiscs`, `socket`. */
  readonly operation: string;
  /** What that was done to. */
  readonly subject: Subject;
  /** A positive errno. */
  readonly errno: number;
  /** The errno's name: `ENOENT`. */
  readonly code: string;
  /** The kernel's own sentence, or empty. */
  readonly sentence: string;
  /** Where in the request the fault is, in bytes; 0 where the kernel did not say. */
  readonly offset: number;

  /** Puts the sentence together: `Cannot create plug: it exists already (EEXIST)`. */
  constructor(
    operation: AnyOperation,
    { errno, sentence = "", offset = 0 }: Refusal,
    options?: ErrorOptions,
  ) {
    const { takes } = subjectOf(operation);
    const isForbidden = errno === EPERM || errno === EACCES;
    const own = takes !== undefined && isForbidden ? `it takes root, or ${takes}` : "";
    super(
      `Cannot ${operation}: ${[sentence, own].filter(Boolean).join(": ") || errnoSentence(errno)} (${
        errnoName(errno)
      })`,
      options,
    );
    this.operation = String(operation);
    this.subject = subjectOf(operation);
    this.errno = errno;
    this.code = errnoName(errno);
    this.sentence = sentence;
    this.offset = offset;
  }
}
