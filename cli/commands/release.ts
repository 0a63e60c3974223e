import { changeCommand } from "../change_command.ts";

/** `plugctl release` and `plugctl release-one` */
export const run = changeCommand(({ arguments: { command } }) => ({
  action: command === "release-one" ? "release-one" : "release-indefinite",
}));
