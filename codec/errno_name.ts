import { wrongInput } from "./wrong_input.ts";

/** `asm-generic/errno-base.h` and the beginning of `errno.h`, which x86-64 and arm64 have: the names from 1 on. */
const NAMES =
  `EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK
ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP`.split(/\s/);

/** Those of the others that netlink has an occasion to answer. 524 is meant for the kernel alone, and comes out of it. */
const LATER: Readonly<Record<number, string>> = {
  42: "ENOMSG",
  61: "ENODATA",
  71: "EPROTO",
  75: "EOVERFLOW",
  77: "EBADFD",
  90: "EMSGSIZE",
  93: "EPROTONOSUPPORT",
  95: "EOPNOTSUPP",
  97: "EAFNOSUPPORT",
  98: "EADDRINUSE",
  99: "EADDRNOTAVAIL",
  100: "ENETDOWN",
  101: "ENETUNREACH",
  104: "ECONNRESET",
  105: "ENOBUFS",
  106: "EISCONN",
  107: "ENOTCONN",
  110: "ETIMEDOUT",
  111: "ECONNREFUSED",
  113: "EHOSTUNREACH",
  114: "EALREADY",
  115: "EINPROGRESS",
  125: "ECANCELED",
  524: "ENOTSUPP",
};

/**
 * The kernel's name of an errno: `ENOENT`; `errno 4711` where it has none here.
 *
 * @throws {TypeError} where it is given something else than a whole number
 */
export function errnoName(errno: number): string {
  if (!Number.isInteger(errno)) throw wrongInput("name", errno, "an errno is a whole number");
  return NAMES[errno - 1] ?? LATER[errno] ?? `errno ${errno}`;
}
