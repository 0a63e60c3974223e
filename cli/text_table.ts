/** Which columns hold numbers, which are aligned to the right. */
export interface TextTableOptions {
  right?: readonly number[];
}

/**
 * Lays out rows in columns, two spaces apart. Made here because the libraries for it take longer to load than
 * all of plugctl.
 */
export function textTable(rows: readonly (readonly string[])[], { right = [] }: TextTableOptions = {}): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => right.includes(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))
      .join("  ").trimEnd();
  return rows.map(line).join("\n");
}
