/** What the tables of a report say: the rows of one, each with its cells by their titles. */
export function tableOf(html: string, id: string): Record<string, string>[] {
  const [, section] = new RegExp(`<section id="${id}">(.*?)</section>`, "s").exec(html) ?? [];
  if (section === undefined) throw new Error(`The report has no section ${id}`);
  const rows = section.matchAll(/<tr>(<td .*?)<\/tr>/gs).map(([, row]) => row);
  return rows.map((row) =>
    Object.fromEntries(row.matchAll(/<td data-title="(.*?)".*?>(.*?)<\/td>/gs).map(([, title, text]) => [title, text]))
  ).toArray();
}

/** The figures at the top of a report, by what they count. */
export function figuresOf(html: string): Record<string, string> {
  return Object.fromEntries(html.matchAll(/<dt>(.*?)<\/dt><dd>(.*?)<\/dd>/g).map(([, what, figure]) => [what, figure]));
}
