import { type Markup, markup, type MarkupPart } from "./markup.ts";
import { formatNumberOf } from "./quantity.ts";

/** A column of a table; numbers stand at the right. */
export interface Column<T> {
  title: string;
  isNumber?: boolean;
  cell: (row: T) => MarkupPart;
}

/** A table, or where there are no rows, what is said instead. */
export function tableHtml<T>(columns: readonly Column<T>[], rows: readonly T[], none: string): Markup {
  if (rows.length === 0) return markup`<p>${none}</p>\n`;
  const heads = columns.map((column) => markup`<th scope="col"${kind(column)}>${column.title}</th>`);
  const cells = (row: T) =>
    columns.map((column) => markup`<td data-title="${column.title}"${kind(column)}>${column.cell(row)}</td>`);
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${formatNumberOf(rows.length, "row")}">
<table>
<thead><tr>${heads}</tr></thead>
<tbody>${rows.map((row) => markup`<tr>${cells(row)}</tr>\n`)}</tbody>
</table>
</div>\n`;
}

/** Several texts in one cell, a line each. */
export function cellLines(texts: readonly string[]): readonly Markup[] {
  return texts.map((text) => markup`<div>${text}</div>`);
}

function kind<T>({ isNumber }: Column<T>): Markup | undefined {
  return isNumber ? markup` class="number"` : undefined;
}
