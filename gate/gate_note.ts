/** Which packets a gate sees: those that come in on a device, or those that leave. */
export type Direction = "ingress" | "egress";

/** What a gate is, as far as the kernel cannot tell: kept as the alias of its device, for any process to find. */
export interface GateNote {
  direction: Direction;
  /** The devices by their index, which stays when one is renamed. */
  devices: readonly number[];
  /** Those of them whose clsact a gate has made. */
  ownClsact: readonly number[];
  /** The limit that was last asked for. */
  limitBytes: number;
  priority: number;
  /** How many filters it has on each device. */
  filters: number;
  /** Whether it holds all, or as good as all, of its devices. */
  all: boolean;
}

/** The version of the text; one that adds words and changes none keeps it. */
const VERSION = "1";
/** What the kernel takes for an alias, in bytes: `IFALIASZ` without its NUL. */
const ALIAS_MAX = 255;

/**
 * Formats a note: `plugctl=1 direction=egress devices=2,3 clsact=2 limit=1048576 priority=1000 filters=2 all=no`.
 *
 * @throws {RangeError} where there are more devices than an alias holds: some 40 at least
 */
export function formatNote(note: GateNote): string {
  const { direction, devices, ownClsact, limitBytes, priority, filters, all } = note;
  const text = `plugctl=${VERSION} direction=${direction} devices=${devices.join()} clsact=${ownClsact.join()} ` +
    `limit=${limitBytes} priority=${priority} filters=${filters} all=${all ? "yes" : "no"}`;
  if (text.length <= ALIAS_MAX) return text;
  throw new RangeError(
    `a gate cannot have ${devices.length} devices: its note has ${text.length} bytes of ${ALIAS_MAX}`,
  );
}

/** Parses a note; `undefined` where the text is none that this version understands. */
export function parseNote(alias: string): GateNote | undefined {
  const words = new Map(alias.split(" ").map((word) => word.split("=", 2) as [string, string | undefined]));
  const direction = words.get("direction");
  const note = {
    devices: numbers(words.get("devices")),
    ownClsact: numbers(words.get("clsact")),
    limitBytes: Number(words.get("limit") ?? NaN),
    priority: Number(words.get("priority") ?? NaN),
    filters: Number(words.get("filters") ?? NaN),
  };
  const whole = Object.values(note).flat().every((number) => Number.isInteger(number) && number >= 0);
  if (words.get("plugctl") !== VERSION || !whole || (direction !== "ingress" && direction !== "egress")) {
    return undefined;
  }
  return { direction, ...note, all: words.get("all") === "yes" };
}

function numbers(list: string | undefined): number[] {
  return list ? list.split(",").map(Number) : [];
}
