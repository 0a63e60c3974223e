import { changeCommand } from "../change_command.ts";
import { warnOfLimit } from "../../qdisc/limit_warning.ts";
import { parseSize } from "../size.ts";

/** `plugctl limit` */
export const run = changeCommand({
  action: "limit",
  limitBytes: (context) => parseSize(context.arguments.operands[0]),
  warn: warnOfLimit,
});
