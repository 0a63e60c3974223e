/**
 * Returns `PATH` with the system's own folders first: `ip` and `tc` are in none of an ordinary user's on Debian, and
 * what a version manager puts in the way of a program takes seconds in User-Mode Linux.
 */
export function systemPath(): string {
  const own = Deno.env.get("PATH");
  return ["/usr/sbin", "/usr/bin", "/sbin", "/bin", ...own ? [own] : []].join(":");
}
