/**
 * The program that is a guardian: `main.ts FD`, where FD is the file descriptor of the connection to the process that
 * has started it.
 *
 * @module
 */

import { guard } from "./guard.ts";

await guard(Number(Deno.args[0]));
