/**
 * Where messages of a fleet go: `plugctl.GROUP.HOST.WHO.OPERATION` asks a host, `plugctl.GROUP.HOST.log` is what has
 * happened there, `plugctl.GROUP.HOST.here` says that it is there.
 *
 * The broker's permissions are on subjects: who may publish as WHO, and to which groups, is said there.
 *
 * @module
 */

/** In the place of a host: every host of the group. No host can be called so. */
export const ALL = "@all";
const ROOT = "plugctl";

/** Whom a request is for, who asks, and for what. */
export interface Address {
  group: string;
  host: string;
  who: string;
  operation: string;
}

/** The subject of a request. */
export function requestSubject({ group, host, who, operation }: Address): string {
  return [ROOT, token(group), host === ALL ? ALL : token(host), token(who), token(operation)].join(".");
}

/** What an agent listens to: what is for it, and what is for all of its group. */
export function subjectsOf({ group, host }: { group: string; host: string }): string[] {
  return [token(host), ALL].map((whose) => `${ROOT}.${token(group)}.${whose}.*.*`);
}

/** What the subject of a request says. */
export function parseRequest(subject: string): Address {
  const [, group, host, who, operation] = subject.split(".").map(nameOf);
  return { group, host, who, operation };
}

/** Where a host tells what has happened (`log`) and that it is there (`here`); without a host: where any of the group does. */
export function tellingSubject(kind: "log" | "here", { group, host }: { group: string; host?: string }): string {
  return [ROOT, token(group), host === undefined ? "*" : token(host), kind].join(".");
}

/**
 * What the inbox of a connection begins with: that of a host's agent, or of a user. The broker's permissions let each listen
 * to its own alone.
 */
export function inboxOf(kind: "hosts" | "users", name: string): string {
  return `_INBOX.${kind}.${token(name)}`;
}

/**
 * Where an answer to what was asked of all goes. It ends with who answers, as the answer's body may say anything: the broker
 * lets a host publish what ends with its own name alone.
 */
export function answerSubject(reply: string, host: string): string {
  return `${reply}.${token(host)}`;
}

/** Which host answers what was asked of all. */
export function answerer(subject: string): string {
  return nameOf(subject.slice(subject.lastIndexOf(".") + 1));
}

/** Which host tells something. */
export function teller(subject: string): string {
  return nameOf(subject.split(".")[2]);
}

/** The streams in which a broker with JetStream keeps what is told, and what is put there. */
export const STREAMS = {
  log: { name: "PLUGCTL_LOG", subjects: [`${ROOT}.*.*.log`] },
  here: { name: "PLUGCTL_HERE", subjects: [`${ROOT}.*.*.here`] },
} as const;

/** A name as one part of a subject: what means something there is written as in a URL. */
export function token(name: string): string {
  return name.replaceAll(SPECIAL, (sign) => {
    const written = encodeURIComponent(sign);
    return written === sign ? `%${sign.charCodeAt(0).toString(16).toUpperCase()}` : written;
  });
}

/** Dots, stars and what else `token` writes otherwise. */
const SPECIAL = /[.*>%@\s\p{Cc}]/gu;

/** The name that was written so; what was not is taken as it stands. */
export function nameOf(token: string): string {
  try {
    return decodeURIComponent(token);
  } catch {
    return token;
  }
}

/**
 * Checks what a host, a group or a user is called.
 *
 * @throws {SyntaxError} where that cannot be a name
 */
export function checkName(what: string, name: string): void {
  if (name === "" || name.length > NAME_MAX) {
    throw new SyntaxError(`invalid ${what} ${JSON.stringify(name)}: must be 1 to ${NAME_MAX} characters`);
  }
  if (name.includes("*") || name.includes("=")) {
    throw new SyntaxError(`invalid ${what} ${JSON.stringify(name)}: "*" and "=" are for patterns`);
  }
  if (name.startsWith("@") || /\p{Cc}/u.test(name)) {
    throw new SyntaxError(
      `invalid ${what} ${JSON.stringify(name)}: must not begin with @, nor have control characters`,
    );
  }
}

/**
 * Checks what says which hosts are meant: `@all` as a host would be all of them.
 *
 * @throws {SyntaxError} where no host or label can be called so
 */
export function checkPattern(pattern: string): void {
  if (pattern.includes("=") && !/\p{Cc}/u.test(pattern)) return;
  checkName("--on", pattern.replaceAll("*", "x"));
}

const NAME_MAX = 200;

/** Whether a host is meant: by its name, in which a star stands for any characters, or by one of its labels, `role=db`. */
export function isMeant(patterns: readonly string[], host: string, labels: readonly string[]): boolean {
  return patterns.some((pattern) => {
    if (pattern === host) return true;
    if (!/[*=]/.test(pattern)) return false;
    const expression = new RegExp(`^${pattern.split("*").map(RegExp.escape).join(".*")}$`, "s");
    return (pattern.includes("=") ? labels : [host]).some((text) => expression.test(text));
  });
}
