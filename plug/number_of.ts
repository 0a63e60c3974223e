/** How many there are of something, in words: `1 packet`, `2 packets`. */
export function numberOf(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
