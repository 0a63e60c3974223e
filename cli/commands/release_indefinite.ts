import { changeCommand } from "../change_command.ts";

/** `plugctl release-indefinite` */
export const run = changeCommand(() => ({ action: "release-indefinite" }));
