// The numbers by which one network namespace knows others. `linux/net_namespace.h`
import { attributes, layout, messages, oneOf, s32, type Space, u32, u8 } from "./table.ts";
import { AF, room } from "./value.ts";

/** `struct rtgenmsg`, with the gap behind it. */
const nsidmsg = layout("rtgenmsg", "rtgen_", { rtgen_family: oneOf(u8, AF), _pad1: room(3) });

const NETNSA: Space = attributes("NETNSA_", {
  NSID: [1, s32],
  PID: [2, u32],
  FD: [3, u32],
  TARGET_NSID: [4, s32],
  CURRENT_NSID: [5, s32],
});

export const NSID_MESSAGES = messages("NSID", 88, { body: nsidmsg, space: NETNSA });
