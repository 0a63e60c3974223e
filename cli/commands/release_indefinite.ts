import { changeCommand } from "../change_command.ts";
import { forgetDeadlines } from "../forget_deadlines.ts";

/** `plugctl release-indefinite` */
export const run = changeCommand({ action: "release-indefinite", after: forgetDeadlines });
