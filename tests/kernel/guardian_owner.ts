/**
 * A program that has a plug of `eth0` in a guardian's charge, says the guardian's number, and waits to be ended:
 * `guardian_owner.ts WAY`.
 *
 * @module
 */

import { Guardian, Plug } from "../../mod.ts";

const WAYS: Record<string, (guardian: Guardian) => Plug> = {
  "attached": (guardian) => Plug.attach({ dev: "eth0", limitBytes: 1_000_000, guardian }),
  "attached, held and released": (guardian) => {
    const plug = Plug.attach({ dev: "eth0", limitBytes: 1_000_000, guardian });
    plug.buffer();
    plug.release();
    return plug;
  },
  "opened": (guardian) => Plug.open({ dev: "eth0", guardian }),
  "opened, held and released": (guardian) => {
    const plug = Plug.open({ dev: "eth0", guardian });
    plug.hold({ guardian }).release();
    plug.buffer();
    plug.release();
    return plug;
  },
  "opened, held until a deadline": (guardian) => {
    const plug = Plug.open({ dev: "eth0", guardian });
    const hold = plug.hold({ guardian, maxMs: 1 });
    while (!hold.cutShort);
    hold.release();
    return plug;
  },
};

using guardian = Guardian.start();
using plug = WAYS[Deno.args[0]](guardian);
console.log(guardian.pid, plug.dev);
await new Promise((resolve) => setTimeout(resolve, 600_000));
