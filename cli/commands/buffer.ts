import { changeCommand } from "../change_command.ts";
import { isGiven } from "../given.ts";

/** `plugctl buffer` */
export const run = changeCommand({
  action: "buffer",
  change: (group, context) => group.buffer({ force: isGiven(context, "force") }),
});
