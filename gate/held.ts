import type { Connection } from "../netlink/connection.ts";
import { FIRST_FILTER, hookOf, readFilters } from "../plug/filter.ts";
import type { Held } from "../plug/flow.ts";
import { type Direction, type GateNote, sidesOf } from "../plug/gate_device.ts";
import type { Cube } from "../plug/match/cube.ts";
import { TAGGED } from "../plug/match/fields.ts";
import { cubeOf } from "../plug/match/flower.ts";

/** What a gate that is there would hold: its filters are read when that is asked. */
export function heldByGate(connection: Connection, note: GateNote | undefined): Held {
  if (!note) return { sides: [] };
  // On each device and side it has the same, but where somebody has taken them away, or the device.
  const hooks = note.devices.flatMap((ifindex) => sidesOf(note.direction).map((side) => ({ ifindex, side })));
  const packets = (): Cube[] => {
    for (const hook of hooks) {
      const own = readFilters(connection, { operation: "list filters", hooks: [hook] })
        .filter((filter) => isOf(note, filter) && filter.parent === hookOf(hook.side));
      if (own.length > 0) return own.map((filter) => cubeOf(filter));
    }
    return [];
  };
  return { sides: sidesOf(note.direction), packets };
}

/** What a gate with such a match would hold. */
export function heldBy(cubes: readonly Cube[], direction: Direction): Held {
  const packets = countsTags() ? cubes : cubes.map((cube) => new Map([...cube].filter(([field]) => field !== TAGGED)));
  return { sides: sidesOf(direction), packets: () => packets };
}

/** Whether flower knows packets without a tag from those with one, as it does since Linux 5.19; where that is not known, not. */
function countsTags(): boolean {
  if (Deno.permissions.querySync({ name: "sys", kind: "osRelease" }).state !== "granted") return false;
  const [major, minor] = Deno.osRelease().split(".").map(Number);
  return major > 5 || (major === 5 && minor >= 19);
}

/** Whether a filter on one of a gate's hooks is the gate's, by where it stands. */
export function isOf(note: GateNote, { priority, handle }: { priority: number; handle: number }): boolean {
  // Version 0.1.0 left out every second handle.
  return priority === note.priority && handle >= FIRST_FILTER && handle < FIRST_FILTER + 2 * note.filters;
}
