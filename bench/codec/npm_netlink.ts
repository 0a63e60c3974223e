// npm's netlink: its pure parsers, without the native part that opens sockets.
// @ts-types="./npm_netlink.d.ts"
import structs from "npm:netlink@0.3.0/dist/structs.js";
// @ts-types="./npm_netlink.d.ts"
import route from "npm:netlink@0.3.0/dist/rt/structs.js";
import { Buffer } from "node:buffer";
import { dumpChunk, measure, report } from "./input.ts";

const { bytes, count } = dumpChunk();
const chunk = Buffer.from(bytes);

report({
  "dump-records": measure(count, () => {
    const messages = structs.parseMessages(chunk);
    for (const { data } of messages) route.parseTcMessage(data);
    return messages.length;
  }),
});
