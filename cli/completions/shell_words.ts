/** The words of a command line as a shell splits it, without their quotes; the last is empty behind a space. */
export function shellWords(line: string): string[] {
  const words = [""];
  // Blanks; text in single quotes, or in double ones, the last perhaps not closed; a letter behind a backslash; others.
  for (
    const [part, single, double, escaped] of line.matchAll(/\s+|'([^']*)'?|"((?:\\.|[^"\\])*)"?|\\(.?)|[^\s'"\\]+/gs)
  ) {
    if (/^\s/.test(part)) words.push("");
    else words[words.length - 1] += single ?? double?.replaceAll(/\\(["\\$`])/g, "$1") ?? escaped ?? part;
  }
  return words;
}
