/**
 * A program that holds what leaves `eth0` for a time, says `holding`, and waits to be ended.
 *
 * @module
 */

import { Plug } from "../../mod.ts";

using plug = Plug.attach({ dev: "eth0" });
using _hold = plug.hold({ maxMs: 600_000 });
console.log("holding");
await new Promise((resolve) => setTimeout(resolve, 600_000));
