import { TCA_BPF_OPS } from "../codec/numbers.ts";
import { writeInstructions } from "../linux/bpf.ts";
import type { Connection } from "../netlink/connection.ts";
import {
  type Compared,
  type Filter,
  FIRST_FILTER,
  type HookLooks,
  hookOf,
  isException,
  type Key,
  readFilters,
} from "../plug/filter.ts";
import type { Held } from "../plug/flow.ts";
import { type Direction, type GateNote, hooksOf, sidesOf } from "../plug/gate_device.ts";
import type { Cube } from "../plug/match/cube.ts";
import { TAGGED } from "../plug/match/fields.ts";
import { cubeOf, keysOf, signOf } from "../plug/match/flower.ts";
import { widest } from "./match/meaning.ts";

/** What a gate that is there would hold: its filters are read when that is asked. */
export function heldByGate(connection: Connection, note: GateNote | undefined): Held {
  if (!note) return { sides: [] };
  // On each device and side it has the same, but where somebody has taken them away, or the device.
  const hooks = hooksOf(note);
  const own = (looks?: HookLooks): Filter[] => {
    for (const hook of hooks) {
      const here = readFilters(connection, { operation: "list filters", hooks: [hook], looks })
        .filter(({ priority, parent }) => priority === note.priority && parent === hookOf(hook.side));
      if (here.some((filter) => isOf(note, filter))) return here;
    }
    return [];
  };
  return {
    sides: sidesOf(note.direction),
    packets: (looks) => {
      const filters = own(looks).filter((filter) => isOf(note, filter));
      // Of a program it is not seen which packets it means.
      return note.kind === "bpf" && filters.length > 0
        ? widest(note.match ?? [])
        : filters.map((filter) => cubeOf(filter));
    },
    ...note.exceptions ? { except: (looks) => own(looks).filter(isException).flatMap(exactly) } : {},
  };
}

/** The packets that an exception lets pass; where it compares what is not known here, it is taken for one that matches none. */
function exactly(filter: Filter): Cube[] {
  if (filter.kind !== "flower") return [];
  const cube = cubeOf(filter);
  return signOf([keysOf(cube)]) === signOf([filter.keys ?? []]) ? [cube] : [];
}

/** What a gate with such a match and such exceptions would hold. */
export function heldBy(
  { cubes, except }: { cubes: readonly Cube[]; except: readonly Cube[] },
  direction: Direction,
): Held {
  const known = (all: readonly Cube[]) =>
    countsTags() ? all : all.map((cube) => new Map([...cube].filter(([field]) => field !== TAGGED)));
  const [packets, excepted] = [known(cubes), known(except)];
  return { sides: sidesOf(direction), packets: () => packets, except: () => excepted };
}

/** A short sign of what a gate's filters compare, and those for what it lets pass. */
export function signOfGate(filters: readonly Compared[], exceptions: readonly Compared[]): string {
  return [filters, ...exceptions.length === 0 ? [] : [exceptions]].map((all) => signOf(all.map(comparedKeys))).join(
    "-",
  );
}

/** What is compared, as attributes. */
function comparedKeys(compared: Compared): readonly Key[] {
  if (compared.kind === "flower") return compared.keys;
  return [{ type: TCA_BPF_OPS, value: writeInstructions(compared.program) }];
}

let knowsTags: boolean | undefined;

/** Whether flower knows packets without a tag from those with one, as it does since Linux 5.19; where that is not known, not. */
function countsTags(): boolean {
  return knowsTags ??= isAtLeast(5, 19);
}

function isAtLeast(wantedMajor: number, wantedMinor: number): boolean {
  if (Deno.permissions.querySync({ name: "sys", kind: "osRelease" }).state !== "granted") return false;
  const [major, minor] = Deno.osRelease().split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** Whether a filter on one of a gate's hooks is the gate's, by where it stands. */
export function isOf(note: GateNote, { priority, handle }: { priority: number; handle: number }): boolean {
  // Version 0.1.0 left out every second handle.
  return priority === note.priority && handle >= FIRST_FILTER && handle < FIRST_FILTER + 2 * note.filters;
}
