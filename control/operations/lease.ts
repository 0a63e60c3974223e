import * as v from "valibot";
import { BEGINNING, NEW_HOLD, RENEWAL } from "../holds.ts";
import { TEXT } from "../fields.ts";
import { operation } from "../operation.ts";

/** Which hold, by what `arm` has called it. */
const HOLD = { hold: TEXT };

/** `arm`: checks and sets up a hold, which begins at a moment, or when `begin` says so. */
export const ARM = operation({
  name: "arm",
  summary: "check and set up a hold: it begins at a moment or by begin, and ends without renew",
  schema: v.strictObject(v.omit(NEW_HOLD, ["armed"]).entries),
  run: (asked, { holds }) => holds.begin({ ...asked, armed: true }),
});

/** `begin`: has an armed hold begin, at once or at a moment. */
export const BEGIN = operation({
  name: "begin",
  summary: "have an armed hold begin, at once or at a moment",
  schema: v.strictObject({ ...HOLD, ...BEGINNING.entries }),
  run: ({ hold, ...beginning }, { holds }) => holds.start(hold, beginning),
});

/** `renew`: renews the lease of a hold. */
export const RENEW = operation({
  name: "renew",
  isFree: true,
  summary: "renew the lease of a hold, from now on",
  schema: v.strictObject({ ...HOLD, ...RENEWAL.entries }),
  run: ({ hold, ...renewal }, { holds }) => holds.renew(hold, renewal),
});

/** `end`: releases what a hold holds, or calls it off, and tells what it held. */
export const END = operation({
  name: "end",
  isFree: true,
  summary: "release what a hold with a lease holds, or call it off, and tell what it held",
  schema: v.strictObject(HOLD),
  run: ({ hold }, { holds }) => holds.release(hold),
});

/** `holds`: lists the holds with leases. */
export const HOLDS = operation({
  name: "holds",
  isFree: true,
  summary: "list the holds with leases that go on, and the last that have ended",
  schema: v.strictObject({}),
  run: (_, { holds }) => holds.all,
});
