import { Connection } from "../netlink/connection.ts";
import { namespaceIdentity } from "../linux/namespace.ts";

/** A guardian's connections: one for each network namespace, which it keeps open. */
export class Connections {
  readonly #byNamespace = new Map<string, Connection>();

  /** The connection to the namespace that is at this path now, or to this process's own. */
  to(netns?: string): Connection {
    const identity = namespaceIdentity(netns);
    const connection = this.#byNamespace.get(identity) ?? Connection.open({ netns });
    this.#byNamespace.set(identity, connection);
    return connection;
  }
}
