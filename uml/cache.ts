/**
 * What is fetched once: folders in `plugctl` in `XDG_CACHE_HOME`, or else in `~/.cache`.
 *
 * @module
 */

/**
 * The path of a folder of the cache, which need not be there.
 *
 * @throws {Error} If the environment names no folder for it.
 */
export function cacheFolder(name: string): string {
  const home = Deno.env.get("HOME");
  const base = Deno.env.get("XDG_CACHE_HOME") || (home && `${home}/.cache`);
  if (!base) {
    throw new Error(
      "Cannot choose a cache folder: neither XDG_CACHE_HOME nor HOME is set",
    );
  }
  return `${base}/plugctl/${name}`;
}

/**
 * Fills a folder of the cache in one step, by a rename: an interrupted download leaves nothing half done.
 *
 * @param fill Is given a folder to work in, which is deleted afterwards, and makes the folder `root` in it.
 */
export async function fillCache(cache: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const end = cache.lastIndexOf("/");
  const parent = cache.slice(0, end);
  await Deno.mkdir(parent, { recursive: true });
  const folder = await Deno.makeTempDir({ dir: parent, prefix: `${cache.slice(end + 1)}-` });
  try {
    await fill(folder);
    await Deno.rename(`${folder}/root`, cache);
  } catch (error) {
    if (!isFilled(error)) throw error;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Tells whether a rename failed because another process has filled the cache meanwhile. */
function isFilled(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    error.code === "ENOTEMPTY";
}
