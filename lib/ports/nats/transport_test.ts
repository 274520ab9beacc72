import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { neverUnheard } from "./transport.ts";

Deno.test("an error on a socket without listeners is not thrown, with one it is heard", () => {
  const socket = neverUnheard(new EventEmitter());
  socket.emit("error", new Error("nobody waits for it"));
  socket.removeAllListeners();
  socket.emit("error", new Error("nobody waits for it either"));
  const heard: unknown[] = [];
  socket.on("error", (error: unknown) => heard.push(error));
  socket.emit("error", "told");
  assert.deepEqual(heard, ["told"]);
});

Deno.test("planted: an emitter as it is would throw", () => {
  assert.throws(() => new EventEmitter().emit("error", new Error("thrown")), /thrown/);
});
