import { gateDevice } from "../gate/gate_name.ts";
import { understood } from "./understood.ts";

/**
 * A gate's name.
 *
 * @throws {UsageError} where the text is none
 */
export function gateOperand(text: string): string {
  understood(() => gateDevice(text));
  return text;
}
