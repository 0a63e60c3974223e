/**
 * A web server, as a program: `server.ts ADDRESS PORT`. Says `listening` when it is, and
 * ends when its input does, so that it never outlives the program that started it.
 *
 * @module
 */

const [hostname, port] = Deno.args;

Deno.serve(
  { hostname, port: Number(port), onListen: () => console.log("listening") },
  () => new Response("hello"),
);

await Deno.stdin.readable.pipeTo(new WritableStream());
Deno.exit();
