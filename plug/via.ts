import { Connection } from "../netlink/connection.ts";

/** Which connection to use. */
export interface Via {
  /** The network namespace: a name of `ip netns`, a path, or `pid:N`. Default: this process's own. */
  netns?: string;
  /** A connection that is already in the right namespace, instead of one that the plug opens and closes. */
  connection?: Connection;
}

/** Makes something with the connection given, or with one of its own, which is closed where that fails. */
export function withConnection<T>(via: Via, make: (connection: Connection, ownsConnection: boolean) => T): T {
  if (via.connection) return make(via.connection, false);
  const connection = Connection.open({ netns: via.netns });
  try {
    return make(connection, true);
  } catch (error) {
    connection[Symbol.dispose]();
    throw error;
  }
}
