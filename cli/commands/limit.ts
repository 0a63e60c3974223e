import { changeQueues } from "../../plug/change.ts";
import { warnOfLimit } from "../../plug/qdiscs.ts";
import { changeCommand } from "../change_command.ts";
import { parseSize } from "../values.ts";

/** `plugctl limit` */
export const run = changeCommand(
  ({ arguments: { operands: [size] } }) => ({ action: "limit", limitBytes: parseSize(size) }),
  (queues, { change, context }) => {
    changeQueues(queues, change);
    for (const { connection, place: { ifindex } } of queues) {
      const warning = warnOfLimit(connection, { ifindex, limitBytes: change.limitBytes });
      if (warning !== undefined) context.note(warning);
    }
  },
);
