const PROJECT = new URL("../", import.meta.url).pathname;

/** The files of tests that import, or name in some other way, a certain file; their paths from the project's root on. */
export function filesImporting(name: string, folder = "tests"): string[] {
  return Array.from(Deno.readDirSync(`${PROJECT}${folder}`)).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) return filesImporting(name, path);
    return path.endsWith("_test.ts") && Deno.readTextFileSync(`${PROJECT}${path}`).includes(name) ? [path] : [];
  }).sort();
}
