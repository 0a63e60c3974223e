/** A netlink socket and what can go wrong on it. */
export { errnoName } from "../codec/errno_name.ts";
export { type Answer, Connection, type ConnectionOptions, REQUESTS_PER_SEND, type Trace } from "./connection.ts";
export * from "../linux/netlink_error.ts";
export { libc, UnsupportedError } from "../linux/libc.ts";
export { inNamespace, inNewNamespace, namespacePath, type OpenNamespace } from "../linux/namespace.ts";
export { NetlinkError, type Refusal } from "../linux/netlink_error.ts";
export { openSocket, type Socket } from "../linux/socket.ts";
