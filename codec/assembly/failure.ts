// Why a call failed, for the caller to read after it returned -1.
import { FAIL_OUT_OF_REGION } from "./codes";
import { FAILURE_AT } from "./regions";

/** Notes a failure and returns -1. `at` is an address; TypeScript turns it into an offset. */
export function fail(code: i32, at: i32, found: i32, needed: i32): i32 {
  store<i32>(FAILURE_AT, code);
  store<i32>(FAILURE_AT, at, 4);
  store<i32>(FAILURE_AT, found, 8);
  store<i32>(FAILURE_AT, needed, 12);
  return -1;
}

/** Checks that a count or a length that came from outside is 0 to `most`. */
export function checkCount(count: i32, most: i32): bool {
  if (<u32> count <= <u32> most) return true;
  fail(FAIL_OUT_OF_REGION, 0, count, most);
  return false;
}
