import { type Field, fieldAt } from "./field.ts";
import { formatFilterHandle } from "./handle.ts";
import type { Family } from "./spec/table.ts";

/**
 * Says what the numbers of an extended answer mean: the attribute of the request that an offset points into, and the
 * attribute that is missing.
 */
export function explainAnswer(message: Field, family: Family): void {
  const fields = message.fields ?? [];
  const request = fields.find(({ kernelName }) => kernelName === "msg");
  if (!request) return;
  for (const field of fields) {
    const meaning = meaningIn(request, field, family);
    if (meaning) field.meaning = meaning;
  }
}

function meaningIn(request: Field, { kernelName, value }: Field, family: Family): string | undefined {
  if (typeof value !== "number") return undefined;
  if (kernelName === "NLMSGERR_ATTR_OFFS" || kernelName === "NLMSGERR_ATTR_MISS_NEST") {
    return fieldAt(request, request.offset + value)?.kernelName;
  }
  if (kernelName !== "NLMSGERR_ATTR_MISS_TYPE") return undefined;
  const type = request.fields?.find((field) => field.kernelName === "nlmsg_type");
  const space = family.messages[Number(type?.value)]?.space;
  return (typeof space === "function" ? space(0) : space)?.byNumber.get(value)?.kernelName;
}

/** Says what the handle of a filter means, which depends on the kind behind it. */
export function explainHandle(fields: readonly Field[]): void {
  const [handle, kind] = ["tcm_handle", "TCA_KIND"].map((name) => fields.find((field) => field.kernelName === name));
  if (handle) handle.meaning = formatFilterHandle(Number(handle.value), kind?.value);
}
