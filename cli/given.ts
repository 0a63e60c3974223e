import type { Context } from "./context.ts";
import type { OptionName } from "./table.ts";

/** The one value of an option that may be given once, or `undefined`. */
export function valueOf({ arguments: { values } }: Context, name: OptionName): string | undefined {
  return values.get(name)?.[0];
}

/** Whether a switch was given. */
export function isGiven({ arguments: { values } }: Context, name: OptionName): boolean {
  return values.has(name);
}
