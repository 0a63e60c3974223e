/**
 * Writes `SHA256SUMS` of the packages in a folder, as `sha256sum --check` reads it, and returns what it says.
 */
export async function writeSums(folder: string): Promise<string> {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) =>
    /\.(deb|tar\.gz)$/.test(name)
  );
  const lines = await Promise.all(
    names.sort().map(async (name) => {
      const sum = await crypto.subtle.digest("SHA-256", await Deno.readFile(`${folder}/${name}`));
      return `${new Uint8Array(sum).toHex()}  ${name}\n`;
    }),
  );
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, lines.join(""));
  return lines.join("").trimEnd();
}
