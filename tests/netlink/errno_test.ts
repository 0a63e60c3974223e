import { assert, assertEquals } from "@std/assert";
import * as errnos from "../../linux/netlink_error.ts";
import { errnoName } from "../../codec/errno_name.ts";
import { errnoSentence } from "../../linux/netlink_error.ts";

/** Every constant that the file exports, beside what it makes of them. */
const constants = Object.entries(errnos).filter(([, value]) => typeof value === "number");

Deno.test("errnoName() agrees with every constant that is exported", () => {
  assert(constants.length > 10);
  for (const [name, errno] of constants) assertEquals(errnoName(errno as number), name);
});

Deno.test("errnoName() knows the numbers of asm-generic/errno.h, from the first to the last", () => {
  assertEquals([1, 2, 16, 17, 22, 33, 34, 36, 40, 42].map(errnoName), [
    "EPERM",
    "ENOENT",
    "EBUSY",
    "EEXIST",
    "EINVAL",
    "EDOM",
    "ERANGE",
    "ENAMETOOLONG",
    "ELOOP",
    "ENOMSG",
  ]);
  assertEquals([75, 90, 95, 97, 99, 101, 105, 110, 113, 125, 524].map(errnoName), [
    "EOVERFLOW",
    "EMSGSIZE",
    "EOPNOTSUPP",
    "EAFNOSUPPORT",
    "EADDRNOTAVAIL",
    "ENETUNREACH",
    "ENOBUFS",
    "ETIMEDOUT",
    "EHOSTUNREACH",
    "ECANCELED",
    "ENOTSUPP",
  ]);
});

Deno.test("errnoName() gives the number, when it has no name", () => {
  assertEquals([0, 41, 58, 134, 4711].map(errnoName), ["errno 0", "errno 41", "errno 58", "errno 134", "errno 4711"]);
});

Deno.test("errnoSentence() says it in words, or else by name", () => {
  assertEquals([1, 105, 110, 9, 4711].map(errnoSentence), [
    "operation not permitted",
    "the receive buffer overflowed, and answers were lost",
    "no answer in time",
    "EBADF",
    "errno 4711",
  ]);
});
