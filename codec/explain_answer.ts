import { type Field, fieldAt } from "./field.ts";
import { policyTypeName, requestAttributeName } from "./names.ts";

/**
 * Says what the numbers of an extended answer mean: the attribute of the request that an offset points into,
 * the attribute that is missing, the type that a policy asks for.
 */
export function explainAnswer(message: Field): void {
  const fields = message.fields ?? [];
  const request = fields.find(({ kernelName }) => kernelName === "msg");
  if (!request) return;
  for (const field of fields) {
    if (field.kernelName === "NLMSGERR_ATTR_POLICY") field.fields?.forEach(explainPolicy);
    else say(field, meaningIn(request, field));
  }
}

function say(field: Field, meaning: string | undefined): void {
  if (meaning) field.meaning = meaning;
}

function explainPolicy(field: Field): void {
  if (field.kernelName === "NL_POLICY_TYPE_ATTR_TYPE") say(field, policyTypeName(Number(field.value)));
}

function meaningIn(request: Field, { kernelName, value }: Field): string | undefined {
  if (typeof value !== "number") return undefined;
  if (kernelName === "NLMSGERR_ATTR_OFFS" || kernelName === "NLMSGERR_ATTR_MISS_NEST") {
    return fieldAt(request, request.offset + value)?.kernelName;
  }
  if (kernelName !== "NLMSGERR_ATTR_MISS_TYPE") return undefined;
  const type = request.fields?.find((field) => field.kernelName === "nlmsg_type");
  return requestAttributeName(Number(type?.value), value);
}
