/** A filter's handle as tc writes it, which is as its kind has it: `0x1`, and of u32 `800::800`. */
export function formatFilterHandle(handle: number, kind: unknown): string {
  return kind === "u32" ? formatU32Handle(handle) : `0x${handle.toString(16)}`;
}

/** Table, bucket and node of a u32 filter. */
export function formatU32Handle(handle: number): string {
  if (handle === 0) return "none";
  const [table, bucket, node] = [handle >>> 20, handle >>> 12 & 0xff, handle & 0xfff];
  return `${table ? `${table.toString(16)}:` : ""}${bucket ? bucket.toString(16) : ""}${
    node ? `:${node.toString(16)}` : ""
  }`;
}
