import { TC_H_ROOT } from "../../codec/handle.ts";
import type { Connection } from "../../netlink/connection.ts";
import { findDevice, type ListedPlug, listPlugs } from "../../plug/qdiscs.ts";
import type { PlugPlace } from "../../plug/queue.ts";
import { Gate } from "../../gate/gate.ts";
import { listGates, remarksOn } from "../../gate/gate_state.ts";
import { Guardian } from "../../guardian/guardian.ts";
import { markFor } from "../../guardian/mark.ts";
import { Plug } from "../../plug/plug.ts";
import type { HoldPlan } from "./hold_plan.ts";

/** What is held, and the guardian that puts it right should this process be killed. */
export interface HoldQueues {
  guardian: Guardian;
  /** All of them: the gates, then the plugs. */
  plugs: Plug[];
  /** Those that were attached, and that are to be taken away. */
  attached: Plug[];
  /** What a person should know of the gates, a sentence each. */
  remarks: string[];
}

/**
 * Takes over gates and plugs, and attaches plugs where there are none.
 *
 * @throws {QueueError} where there is no such gate or device, or no plug can be attached
 */
export function openHoldQueues(connection: Connection, { gates, places, limitBytes }: HoldPlan): HoldQueues {
  const listed = places.length > 0 ? listPlugs(connection) : [];
  const there = Gate.named(connection, gates).map(({ plug }) => plug);
  const remarks = gates.length === 0
    ? []
    : listGates(connection).filter(({ name }) => gates.includes(name)).flatMap(remarksOn);
  const missing: PlugPlace[] = [];
  for (const place of places) {
    const plug = listed.find((plug) => isAt(plug, place, findDevice(connection, place.dev)));
    if (plug) there.push(Plug.open({ dev: plug.dev, parent: plug.parent, handle: plug.handle, connection }));
    else missing.push({ ...place, parent: place.parent ?? TC_H_ROOT });
  }
  const whereabouts = [...there.map(({ place }) => place), ...missing.map((place) => whereTo(connection, place))];
  const guardian = Guardian.start({ env: markFor("held", whereabouts.map((place) => ({ connection, place }))) });
  try {
    const attached = Plug.attachAll(connection, missing.map((place) => ({ ...place, limitBytes, guardian })));
    return { guardian, plugs: [...there, ...attached], attached, remarks };
  } catch (error) {
    guardian[Symbol.dispose]();
    throw error;
  }
}

function isAt(plug: ListedPlug, { parent, handle }: PlugPlace, ifindex: number): boolean {
  const isThere = parent === undefined && handle !== undefined || plug.parent === (parent ?? TC_H_ROOT);
  return plug.ifindex === ifindex && isThere && (handle === undefined || plug.handle === handle);
}

function whereTo(connection: Connection, { dev, parent = TC_H_ROOT }: PlugPlace) {
  return { ifindex: findDevice(connection, dev), parent, handle: 0 };
}
