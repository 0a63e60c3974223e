import { libc } from "./libc.ts";
import { NetlinkError } from "./netlink_error.ts";

const O_RDWR = 2;
const WNOHANG = 1;
/** `POSIX_SPAWN_SETSIGDEF` and `POSIX_SPAWN_SETSIGMASK` (`spawn.h`). */
const FLAGS = 0x04 | 0x08;
/** More than a `posix_spawn_file_actions_t` (80 bytes with glibc and musl) or a `posix_spawnattr_t` (336) takes. */
const ROOM = 512;
/** A `sigset_t` without a signal, and one with SIGPIPE (13) alone, which the runtime ignores: what it starts must not. */
const NO_SIGNALS = new Uint8Array(128);
const SIGPIPE_ALONE = Uint8Array.from({ length: 128 }, (_, at) => at === 1 ? 0x10 : 0);

/** How often one that has not ended is looked at, in milliseconds. */
const PAUSE_MS = 1000;

/** Those that nobody waits for and that may not have ended yet. */
const left = new Set<Spawned>();

/** How to start a program. */
export interface SpawnOptions {
  args: readonly string[];
  /** Variables besides those of this process, or in their place. */
  env: Readonly<Record<string, string>>;
}

/**
 * A process without input or output, in the folder `/`. It inherits the descriptors that are not closed on exec.
 *
 * `Deno.Command` keeps a descriptor of each process that it has started until the event loop turns (seen in Deno 2.9.6),
 * which a program that holds again and again without waiting for anything never lets it do.
 */
export class Spawned {
  /** The number of the process. */
  readonly pid: number;
  #isReaped = false;

  /**
   * Starts a program, which is looked for in PATH.
   *
   * @throws {NetlinkError} where it cannot be started
   */
  constructor(program: string, { args, env }: SpawnOptions) {
    // The event loop may not have turned since they have ended.
    for (const other of left) other.reap();
    const { call } = libc();
    const pid = new Int32Array(1);
    const actions = new Uint8Array(ROOM);
    const attributes = new Uint8Array(ROOM);
    call.posix_spawn_file_actions_init(actions);
    call.posix_spawnattr_init(attributes);
    try {
      for (const fd of [0, 1, 2]) call.posix_spawn_file_actions_addopen(actions, fd, cString("/dev/null"), O_RDWR, 0);
      call.posix_spawn_file_actions_addchdir_np(actions, cString("/"));
      call.posix_spawnattr_setflags(attributes, FLAGS);
      call.posix_spawnattr_setsigmask(attributes, NO_SIGNALS);
      call.posix_spawnattr_setsigdefault(attributes, SIGPIPE_ALONE);
      const words = new StringArray([program, ...args]);
      const variables = new StringArray(Object.entries(env).map(([name, value]) => `${name}=${value}`), {
        others: environment().filter(({ name }) => !(name in env)).map(({ address }) => address),
      });
      const errno = call.posix_spawnp(
        new Uint8Array(pid.buffer),
        cString(program),
        actions,
        attributes,
        words.pointers,
        variables.pointers,
      );
      if (errno !== 0) throw new NetlinkError(`start ${program}`, { errno });
      this.pid = pid[0];
    } finally {
      call.posix_spawn_file_actions_destroy(actions);
      call.posix_spawnattr_destroy(attributes);
    }
  }

  /** Clears away what the kernel keeps of it once it has ended; whether it has. Does not wait. */
  reap(): boolean {
    this.#isReaped ||= libc().call.waitpid(this.pid, null, WNOHANG) !== 0;
    if (this.#isReaped) left.delete(this);
    return this.#isReaped;
  }

  /** As `reap`, and again from time to time until it has ended, for which this process does not stay. */
  reapLater(): void {
    left.add(this);
    const timer = setInterval(() => this.reap() && clearInterval(timer), PAUSE_MS);
    Deno.unrefTimer(timer);
  }
}

/**
 * Becomes another program, in this process and with what it has open that is not closed on exec. Returns only where that
 * cannot be done.
 */
export function become(program: string, args: readonly string[]): void {
  const words = new StringArray([program, ...args]);
  libc().call.execv(cString(program), words.pointers);
}

/** An array of C strings that ends with NULL, and the memory that they are in. */
class StringArray {
  readonly pointers: Uint8Array<ArrayBuffer>;
  readonly memory: Uint8Array<ArrayBuffer>;

  /** Of texts, with the addresses of other strings behind them. */
  constructor(texts: readonly string[], { others = [] }: { others?: readonly bigint[] } = {}) {
    const strings = texts.map(cString);
    this.memory = new Uint8Array(new ArrayBuffer(strings.reduce((sum, { length }) => sum + length, 1)));
    const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.memory));
    let at = 0;
    const addresses = strings.map((string) => {
      const address = start + BigInt(at);
      this.memory.set(string, at);
      at += string.length;
      return address;
    });
    this.pointers = new Uint8Array(new BigUint64Array([...addresses, ...others, 0n]).buffer);
  }
}

/** The variables of this process: read where C has them, since Deno's own way takes a permission of its own. */
function environment(): { name: string; address: bigint }[] {
  const list = new Deno.UnsafePointerView(libc().environ).getPointer();
  if (!list) return [];
  const view = new Deno.UnsafePointerView(list);
  const variables: { name: string; address: bigint }[] = [];
  for (let text = view.getPointer(); text; text = view.getPointer(8 * variables.length)) {
    const [name] = new Deno.UnsafePointerView(text).getCString().split("=", 1);
    variables.push({ name, address: Deno.UnsafePointer.value(text) });
  }
  return variables;
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(`${text}\0`));
}
