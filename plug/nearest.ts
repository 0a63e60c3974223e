/**
 * The name that a word was probably meant to be, in whatever letters, capital or small: the beginning of one alone, or one
 * with a slip or two; not its opposite.
 */
export function nearest(given: string, names: readonly string[]): string | undefined {
  const word = given.toLowerCase();
  const longer = names.filter((name) => word.length >= 2 && name.startsWith(word));
  if (longer.length === 1) return longer[0];
  const slips = word.length < 3 ? 0 : word.length < 6 ? 1 : 2;
  const ranked = names.filter((name) => !["un", "de"].some((opposite) => word === `${opposite}${name}`))
    .map((name) => ({ name, distance: distanceBetween(word, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= slips).sort((one, other) => one.distance - other.distance);
  return ranked[0]?.name ?? longer[0];
}

/** How many letters must be added, left out, changed, or exchanged with the next, to get from one word to the other. */
function distanceBetween(one: string, other: string): number {
  const rows = Array.from({ length: one.length + 1 }, (_, row) => [row]);
  for (let column = 0; column <= other.length; column++) rows[0][column] = column;
  for (let row = 1; row <= one.length; row++) {
    for (let column = 1; column <= other.length; column++) {
      const change = rows[row - 1][column - 1] + (one[row - 1] === other[column - 1] ? 0 : 1);
      const swapped = row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1];
      const swap = swapped ? rows[row - 2][column - 2] + 1 : Infinity;
      rows[row][column] = Math.min(rows[row - 1][column] + 1, rows[row][column - 1] + 1, change, swap);
    }
  }
  return rows[one.length][other.length];
}
