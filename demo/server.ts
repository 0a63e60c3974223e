/**
 * A web server, as a program: `server.ts ADDRESS PORT`. Says `listening` when it is.
 *
 * @module
 */

const [hostname, port] = Deno.args;

Deno.serve(
  { hostname, port: Number(port), onListen: () => console.log("listening") },
  () => new Response("hello"),
);
