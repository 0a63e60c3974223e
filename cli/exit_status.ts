/** What the exit status says. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  expectation: 3,
  incapable: 4,
  /** Plus the signal's number: 129 SIGHUP, 130 SIGINT, 143 SIGTERM. */
  signal: 128,
} as const;
