import { libc } from "./libc.ts";
import { NetlinkError } from "./netlink_error.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000;
const TABLE = "/proc/thread-self/net/unix";
/** `sun_path` of `struct sockaddr_un`, without the NUL that says that a name is abstract. */
const NAME_MAX = 107;

/**
 * Takes a name that nobody else can have at the same time, in the network namespace that this process is in at this
 * moment: an abstract one of `AF_UNIX`. It is free again when the result is disposed of, or when this process ends,
 * however it does. Returns nothing where it is taken.
 */
export function bindName(name: string): Disposable | undefined {
  const { call, errno } = libc();
  const fd = call.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw new NetlinkError("open a socket for a name", { errno: errno() });
  const address = addressOf(name);
  if (call.bind(fd, address, address.length) >= 0) return { [Symbol.dispose]: () => void call.close(fd) };
  call.close(fd);
  return undefined;
}

/** The names that processes have taken in the network namespace that this process is in, with this beginning. */
export function boundNames(beginning: string): string[] {
  // The last column of a row, where there is one: an abstract name begins with @.
  const names = Deno.readTextFileSync(TABLE).split("\n").map((row) => row.split(" ").at(-1) ?? "");
  return names.filter((name) => name.startsWith(`@${beginning}`)).map((name) => name.slice(1));
}

/** `struct sockaddr_un { sa_family_t sun_family; char sun_path[108]; }`, whose path begins with a NUL. */
function addressOf(name: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length > NAME_MAX) throw new RangeError(`the name ${name} is too long: the most is ${NAME_MAX} bytes`);
  const address = new Uint8Array(3 + bytes.length);
  address[0] = AF_UNIX;
  address.set(bytes, 3);
  return address;
}
