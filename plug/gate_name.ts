/** What a gate's ifb device is named with, before the gate's own name. */
const PREFIX = "plug-";
/** What the kernel takes for a device's name, in bytes: `IFNAMSIZ` without its NUL. */
const DEVICE_NAME_MAX = 15;
const NAME_MAX = DEVICE_NAME_MAX - PREFIX.length;

/** Whether a gate can have this name. */
export function isGateName(name: string): boolean {
  return name !== "" && bytesIn(name) <= NAME_MAX && !/[\s/:\0%]/.test(name);
}

/** How many bytes a name has in UTF-8. */
export function bytesIn(name: string): number {
  return /^[\x20-\x7e]*$/.test(name) ? name.length : new TextEncoder().encode(name).length;
}

/**
 * The name of the device that carries a gate.
 *
 * @throws {RangeError} where the gate's name has not 1 to 10 bytes, or a space, a slash or a colon
 */
export function gateDevice(name: string): string {
  if (isGateName(name)) return PREFIX + name;
  throw new RangeError(
    `invalid gate name ${JSON.stringify(name)}: use 1 to ${NAME_MAX} bytes, without space, /, : and %`,
  );
}

/** The gate's name by its device's, or `undefined` where that is no gate's. */
export function gateName(device: string): string | undefined {
  return device.startsWith(PREFIX) && device.length > PREFIX.length ? device.slice(PREFIX.length) : undefined;
}

/** A name that no other gate has, as good as certainly. */
export function inventName(): string {
  return crypto.randomUUID().slice(0, 8);
}
