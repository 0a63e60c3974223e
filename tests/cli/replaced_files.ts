/**
 * Replaces the files that this process reads by those given, with their text, until it is disposed of. A file
 * that is not given is not there; one whose text is an error cannot be read.
 */
export function replacedFiles(files: Readonly<Record<string, string | Uint8Array | Error>>): Disposable {
  const { readTextFileSync, readFileSync, readLinkSync } = Deno;
  const find = (path: string) => {
    const content = Object.hasOwn(files, path) ? files[path] : new Deno.errors.NotFound(path);
    if (content instanceof Error) throw content;
    return content;
  };
  Object.assign(Deno, { readTextFileSync: find, readFileSync: find, readLinkSync: find });
  return { [Symbol.dispose]: () => void Object.assign(Deno, { readTextFileSync, readFileSync, readLinkSync }) };
}
