import { changeQueues } from "../../plug/change.ts";
import { warnOfLimit } from "../../plug/qdiscs.ts";
import { changeCommand } from "../change_command.ts";
import { UsageError } from "../usage_error.ts";
import { isGiven } from "../context.ts";
import { parseSize } from "../values.ts";

/** `plugctl limit` */
export const run = changeCommand(
  (context) => ({
    action: "limit",
    limitBytes: parseSize(sizeIn(context.arguments.operands)),
    force: isGiven(context, "force"),
  }),
  (queues, { change, context }) => {
    changeQueues(queues, change);
    for (const { connection, place: { ifindex } } of queues) {
      const warning = warnOfLimit(connection, { ifindex, limitBytes: change.limitBytes });
      if (warning !== undefined) context.note(warning);
    }
  },
  (operands) => operands.filter((operand) => operand !== sizeIn(operands)),
);

/** Which of the operands is the size: it may stand before the names or behind them. */
function sizeIn(operands: readonly string[]): string {
  const sizes = operands.filter((operand) => /^[0-9]/.test(operand));
  if (sizes.length > 1) {
    throw new UsageError(`${sizes.join(" and ")} look like sizes: name a gate with --gate, a device with --dev`);
  }
  if (sizes.length === 0) {
    throw new UsageError(`limit needs a size, such as 64k or 1m, but is given: ${operands.join(", ")}`);
  }
  return sizes[0];
}
