import type { Connection } from "../netlink/connection.ts";
import { changeQueues } from "../plug/change.ts";
import { detachAll } from "../plug/drain.ts";
import type { Queue } from "../plug/queue.ts";
import type { PlugCharge } from "./charge.ts";
import type { Duty } from "./duty.ts";
import { backlogOf } from "./backlog_of.ts";
import { ifStillThere, ifThere } from "./if_there.ts";

/** What is to be done for a plug. It is known by its handle, so that another in its place is left alone. */
export function plugDuty({ dev, place, takeAway }: PlugCharge, connection: Connection): Duty {
  const queue: Queue = { dev, place, located: true, connection };
  const look = () => backlogOf(queue);
  // A first look loads and compiles, which a release is not to wait for.
  ifThere(look);
  return {
    look,
    release: () => ifThere(() => changeQueues([queue], { action: "release-indefinite" })),
    putRight: takeAway ? () => ifStillThere(() => detachAll([queue])) : undefined,
  };
}
