/**
 * Writes all that a process is to read, and closes its input.
 *
 * @throws where it does not read it all
 */
export async function feed(child: Deno.ChildProcess, text: string): Promise<void> {
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}
