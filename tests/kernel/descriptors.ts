/** What a process has open, by what each descriptor leads to, without numbers: the same before and after where nothing was left. */
export function descriptors(pid: number | "self" = "self"): string[] {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
    } catch (error) {
      // That of the folder itself.
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }).map((link) => link.replace(/\d+/g, "")).sort();
}
