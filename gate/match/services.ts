/** A port that a service name stands for, and the protocols under which the name is known. */
export interface Service {
  port: number;
  protocols: string[];
}

const FILE = "/etc/services";

let known: Map<string, Service> | undefined;

/**
 * The services of `/etc/services` by name and alias. Read once.
 *
 * @throws {Deno.errors.NotFound} or another, where the file cannot be read
 */
export function services(): ReadonlyMap<string, Service> {
  return known ??= parseServices(Deno.readTextFileSync(FILE));
}

/** Parses lines as `http 80/tcp www # comment`. */
export function parseServices(text: string): Map<string, Service> {
  const found = new Map<string, Service>();
  for (const line of text.split("\n")) {
    const [name, place = "", ...aliases] = line.replace(/#.*/, "").trim().split(/\s+/);
    const [, port, protocol] = /^(\d+)\/(tcp|udp|sctp)$/.exec(place) ?? [];
    if (protocol === undefined) continue;
    for (const word of [name, ...aliases]) {
      const service = found.get(word) ?? { port: Number(port), protocols: [] };
      if (service.port === Number(port)) found.set(word, { ...service, protocols: [...service.protocols, protocol] });
    }
  }
  return found;
}
