// Prints what the kernel answers to a change, and to one that others are to hear, for a test that runs this without
// CAP_NET_ADMIN.
import { RTM_DELQDISC, TC_H_ROOT } from "../../codec/mod.ts";
import { errnoName } from "../../codec/errno_name.ts";
import { Connection } from "../../netlink/connection.ts";

using connection = Connection.open();
for (const overheard of [false, true]) {
  const request = { type: RTM_DELQDISC, ifindex: 1, handle: 0x10000, parent: TC_H_ROOT } as const;
  const [answer] = connection.transact([request], { overheard });
  console.log(errnoName(answer.errno));
}
