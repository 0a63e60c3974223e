/** A netlink socket and what can go wrong on it. */
export { errnoName } from "../codec/errno_name.ts";
export { type Answer, Connection, type ConnectionOptions, REQUESTS_PER_SEND, type Trace } from "./connection.ts";
export * from "./errno.ts";
export { libc, UnsupportedError } from "./libc.ts";
export { inNamespace, inNewNamespace, namespacePath, type OpenNamespace } from "./namespace.ts";
export { NetlinkError, type Refusal } from "./netlink_error.ts";
export { openSocket, type Socket } from "./socket.ts";
