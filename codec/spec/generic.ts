// Generic netlink: its controller, and `psample`, which hands out copies of packets. `linux/genetlink.h`, `linux/psample.h`
import {
  attributes,
  be16,
  be64,
  bitsOf,
  flag,
  layout,
  list,
  type MessageSpec,
  type Names,
  names,
  nest,
  oneOf,
  type Space,
  string,
  u16,
  u32,
  u64,
  u8,
} from "./table.ts";
import { address, ETH_P } from "./value.ts";
import { NL_POLICY_TYPE } from "./control.ts";

/** `CTRL_CMD_*` */
const CTRL_CMD = names("CTRL_CMD_", {
  NEWFAMILY: 1,
  DELFAMILY: 2,
  GETFAMILY: 3,
  NEWOPS: 4,
  DELOPS: 5,
  GETOPS: 6,
  NEWMCAST_GRP: 7,
  DELMCAST_GRP: 8,
  GETMCAST_GRP: 9,
  GETPOLICY: 10,
});
/** `GENL_*`: what may be asked. */
const GENL = names("GENL_", { ADMIN_PERM: 1, CMD_CAP_DO: 2, CMD_CAP_DUMP: 4, CMD_CAP_HASPOL: 8, UNS_ADMIN_PERM: 16 });

/** `struct genlmsghdr` of the family whose commands are `commands`. */
const genlmsghdr = (commands: Names) =>
  layout("genlmsghdr", "", { cmd: oneOf(u8, commands), version: u8, reserved: u16 });

const CTRL_ATTR_OP: Space = attributes("CTRL_ATTR_OP_", {
  ID: [1, u32],
  FLAGS: [2, bitsOf(u32, GENL)],
});

const CTRL_ATTR_MCAST_GRP: Space = attributes("CTRL_ATTR_MCAST_GRP_", {
  NAME: [1, string],
  ID: [2, u32],
});

const CTRL_ATTR_POLICY: Space = attributes("CTRL_ATTR_POLICY_", {
  DO: [1, u32],
  DUMP: [2, u32],
});

const CTRL_ATTR: Space = attributes("CTRL_ATTR_", {
  FAMILY_ID: [1, u16],
  FAMILY_NAME: [2, string],
  VERSION: [3, u32],
  HDRSIZE: [4, u32],
  MAXATTR: [5, u32],
  OPS: [6, list("CTRL_ATTR_OPS_", nest(CTRL_ATTR_OP))],
  MCAST_GROUPS: [7, list("CTRL_ATTR_MCAST_GROUPS_", nest(CTRL_ATTR_MCAST_GRP))],
  POLICY: [8, list("CTRL_ATTR_POLICY_", list("CTRL_ATTR_POLICY_ATTR_", nest(NL_POLICY_TYPE)))],
  OP_POLICY: [9, list("CTRL_ATTR_OP_POLICY_", nest(CTRL_ATTR_POLICY))],
  OP: [10, u32],
});

/** `PSAMPLE_CMD_*` */
const PSAMPLE_CMD = names("PSAMPLE_CMD_", { SAMPLE: 0, GET_GROUP: 1, NEW_GROUP: 2, DEL_GROUP: 3, SET_FILTER: 4 });
const PSAMPLE_TUNNEL: Space = attributes("PSAMPLE_TUNNEL_KEY_ATTR_", {
  ID: [0, be64],
  IPV4_SRC: [1, address],
  IPV4_DST: [2, address],
  TOS: [3, u8],
  TTL: [4, u8],
  DONT_FRAGMENT: [5, flag],
  CSUM: [6, flag],
  OAM: [7, flag],
  GENEVE_OPTS: [8],
  TP_SRC: [9, be16],
  TP_DST: [10, be16],
  VXLAN_OPTS: [11],
  IPV6_SRC: [12, address],
  IPV6_DST: [13, address],
  PAD: [14],
  ERSPAN_OPTS: [15],
  IPV4_INFO_BRIDGE: [16, flag],
});

const PSAMPLE: Space = attributes("PSAMPLE_ATTR_", {
  IIFINDEX: [0, u16],
  OIFINDEX: [1, u16],
  ORIGSIZE: [2, u32],
  SAMPLE_GROUP: [3, u32],
  GROUP_SEQ: [4, u32],
  SAMPLE_RATE: [5, u32],
  DATA: [6],
  GROUP_REFCOUNT: [7, u32],
  TUNNEL: [8, nest(PSAMPLE_TUNNEL)],
  PAD: [9],
  OUT_TC: [10, u16],
  OUT_TC_OCC: [11, u64],
  LATENCY: [12, u64],
  TIMESTAMP: [13, u64],
  PROTO: [14, oneOf(u16, ETH_P)],
  USER_COOKIE: [15],
  SAMPLE_PROBABILITY: [16, flag],
});

/** The controller, whose messages have the type `GENL_ID_CTRL`. */
export const CTRL: MessageSpec = { name: "GENL_ID_CTRL", body: genlmsghdr(CTRL_CMD), space: CTRL_ATTR };
/** Families of generic netlink by their names; the controller tells the types of their messages. */
export const GENERIC_FAMILIES: Readonly<Record<string, MessageSpec>> = {
  nlctrl: CTRL,
  psample: { name: "psample", body: genlmsghdr(PSAMPLE_CMD), space: PSAMPLE },
};
/** `GENL_ID_CTRL` */
export const GENL_ID_CTRL = 16;
