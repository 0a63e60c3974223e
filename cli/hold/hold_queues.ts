import { TC_H_ROOT } from "../../codec/handle.ts";
import type { Connection } from "../../netlink/connection.ts";
import { findDevice, type ListedPlug, listPlugs } from "../../plug/qdiscs.ts";
import type { PlugPlace } from "../../plug/queue.ts";
import { type DeviceGate, openDeviceGate } from "../../gate/device_gate.ts";
import { Gate } from "../../gate/gate.ts";
import { listGates, remarksOn } from "../../gate/gate_state.ts";
import { Guardian } from "../../guardian/guardian.ts";
import { QueueError, type Where } from "../../plug/queue_error.ts";
import { Plug } from "../../plug/plug.ts";
import type { HoldPlan } from "./hold_plan.ts";

/** What is held, and the guardian that puts it right should this process be killed. */
export interface HoldQueues {
  guardian: Guardian;
  /** All of them: the gates, then the plugs. */
  plugs: Plug[];
  /** Those that were attached, and that are to be taken away. */
  attached: Plug[];
  /** Gates that were made in place of plugs at the roots of devices, and that are to be taken away. */
  standIns: StandIn[];
  /** What a person should know of the gates, a sentence each. */
  remarks: string[];
}

/** A gate that was made in place of a plug at a device's root. */
export interface StandIn extends DeviceGate {
  dev: string;
}

/** How often the devices are looked at anew because another process attached a plug in between, or took it away. */
const ATTEMPTS = 5;

/**
 * Takes over gates and plugs, and attaches plugs where there are none.
 *
 * @throws {QueueError} where there is no such gate or device, or no plug can be attached
 */
export function openHoldQueues(connection: Connection, plan: HoldPlan): HoldQueues {
  const guardian = Guardian.start();
  try {
    for (let left = ATTEMPTS;; left--) {
      try {
        return { guardian, ...openQueues(connection, plan, guardian) };
      } catch (error) {
        if (left <= 1 || !isOvertaken(error)) throw error;
      }
    }
  } catch (error) {
    guardian[Symbol.dispose]();
    throw error;
  }
}

/** Whether another process was faster: with what it has made, this one is told that it is held. */
function isOvertaken(error: unknown): boolean {
  return error instanceof QueueError && error.code === "already-attached";
}

function openQueues(
  connection: Connection,
  { gates, places, limitBytes, except, bypass, where }: HoldPlan,
  guardian: Guardian,
): Omit<HoldQueues, "guardian"> {
  const listed = places.length > 0 ? listPlugs(connection) : [];
  const there = Gate.named(connection, gates).map(({ plug }) => plug);
  const remarks = gates.length === 0 ? [] : listGates(connection).filter(({ name }) => gates.includes(name))
    // Where packets may bypass nothing, the refusal says what they would.
    .flatMap((gate) => remarksOn(bypass ? gate : { ...gate, bypassed: [] }, where));
  const missing: PlugPlace[] = [];
  const standIns: StandIn[] = [];
  for (const place of places) {
    const plug = listed.find((plug) => isAt(plug, place, findDevice(connection, place.dev)));
    if (except.length > 0) refusePlug(place, plug);
    if (plug) there.push(Plug.open({ dev: plug.dev, parent: plug.parent, handle: plug.handle, connection }));
    else missing.push({ ...place, parent: place.parent ?? TC_H_ROOT });
  }
  try {
    const atRoots = missing.filter(({ parent, handle }) => parent === TC_H_ROOT && handle === undefined);
    for (const { dev } of atRoots) {
      const found = openDeviceGate(connection, { dev, limitBytes, guardian, except });
      if (found) standIns.push({ ...found, dev });
    }
    const others = missing.filter((place) =>
      !atRoots.includes(place) || !standIns.some(({ dev }) => dev === place.dev)
    );
    const attached = Plug.attachAll(
      connection,
      others.map((place) => ({ ...place, limitBytes, guardian, force: true })),
    );
    return { plugs: [...there, ...standIns.map(({ gate }) => gate.plug), ...attached], attached, standIns, remarks };
  } catch (error) {
    for (const { gate } of standIns) gate[Symbol.dispose]();
    throw error;
  }
}

/** Refuses what a gate cannot stand for: with a plug nothing passes. */
function refusePlug({ dev, parent = TC_H_ROOT, handle }: PlugPlace, plug: ListedPlug | undefined): void {
  if (!plug && parent === TC_H_ROOT && handle === undefined) return;
  const reason = plug ? "a plug is there, which lets nothing pass" : "a plug there would let nothing pass";
  const remedy = ({ netns }: Where) =>
    `make a gate first, with: plugctl gate add NAME ${dev} --direction out --except EXPR${netns}`;
  throw new QueueError("refused", `hold ${dev}`, { reason, remedy });
}

function isAt(plug: ListedPlug, { parent, handle }: PlugPlace, ifindex: number): boolean {
  const isThere = parent === undefined && handle !== undefined || plug.parent === (parent ?? TC_H_ROOT);
  return plug.ifindex === ifindex && isThere && (handle === undefined || plug.handle === handle);
}
