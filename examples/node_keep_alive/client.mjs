// Sends a request over a kept-alive connection for each line that it reads, and prints what came of it. With `retry` it
// sends a request again whose connection was used before and is reset: the server has closed it, and has not seen the request.
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";

const [url, mode] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function get(path, onEnd) {
  const sent = request(url + path, { agent }, (response) => {
    response.resume();
    response.on("end", () => onEnd(`${path}: ${response.statusCode}`));
  });
  sent.on("socket", (socket) => {
    if (!sent.reusedSocket) socket.on("close", () => console.log("closed a connection"));
  });
  sent.on("error", (error) => {
    const isStale = sent.reusedSocket && error.code === "ECONNRESET";
    if (mode === "retry" && isStale) get(path, (result) => onEnd(`${result}, sent again`));
    else onEnd(`${path}: ${error.code}`);
  });
  sent.end();
}

for await (const path of createInterface({ input: process.stdin })) get(path, (result) => console.log(result));
