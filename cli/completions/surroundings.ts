import type { LinkMessage } from "../../codec/message.ts";
import { Connection } from "../../netlink/connection.ts";
import { gateName } from "../../plug/gate_device.ts";
import { isGateDevice } from "../../gate/gate_state.ts";
import { readLinks } from "../../plug/qdiscs.ts";
import type { Surroundings } from "./candidates.ts";

/** Where `ip netns` keeps its names. */
const NAMESPACES = "/run/netns";

/** What there is on this machine; what cannot be looked at is not there. */
export const machine: Surroundings = {
  devices: (netns) => links(netns).filter((link) => !isGateDevice(link)).map(({ name }) => name),
  gates: (netns) => links(netns).filter(isGateDevice).map(({ name }) => gateName(name) ?? name),
  namespaces: () => attempt(() => Array.from(Deno.readDirSync(NAMESPACES), ({ name }) => name).sort()),
};

function links(netns?: string): LinkMessage[] {
  return attempt(() => {
    using connection = Connection.open({ netns });
    return readLinks(connection, "list devices");
  });
}

/** A shell that asks in the middle of a line is answered with nothing rather than an error. */
function attempt<T>(look: () => T[]): T[] {
  try {
    return look();
  } catch {
    return [];
  }
}
