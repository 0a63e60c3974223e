import * as v from "valibot";
import { LIMIT_BYTES, ON, operation } from "../operation.ts";

/** `limit`: sets how much is held at the most; what comes beyond it is dropped. */
export const LIMIT = operation({
  name: "limit",
  summary: "set the queue limit: what comes beyond it is dropped",
  isShared: true,
  schema: v.strictObject({ ...ON, limitBytes: LIMIT_BYTES }),
  run({ limitBytes, ...named }, { desk }) {
    const things = desk.find(named);
    desk.group(things).setLimit(limitBytes);
    return things.map(({ name }) => ({ name, limitBytes }));
  },
});
