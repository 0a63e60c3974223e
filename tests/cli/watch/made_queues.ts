import { TC_H_ROOT } from "../../../codec/handle.ts";
import type { QdiscStats } from "../../../codec/message.ts";
import type { ListedGate } from "../../../gate/gate_state.ts";
import type { QueueFacts } from "../../../cli/watch/watched_queue.ts";

/** What the kernel would say of a gate's queue, or of a plug's where there is no gate. */
export function facts(name: string, { stats = {}, gate, isPlug = false }: {
  stats?: Partial<QdiscStats>;
  gate?: Partial<ListedGate>;
  isPlug?: boolean;
} = {}): QueueFacts {
  const ifindex = 100 + name.charCodeAt(0);
  return {
    dev: isPlug ? name : `plug-${name}`,
    place: { ifindex, parent: TC_H_ROOT, handle: 0x504c0000 },
    stats: { packets: 0, bytes: 0, backlogPackets: 0, backlogBytes: 0, drops: 0, requeues: 0, overlimits: 0, ...stats },
    gate: isPlug ? undefined : {
      name,
      ifindex,
      direction: "egress",
      devs: ["eth0"],
      match: ["tcp dst port 8000"],
      faults: [],
      bypassed: [],
      before: [],
      hitPackets: 0,
      hitBytes: 0,
      exceptedPackets: 0,
      ...gate,
    },
  };
}
