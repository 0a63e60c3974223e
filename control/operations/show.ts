import * as v from "valibot";
import { formatHandle, formatParent } from "../../codec/handle.ts";
import { listGates } from "../../gate/gate_state.ts";
import { listPlugs } from "../../plug/qdiscs.ts";
import { NETNS, operation } from "../operation.ts";

/** `show`: every plug of a network namespace. */
export const SHOW = operation({
  name: "show",
  summary: "list the plugs with what they sent, hold and dropped",
  schema: v.strictObject({ ...NETNS }),
  run: ({ netns }, { desk }) =>
    listPlugs(desk.connect(netns)).map(({ dev, parent, handle, stats }) => ({
      dev,
      parent: formatParent(parent),
      handle: formatHandle(handle),
      backlogPackets: stats.backlogPackets,
      backlogBytes: stats.backlogBytes,
      sentPackets: stats.packets,
      sentBytes: stats.bytes,
      drops: stats.drops,
    })),
});

/** `gate-list`: every gate of a network namespace. */
export const GATE_LIST = operation({
  name: "gate-list",
  summary: "list the gates with what they match, hold and dropped",
  schema: v.strictObject({ ...NETNS }),
  run: ({ netns }, { desk }) => listGates(desk.connect(netns)),
});
