/**
 * A program that holds what leaves `eth0` in a `using` block, says `holding`, and waits to be ended.
 *
 * @module
 */

import { Plug } from "../../mod.ts";

using plug = Plug.attach({ dev: "eth0" });
plug.buffer();
console.log("holding");
await new Promise((resolve) => setTimeout(resolve, 600_000));
