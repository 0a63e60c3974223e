/** Where two values first differ, as a path, or `undefined` where they say the same. */
export function difference(a: unknown, b: unknown, path = ""): string | undefined {
  if (Object.is(a, b) || (a === 0 && b === 0)) return undefined;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return differenceOfBytes(a, b, path);
  if (Array.isArray(a) && Array.isArray(b)) return differenceOfLists(a, b, path);
  if (isRecord(a) && isRecord(b)) return differenceOfRecords(a, b, path);
  return `${path || "it"}: ${String(a)} and ${String(b)}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function differenceOfBytes(a: Uint8Array, b: Uint8Array, path: string): string | undefined {
  if (a.length !== b.length) return `${path}: ${a.length} and ${b.length} bytes`;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return `${path}[${index}]`;
  return undefined;
}

function differenceOfLists(a: unknown[], b: unknown[], path: string): string | undefined {
  if (a.length !== b.length) return `${path}: ${a.length} and ${b.length} of them`;
  for (let index = 0; index < a.length; index++) {
    const found = difference(a[index], b[index], `${path}[${index}]`);
    if (found) return found;
  }
  return undefined;
}

/** What `b` has decides: `a` may say more. */
function differenceOfRecords(a: Record<string, unknown>, b: Record<string, unknown>, path: string): string | undefined {
  for (const key in b) {
    const found = difference(a[key], b[key], `${path}.${key}`);
    if (found) return found;
  }
  return undefined;
}
