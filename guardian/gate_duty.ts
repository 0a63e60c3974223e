import type { Connection } from "../netlink/connection.ts";
import { changeQueues } from "../plug/change.ts";
import { Gate } from "../gate/gate.ts";
import { namedGates } from "../gate/named_gates.ts";
import type { GateCharge } from "./charge.ts";
import type { Duty } from "./duty.ts";
import { backlogOf } from "./backlog_of.ts";
import { ifStillThere, ifThere } from "./if_there.ts";

/** What is to be done for a gate. It is looked for by its name, since it may not be there yet. */
export function gateDuty({ name, takeAway }: GateCharge, connection: Connection): Duty {
  const find = () => namedGates(connection, [name]);
  const look = () => backlogOf(find()[0]);
  // A first look loads and compiles, which a release is not to wait for.
  ifThere(look);
  return {
    look,
    release: () => ifThere(() => changeQueues(find(), { action: "release-indefinite" })),
    putRight: takeAway ? () => ifStillThere(() => Gate.named(connection, [name])[0].close()) : undefined,
  };
}
