/** Returns `PATH` with the folders of `ip` and `tc`, which an ordinary user's lacks on Debian. */
export function systemPath(): string {
  const own = Deno.env.get("PATH");
  return [...own ? [own] : [], "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    .join(":");
}
