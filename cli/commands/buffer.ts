import { changeCommand } from "../change_command.ts";
import { isGiven } from "../given.ts";

/** `plugctl buffer` */
export const run = changeCommand({
  action: "buffer",
  options: (context) => ({ force: isGiven(context, "force") }),
});
