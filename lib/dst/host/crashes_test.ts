import assert from "node:assert/strict";
import { watchCrashes } from "./crashes.ts";
import { hop } from "./hop.ts";

/** What was heard, in words. */
function heardBy(name: string, heard: string[]): () => void {
  return watchCrashes((what, error) => heard.push(`${name}: ${what}: ${(error as Error).message}`));
}

Deno.test("rejections and errors that nobody handles are heard, and end nothing", async () => {
  const heard: string[] = [];
  const stop = heardBy("one", heard);
  void Promise.reject(new Error("a"));
  await hop();
  queueMicrotask(() => {
    throw new Error("b");
  });
  await hop();
  reportError(new Error("c"));
  const handled = Promise.reject(new Error("d"));
  await handled.catch(() => {});
  await hop();
  stop();
  const expected = ["unhandled rejection: a", "uncaught error: b", "uncaught error: c"];
  assert.deepEqual(heard, expected.map((one) => `one: ${one}`));
});

Deno.test("a rejection is heard before the hop is over in which it happened", async () => {
  const heard: string[] = [];
  const stop = heardBy("one", heard);
  const fail = async (): Promise<void> => {
    for (let i = 0; i < 100; i++) await undefined;
    throw new Error("deep");
  };
  void fail();
  await hop();
  assert.equal(heard.length, 1);
  stop();
});

Deno.test("the innermost is told, whoever stops first", async () => {
  const heard: string[] = [];
  const [stopOuter, stopInner] = [heardBy("outer", heard), heardBy("inner", heard)];
  const crash = async (): Promise<void> => {
    reportError(new Error("x"));
    await hop();
  };
  await crash();
  stopInner();
  stopInner();
  await crash();
  const stopLast = heardBy("last", heard);
  stopOuter();
  await crash();
  stopLast();
  assert.deepEqual(heard.map((one) => one.slice(0, one.indexOf(":"))), ["inner", "outer", "last"]);
});

Deno.test("who does not listen any more keeps nothing from ending the process", () => {
  const isPrevented = (event: Event): boolean => {
    globalThis.dispatchEvent(event);
    return event.defaultPrevented;
  };
  const fakes = (): Event[] => [
    new ErrorEvent("error", { cancelable: true, error: new Error("x") }),
    new PromiseRejectionEvent("unhandledrejection", {
      cancelable: true,
      promise: new Promise(() => {}),
      reason: new Error("x"),
    }),
  ];
  const stop = watchCrashes(() => {});
  assert.deepEqual(fakes().map(isPrevented), [true, true]);
  stop();
  assert.deepEqual(fakes().map(isPrevented), [false, false]);
});
