import { changeCommand } from "../change_command.ts";

/** `plugctl release-one` */
export const run = changeCommand(() => ({ action: "release-one" }));
