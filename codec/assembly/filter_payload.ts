// What the attributes of filters and actions hold, and how their structs are made up.
import {
  HOLDS_BYTES,
  HOLDS_STRING,
  HOLDS_UNSIGNED,
  SPACE,
  SPACE_ACTIONS,
  SPACE_TCA_ACT,
  SPACE_TCA_FLOWER,
  SPACE_TCA_STATS,
  STRUCT_STRIDE,
  STRUCT_TC_MIRRED,
  STRUCT_TCF_T,
} from "./codes";
import {
  TCA_ACT_IN_HW_COUNT,
  TCA_ACT_INDEX,
  TCA_ACT_KIND,
  TCA_ACT_STATS,
  TCA_FLOWER_ACT,
  TCA_FLOWER_FLAGS,
  TCA_FLOWER_IN_HW_COUNT,
  TCA_FLOWER_KEY_IP_PROTO,
  TCA_FLOWER_KEY_VLAN_ID,
  TCA_MIRRED_PARMS,
  TCA_MIRRED_TM,
} from "./filter_constants";
import { PAYLOAD_FIELDS, PAYLOAD_STRUCT } from "./payload";

/** What the payload of an attribute is, as `payload` says it. */
export function filterPayload(space: i32, type: i32): i32 {
  if (space == SPACE_TCA_FLOWER) return flowerPayload(type);
  // Each attribute is an action, and its number its place.
  if (space == SPACE_ACTIONS) return PAYLOAD_FIELDS | SPACE_TCA_ACT - SPACE;
  if (space == SPACE_TCA_ACT) return actionPayload(type);
  if (type == TCA_MIRRED_PARMS) return PAYLOAD_STRUCT | STRUCT_TC_MIRRED / STRUCT_STRIDE;
  return type == TCA_MIRRED_TM ? PAYLOAD_STRUCT | STRUCT_TCF_T / STRUCT_STRIDE : HOLDS_BYTES;
}

/** What is in network order stays bytes. */
function flowerPayload(type: i32): i32 {
  if (type == TCA_FLOWER_ACT) return PAYLOAD_FIELDS | SPACE_ACTIONS - SPACE;
  const isNumber = type == TCA_FLOWER_KEY_IP_PROTO || type == TCA_FLOWER_KEY_VLAN_ID || type == TCA_FLOWER_FLAGS ||
    type == TCA_FLOWER_IN_HW_COUNT;
  return isNumber ? HOLDS_UNSIGNED : HOLDS_BYTES;
}

function actionPayload(type: i32): i32 {
  if (type == TCA_ACT_KIND) return HOLDS_STRING;
  if (type == TCA_ACT_STATS) return PAYLOAD_FIELDS | SPACE_TCA_STATS - SPACE;
  return type == TCA_ACT_INDEX || type == TCA_ACT_IN_HW_COUNT ? HOLDS_UNSIGNED : HOLDS_BYTES;
}

/** The widths of a struct's fields, as `structWidths` says them. */
export function filterWidths(identity: i32): u64 {
  // tc_mirred: index, capab, action, refcnt, bindcnt, eaction, ifindex; tcf_t: install, lastuse, expires, firstuse
  return identity == STRUCT_TC_MIRRED ? 0x4cccc44 : 0x8888;
}
