import { libc } from "./libc.ts";

/**
 * Takes this process out of its terminal's session and group, whose signals it then gets no more. One that leads a
 * group already stays what it is: it has none in common with another.
 */
export function leaveSession(): void {
  libc().call.setsid();
}
