// Prints what the kernel answers to a change, for a test that runs this without CAP_NET_ADMIN.
import { RTM_DELQDISC, TC_H_ROOT } from "../../codec/mod.ts";
import { Connection, errnoName } from "../../netlink/mod.ts";

using connection = Connection.open();
const [answer] = connection.transact([{ type: RTM_DELQDISC, ifindex: 1, handle: 0x10000, parent: TC_H_ROOT }]);
console.log(errnoName(answer.errno));
