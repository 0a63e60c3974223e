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

/** Where a host tells what has happened (`log`) and that it is there (`here`); with a star for any host. */
export function tellingSubject(kind: "log" | "here", { group, host }: { group: string; host: string }): string {
  return [ROOT, token(group), host === "*" ? "*" : token(host), kind].join(".");
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
function token(name: string): string {
  return name.replaceAll(/[.*>%\s@]/g, (sign) => `%${sign.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`);
}

function nameOf(token: string): string {
  return token.replaceAll(/%([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

/** Whether a host is meant: by its name, in which a star stands for any characters, or by one of its labels, `role=db`. */
export function isMeant(patterns: readonly string[], host: string, labels: readonly string[]): boolean {
  return patterns.some((pattern) => {
    if (pattern === host) return true;
    if (!/[*=]/.test(pattern)) return false;
    const expression = new RegExp(`^${pattern.split("*").map(RegExp.escape).join(".*")}$`, "s");
    return (pattern.includes("=") ? labels : [host]).some((text) => expression.test(text));
  });
}
