/** Numbers of Linux on x86-64 and arm64, `asm-generic/errno-base.h` and `errno.h`. */
export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EAGAIN = 11;
export const EACCES = 13;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const EOPNOTSUPP = 95;
export const EAFNOSUPPORT = 97;
export const ECONNRESET = 104;
export const ENOBUFS = 105;
export const ETIMEDOUT = 110;

/** The names by number, from 1 on; 41 has none. */
const NAMES = `EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY
EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM
ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP`.split(
  /\s+/,
);

/** Those after the gap that a netlink socket is likely to answer. */
const LATER: Readonly<Record<number, string>> = {
  42: "ENOMSG",
  90: "EMSGSIZE",
  93: "EPROTONOSUPPORT",
  95: "EOPNOTSUPP",
  97: "EAFNOSUPPORT",
  99: "EADDRNOTAVAIL",
  100: "ENETDOWN",
  101: "ENETUNREACH",
  104: "ECONNRESET",
  105: "ENOBUFS",
  107: "ENOTCONN",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  113: "EHOSTUNREACH",
};

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

/** An errno's name, `ENOENT`, or `errno 4711` where it has none here. */
export function errnoName(errno: number): string {
  return NAMES[errno - 1] ?? LATER[errno] ?? `errno ${errno}`;
}

/** What an errno says in a few words, or its name. */
export function errnoSentence(errno: number): string {
  const name = errnoName(errno);
  return SENTENCES[name] ?? name;
}
