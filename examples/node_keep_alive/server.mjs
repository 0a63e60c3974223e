// A server that closes a connection that was idle for a while, and does not say for how long it keeps one, as most do not.
import { createServer } from "node:http";

const server = createServer((request, response) => {
  // Written here, so that Node does not say the time beside it
  response.setHeader("Connection", "keep-alive");
  response.end(`answer to ${request.url}\n`);
});
server.keepAliveTimeout = 300;
server.keepAliveTimeoutBuffer = 0;
server.on("connection", (socket) => socket.on("close", () => console.log("closed a connection")));
server.listen(8080, () => console.log("ready"));
