// npm's netlink: its pure parsers, without the native part that opens sockets.
import structs from "netlink/structs";
import route from "netlink/rt/structs";
import { Buffer } from "node:buffer";
import { dumpChunk } from "./input.ts";
import { measure, report } from "./measure.ts";

const { bytes, count } = dumpChunk();
const chunk = Buffer.from(bytes);

report({
  "dump-records": measure(count, () => {
    const messages = structs.parseMessages(chunk);
    for (const { data } of messages) route.parseTcMessage(data);
    return messages.length;
  }),
});
