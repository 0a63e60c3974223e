import { NLM_F_DUMP, RTM_GETQDISC, TCA_OPTIONS } from "../codec/assembly/constants.ts";
import { TC_H_CLSACT, TC_H_ROOT } from "../codec/handle.ts";
import type { QdiscMessage } from "../codec/message.ts";
import {
  RTM_GETTCLASS,
  RTM_NEWTCLASS,
  TC_HFSC_QOPT_DEFCLS_AT,
  TC_HTB_GLOB_DEFCLS_AT,
  TC_PRIO_QOPT_PRIOMAP_AT,
  TCA_ETS_PRIOMAP,
  TCA_HTB_INIT,
  TCM_HANDLE_AT,
  TCM_IFINDEX_AT,
  TCM_PARENT_AT,
  TCMSG_END,
} from "../codec/numbers.ts";
import { bytesOf, findAttribute as find, readAttributes, wordAt } from "../codec/records.ts";
import type { Connection } from "../netlink/connection.ts";
import { readFiltersBelow } from "./filter.ts";
import type { Held } from "./flow.ts";
import { type Cube, EVERYTHING as ALL, intersectAll } from "./match/cube.ts";
import { cubeOf } from "./match/flower.ts";
import { readQdiscs } from "./qdiscs.ts";

/** What a plug at the root of a device holds. */
export const EVERYTHING: Held = { sides: ["egress"] };
/** Qdiscs that have one class, which all packets go through. */
const OF_ONE_CLASS = new Set(["cbs", "netem", "red", "sfb", "tbf"]);

/** A place where a qdisc hangs. */
interface Place {
  ifindex: number;
  parent: number;
}

/**
 * What a plug holds of its device, whose qdiscs are read where they are not given. Below a class any packet may come there;
 * which ones come for certain is read when it is asked for.
 */
export function heldAt(
  connection: Connection,
  { ifindex, parent, qdiscs }: Place & { qdiscs?: readonly QdiscMessage[] },
): Held {
  if (parent === TC_H_ROOT) return EVERYTHING;
  const own = (qdiscs ?? readQdiscs(connection, "list qdiscs")).filter((qdisc) => qdisc.ifindex === ifindex);
  const classes = classesAbove(own, parent);
  if (classes?.length === 0) return EVERYTHING;
  const packets = () => classes?.map((each) => comingTo(connection, { ifindex, ...each })).reduce(intersectAll) ?? [];
  return { sides: ["egress"], isClass: true, packets };
}

/** The classes on the way to a place, but for those that have all of their qdisc; `undefined` where one is not known. */
function classesAbove(qdiscs: readonly QdiscMessage[], place: number): Pick<Coming, "handle" | "parent">[] | undefined {
  const found = [];
  for (let parent = place; parent !== TC_H_ROOT;) {
    const handle = (parent & 0xffff0000) >>> 0;
    const above = qdiscs.find((qdisc) => qdisc.handle === handle);
    if (!above || above.parent === TC_H_CLSACT) return undefined;
    if (!OF_ONE_CLASS.has(above.kind)) found.push({ handle, parent });
    parent = above.parent;
  }
  return found;
}

/** A class, and the qdisc that it belongs to. */
type Coming = Place & { handle: number };

/** What comes to a class for certain: all, where it is the only one, all but what filters send elsewhere, or what they send there. */
function comingTo(connection: Connection, { ifindex, handle, parent }: Coming): Cube[] {
  if (isOnlyClass(readClasses(connection, { ifindex, handle }), parent)) return [ALL];
  if (defaultClass(connection, { ifindex, handle }) === parent) return [ALL];
  return readFiltersBelow(connection, { ifindex, parent: handle })
    .filter(({ classId, kind, isWide }) => classId === parent && (kind === "flower" || isWide))
    .map((filter) => cubeOf(filter));
}

/** A class of a qdisc, and what it belongs to. */
export interface Class {
  classId: number;
  parent: number;
}

/** The classes of a qdisc. A dump. */
export function readClasses(
  connection: Connection,
  { ifindex, handle }: { ifindex: number; handle: number },
): Class[] {
  const tcmsg = ["family, pad", "ifindex", "handle", "parent", "info"];
  const values: Readonly<Record<string, number>> = { ifindex, parent: handle };
  const fields = tcmsg.map((name) => ({ name, value: values[name] ?? 0 }));
  const request = { type: RTM_GETTCLASS, flags: NLM_F_DUMP, fields };
  return connection.pick("list classes", request, (records) => {
    if (records.type !== RTM_NEWTCLASS || records.word(TCM_IFINDEX_AT) !== ifindex) return undefined;
    const classId = records.word(TCM_HANDLE_AT);
    return (classId & 0xffff0000) >>> 0 === handle ? { classId, parent: records.word(TCM_PARENT_AT) } : undefined;
  });
}

/** Whether all other classes are but what it belongs to. */
function isOnlyClass(classes: readonly Class[], classId: number): boolean {
  const leaves = classes.filter((each) => !classes.some(({ parent }) => parent === each.classId));
  return leaves.length === 1 && leaves[0].classId === classId;
}

/** The class that gets what no filter has sent elsewhere, and has the ordinary priority; 0 where there is none. */
function defaultClass(connection: Connection, { ifindex, handle }: { ifindex: number; handle: number }): number {
  const [minor = 0] = connection.pick(
    "list qdiscs",
    { type: RTM_GETQDISC, ifindex: 0, handle: 0, parent: 0 },
    (records) => {
      if (records.ifindex !== ifindex || records.handle !== handle) return undefined;
      const options = find(readAttributes(bytesOf(records), TCMSG_END), TCA_OPTIONS);
      return options && DEFAULTS[records.kind]?.(options);
    },
  );
  return minor === 0 ? 0 : (handle | minor) >>> 0;
}

/** By the kind of a qdisc, what its options say of the class: the low half of its number. */
const DEFAULTS: Readonly<Record<string, (options: Uint8Array) => number | undefined>> = {
  htb: (options) => wordAt(find(readAttributes(options), TCA_HTB_INIT), TC_HTB_GLOB_DEFCLS_AT),
  hfsc: (options) => options[TC_HFSC_QOPT_DEFCLS_AT] | options[TC_HFSC_QOPT_DEFCLS_AT + 1] << 8,
  // Band 0 is class 1.
  prio: (options) => options[TC_PRIO_QOPT_PRIOMAP_AT] + 1,
  ets: (options) => {
    const [band] = readAttributes(find(readAttributes(options), TCA_ETS_PRIOMAP) ?? new Uint8Array());
    return band && band.value[0] + 1;
  },
};
