/** Every C function that plugctl calls, each with its declaration on Linux. */
const SYMBOLS = {
  // int socket(int domain, int type, int protocol);
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int setsockopt(int fd, int level, int name, const void *value, socklen_t length);
  setsockopt: {
    parameters: ["i32", "i32", "i32", "buffer", "u32"],
    result: "i32",
  },
  // int getsockopt(int fd, int level, int name, void *value, socklen_t *length);
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  // int ioctl(int fd, unsigned long request, ...);
  ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  // ssize_t send(int fd, const void *buffer, size_t length, int flags);
  // Declared as i32, the low half of the result: what is sent and received here is 64 KiB at most.
  send: { parameters: ["i32", "pointer", "usize", "i32"], result: "i32" },
  // ssize_t sendto(int fd, const void *buffer, size_t length, int flags, const struct sockaddr *to, socklen_t length);
  sendto: { parameters: ["i32", "pointer", "usize", "i32", "buffer", "u32"], result: "i32" },
  // int bind(int fd, const struct sockaddr *address, socklen_t length);
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  // int getsockname(int fd, struct sockaddr *address, socklen_t *length);
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // ssize_t recv(int fd, void *buffer, size_t length, int flags);
  recv: { parameters: ["i32", "pointer", "usize", "i32"], result: "i32" },
  // int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags, struct timespec *timeout);
  recvmmsg: {
    parameters: ["i32", "buffer", "u32", "i32", "pointer"],
    result: "i32",
  },
  // int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
  sendmmsg: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  // int poll(struct pollfd *fds, nfds_t count, int timeout);
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  // int open(const char *path, int flags, ...);
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // int faccessat(int folder, const char *path, int mode, int flags);
  faccessat: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  // ssize_t write(int fd, const void *buffer, size_t count);
  // Declared as i32, as send is.
  write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  // int flock(int fd, int operation);
  flock: { parameters: ["i32", "i32"], result: "i32" },
  // int close(int fd);
  close: { parameters: ["i32"], result: "i32" },
  // int setns(int fd, int nstype);
  setns: { parameters: ["i32", "i32"], result: "i32" },
  // int unshare(int flags);
  unshare: { parameters: ["i32"], result: "i32" },
  // int socketpair(int domain, int type, int protocol, int pair[2]);
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // int fcntl(int fd, int command, ...);
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int epoll_create1(int flags);
  epoll_create1: { parameters: ["i32"], result: "i32" },
  // int epoll_ctl(int epoll, int action, int fd, struct epoll_event *event);
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  // int epoll_wait(int epoll, struct epoll_event *events, int count, int timeout);
  // On a thread of its own: errno is that thread's.
  epollWaitAside: {
    name: "epoll_wait",
    parameters: ["i32", "buffer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  // int eventfd(unsigned int value, int flags);
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  // ssize_t readlink(const char *path, char *buffer, size_t size);
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
  // pid_t setsid(void);
  setsid: { parameters: [], result: "i32" },
  // int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
  //   const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]);
  posix_spawnp: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  // int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions);
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  // int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions);
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  // int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *actions, int fd, const char *path, int flags,
  //   mode_t mode);
  posix_spawn_file_actions_addopen: { parameters: ["buffer", "i32", "buffer", "i32", "u32"], result: "i32" },
  // int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
  // int posix_spawnattr_init(posix_spawnattr_t *attributes);
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  // int posix_spawnattr_destroy(posix_spawnattr_t *attributes);
  posix_spawnattr_destroy: { parameters: ["buffer"], result: "i32" },
  // int posix_spawnattr_setflags(posix_spawnattr_t *attributes, short flags);
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  // int posix_spawnattr_setsigmask(posix_spawnattr_t *attributes, const sigset_t *mask);
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
  // int posix_spawnattr_setsigdefault(posix_spawnattr_t *attributes, const sigset_t *signals);
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  // int execv(const char *path, char *const argv[]);
  execv: { parameters: ["buffer", "buffer"], result: "i32" },
  // pid_t waitpid(pid_t pid, int *status, int options);
  waitpid: { parameters: ["i32", "pointer", "i32"], result: "i32" },
  // int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
  mount: { parameters: ["buffer", "buffer", "buffer", "usize", "pointer"], result: "i32" },
  // int umount2(const char *target, int flags);
  umount2: { parameters: ["buffer", "i32"], result: "i32" },
  // int sched_getscheduler(pid_t pid);
  sched_getscheduler: { parameters: ["i32"], result: "i32" },
  // int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param);
  sched_setscheduler: { parameters: ["i32", "i32", "buffer"], result: "i32" },
  // int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *mask);
  sched_setaffinity: { parameters: ["i32", "usize", "buffer"], result: "i32" },
  // int getrusage(int who, struct rusage *usage);
  getrusage: { parameters: ["i32", "buffer"], result: "i32" },
  // int clock_gettime(clockid_t clock, struct timespec *time);
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  // long sysconf(int name);
  sysconf: { parameters: ["i32"], result: "i64" },
  // long syscall(long number, ...);
  syscall: { parameters: ["isize", "i32", "u32", "i32"], result: "isize" },
  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/**
 * Where `dlsym` is, by which all else is found: in glibc, in its companion before 2.34, and in musl on x86-64 and arm64. All
 * of the C library is found by each of them.
 */
const NAMES = ["libc.so.6", "libdl.so.2", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

// void *dlsym(void *library, const char *name);
const DLSYM = { parameters: ["pointer", "buffer"], result: "pointer" } as const;

/** This machine has no C library that plugctl knows: it is not Linux, or neither glibc nor musl. */
export class UnsupportedError extends Error {
  override name = "UnsupportedError";
}

type Functions = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The C library, and the errno of the call before. */
export interface Libc {
  /** What it was opened by: `libc.so.6`. */
  readonly name: string;
  readonly call: Functions;
  /** `char **environ`, the variables of this process: where the pointer to them is. */
  readonly environ: Deno.PointerObject;
  /** The errno of the last call that failed. Must be read before anything else is called. */
  errno(): number;
}

let loaded: Libc | undefined;

/**
 * The C library, opened at the first use and kept, since it is in the process anyway.
 *
 * @throws {UnsupportedError} where there is none
 */
export function libc(): Libc {
  return loaded ??= load();
}

/**
 * How often a function is called before its calls are compiled. Until then they go through a pointer: compiling takes
 * 0.3 ms a function, more than all calls of most programs take, and saves 4 µs a call. Not later, since V8 (seen: 15.0)
 * notes after some eight calls which function is called where, and where it has seen two it never calls directly, which
 * takes twice the time.
 */
const CALLS_BEFORE_COMPILING = 4;

function load(): Libc {
  const { name, find } = openLibrary();
  const call = {} as Functions;
  for (const symbol of Object.keys(SYMBOLS) as (keyof Functions)[]) {
    const value = throughPointer(find, symbol, () => compile(call, { name, symbol }));
    Object.defineProperty(call, symbol, { configurable: true, value });
  }
  const location = new Deno.UnsafePointerView(call.__errno_location() as Deno.PointerObject);
  return { name, call, environ: find("environ"), errno: () => location.getInt32() };
}

/** Tells where a function or variable of the C library is. */
type Find = (name: string) => Deno.PointerObject;

/** Opens the library by the first name that there is. Each function is found at its first call: most are never called. */
function openLibrary(): { name: string; find: Find } {
  const failures: unknown[] = [];
  for (const name of NAMES) {
    try {
      const { dlsym: address } = Deno.dlopen(name, { dlsym: { type: "pointer" } }).symbols;
      const dlsym = new Deno.UnsafeFnPointer(address as Deno.PointerObject<typeof DLSYM>, DLSYM);
      return { name, find: (symbol) => findSymbol(dlsym, symbol) };
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      failures.push(error);
    }
  }
  throw new UnsupportedError("Cannot open the C library: this needs Linux, with glibc or musl", {
    cause: new AggregateError(failures),
  });
}

function findSymbol(dlsym: Deno.UnsafeFnPointer<typeof DLSYM>, symbol: string): Deno.PointerObject {
  const address = dlsym.call(null, new TextEncoder().encode(`${symbol}\0`));
  if (address === null) throw new UnsupportedError(`Cannot find ${symbol} in the C library`);
  return address;
}

/** A function that can be called at once, and that calls `often` when it has been called often. */
function throughPointer(find: Find, symbol: keyof Functions, often: () => void): unknown {
  const declared: Deno.ForeignFunction & { name?: string } = SYMBOLS[symbol];
  let pointer: Deno.UnsafeFnPointer<Deno.ForeignFunction> | undefined;
  let calls = 0;
  return (...args: Parameters<Deno.UnsafeFnPointer<Deno.ForeignFunction>["call"]>) => {
    calls++;
    if (calls === CALLS_BEFORE_COMPILING) often();
    pointer ??= new Deno.UnsafeFnPointer(
      find(declared.name ?? symbol) as Deno.PointerObject<Deno.ForeignFunction>,
      declared,
    );
    return pointer.call(...args);
  };
}

/** Puts a function whose calls are compiled in the place of the one that goes through a pointer. */
function compile(call: Functions, { name, symbol }: { name: string; symbol: keyof Functions }): void {
  const { symbols } = Deno.dlopen(name, { [symbol]: SYMBOLS[symbol] });
  Object.defineProperty(call, symbol, { value: symbols[symbol] });
}
