import { libc } from "./libc.ts";

/**
 * Takes this process out of its terminal's session and group, whose signals it then gets no more. A process that leads
 * a group already stays where it is: the kernel refuses to move it, and what is sent to other groups does not reach it.
 */
export function leaveSession(): void {
  libc().call.setsid();
}
