import { formatFilterHandle } from "./handle.ts";
import type { Rows } from "./rows.ts";
import { type Family, spaceFor } from "./spec/table.ts";
import { numberAt, stringAt } from "./value.ts";

/**
 * Says what the numbers of an extended answer mean: the attribute of the request that an offset points into, and the
 * attribute that is missing.
 */
export function explainAnswer(rows: Rows, family: Family): void {
  const request = rows.find("msg", 0);
  if (request < 0) return;
  for (let row = request + 1; row < rows.count; row++) {
    if (rows.depthOf(row) > 0) continue;
    const meaning = meaningIn(rows, request, row, family);
    if (meaning) rows.said[row] = meaning;
  }
}

function meaningIn(rows: Rows, request: number, row: number, family: Family): string | undefined {
  const { kernelName } = rows.cells[row];
  if (!kernelName.startsWith("NLMSGERR_")) return undefined;
  const from = rows.fromOf(row);
  const value = numberAt(rows, from, { size: rows.endOf(row) - from });
  if (typeof value !== "number") return undefined;
  if (kernelName === "NLMSGERR_ATTR_OFFS" || kernelName === "NLMSGERR_ATTR_MISS_NEST") {
    return nameAt(rows, request, rows.offsetOf(request) + value);
  }
  if (kernelName !== "NLMSGERR_ATTR_MISS_TYPE") return undefined;
  const spec = family.messages[rows.view.getUint16(rows.offsetOf(request) + 4, true)];
  return spec && spaceFor(spec, 0).byNumber.get(value)?.kernelName;
}

/** What the kernel calls the innermost field of a request in which that offset is. */
function nameAt(rows: Rows, request: number, offset: number): string | undefined {
  let name: string | undefined;
  for (let row = request; row < rows.count && (row === request || rows.depthOf(row) > 0); row++) {
    if (rows.offsetOf(row) <= offset && offset < rows.endOf(row)) name = rows.cells[row].kernelName;
  }
  return name;
}

/** Says what the handle of a filter means, which depends on the kind behind it. */
export function explainHandle(rows: Rows, first: number, depth: number): void {
  const handle = rows.find("tcm_handle", depth, first);
  if (handle < 0) return;
  const kind = rows.find("TCA_KIND", depth, first);
  const name = kind < 0 ? undefined : stringAt(rows, rows.fromOf(kind), rows.endOf(kind));
  rows.said[handle] = formatFilterHandle(rows.view.getUint32(rows.fromOf(handle), true), name);
}
