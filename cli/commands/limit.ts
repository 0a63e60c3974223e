import { changeCommand } from "../change_command.ts";
import { warnOfLimit } from "../../qdisc/mod.ts";
import { parseSize } from "../size.ts";

/** `plugctl limit` */
export const run = changeCommand({
  action: "limit",
  limitBytes: (context) => parseSize(context.arguments.operands[0]),
  change: (group, _context, limitBytes = 0) => group.setLimit(limitBytes),
  warn: warnOfLimit,
});
