import { inNamespace } from "../../linux/namespace.ts";

const LISTENS = "0A";

/** Whether a process of a network namespace listens on a TCP port. Sends nothing. */
export function isListening(port: number, netns: string | undefined): boolean {
  const read = () => ["tcp", "tcp6"].map((name) => readIfThere(`/proc/thread-self/net/${name}`)).join("\n");
  const table = netns === undefined ? read() : inNamespace(netns, read);
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").some((line) => {
    const [, local = "", , state] = line.trim().split(/\s+/);
    return local.endsWith(suffix) && state === LISTENS;
  });
}

/** A kernel without IPv6 has no table of it. */
function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Whether a TCP connection from a network namespace to an IP address succeeds. */
export async function canConnect(
  { hostname, port }: { hostname: string; port: number },
  netns: string | undefined,
): Promise<boolean> {
  const connect = () => Deno.connect({ hostname, port });
  try {
    // The socket is made at once, while the process is there.
    const connection = await (netns === undefined ? connect() : inNamespace(netns, connect));
    connection.close();
    return true;
  } catch (error) {
    // What the network answers has an errno's name.
    if (error instanceof Error && typeof (error as { code?: unknown }).code === "string") return false;
    throw error;
  }
}
