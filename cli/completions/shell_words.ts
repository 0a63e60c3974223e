/** The words of a command line as a shell splits it, without their quotes; the last is empty behind a space. */
export function shellWords(line: string): string[] {
  const words = [""];
  // A run of blanks; text in single or double quotes, the last perhaps not closed; a letter behind a backslash; any other letter.
  for (
    const [part, single, double, escaped] of line.matchAll(/\s+|'([^']*)'?|"((?:\\.|[^"\\])*)"?|\\(.?)|[^\s'"\\]+/gs)
  ) {
    if (/^\s/.test(part)) words.push("");
    else words[words.length - 1] += single ?? double?.replaceAll(/\\(["\\$`])/g, "$1") ?? escaped ?? part;
  }
  return words;
}
