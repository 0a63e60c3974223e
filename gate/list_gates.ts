import type { Connection } from "../netlink/connection.ts";
import { type GateState, gateState, hooksOf, isGateDevice, type ListedGate } from "./gate_state.ts";
import { type Hook, hookQdisc, type Machine, readFilters, readMachine } from "./machine.ts";
import { parseNote } from "./gate_note.ts";

/** Every gate of a network namespace, from what the kernel has: a dump a kind, and of filters one a hook. */
export function readGates(connection: Connection, operation: string): { machine: Machine; gates: GateState[] } {
  const machine = readMachine(connection, operation);
  const devices = machine.links.filter(isGateDevice);
  const hooks = uniqueHooks(devices.flatMap(({ alias }) => hooksOf(parseNote(alias))))
    .filter(({ ifindex }) => hookQdisc(machine, ifindex));
  const whole = { ...machine, filters: readFilters(connection, { operation, hooks }) };
  return { machine: whole, gates: devices.map((link) => gateState(link, whole)) };
}

/** Every gate of a network namespace, in the order of their devices, also what is left of one. */
export function listGates(connection: Connection): ListedGate[] {
  return readGates(connection, "list gates").gates.map(({ listed }) => listed);
}

function uniqueHooks(hooks: readonly Hook[]): Hook[] {
  return [...new Map(hooks.map((hook) => [`${hook.ifindex} ${hook.direction}`, hook])).values()];
}
