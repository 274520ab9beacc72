import assert from "node:assert/strict";
import { PullAccount } from "./pull_account.ts";

const SHARE = 1_000;

/** Asks for what is to be asked for. Returns its token. */
function ask(account: PullAccount): number {
  const asked = account.next(SHARE);
  assert.ok(asked !== undefined, "there is nothing to ask for");
  return account.sent(asked, 0);
}

Deno.test("at first half of the bytes are asked for, then as many messages as fit by the sizes that came", () => {
  const account = new PullAccount();
  account.want(100, Infinity);
  assert.deepEqual(account.next(SHARE), { batch: 100, bytes: 500 });
  const first = ask(account);
  for (let i = 0; i < 4; i++) account.arrived(120);
  account.ended(first, 96, 20, true);
  assert.equal(account.outstanding, 0);
  assert.deepEqual(account.next(SHARE), { batch: 8, bytes: SHARE });
  const second = ask(account);
  for (let i = 0; i < 4; i++) account.arrived(120);
  assert.deepEqual(account.next(SHARE), { batch: 4, bytes: 480 }, "half is under way still");
  ask(account);
  account.ended(second, 0, 40);
  assert.equal(account.outstanding, 8, "the word that it is fulfilled takes nothing back");
});

Deno.test("small messages are asked for as if there were no bound", () => {
  const account = new PullAccount();
  account.want(10, Infinity);
  ask(account);
  for (let i = 0; i < 5; i++) account.arrived(10);
  account.want(10, Infinity);
  assert.deepEqual(account.next(SHARE), { batch: 5, bytes: 500 });
});

Deno.test("a message into which nothing that is asked for fits is asked for by itself, once", () => {
  const account = new PullAccount();
  account.want(10, Infinity);
  account.ended(ask(account), 10, 500, true);
  assert.deepEqual(account.next(SHARE), { batch: 1, bytes: undefined });
  const large = ask(account);
  assert.equal(account.next(SHARE), undefined, "nothing else meanwhile");
  account.arrived(5_000);
  assert.deepEqual(account.next(SHARE), { batch: 1, bytes: SHARE }, "the next one may fit");
  account.ended(ask(account), 1, SHARE, true);
  const gone = ask(account);
  account.ended(gone, 1);
  assert.equal(account.next(SHARE)?.bytes, SHARE, "it was not there any more");
  assert.equal(account.ended(large), false);
});

Deno.test("where the bytes have come to nothing all is over, and messages from before a reconnect do no harm", () => {
  const account = new PullAccount();
  account.want(10, Infinity);
  ask(account);
  account.arrived(300);
  account.arrived(200);
  assert.equal(account.outstanding, 0);
  account.arrived(10);
  assert.equal(account.outstanding, 0);
  assert.ok(account.next(SHARE) !== undefined);
  const token = ask(account);
  account.clear();
  assert.equal(account.ended(token, 1, 1), false);
  assert.equal(account.outstanding, 0);
});

Deno.test("with few bytes wanted the last message is the only one that is beyond them", () => {
  const account = new PullAccount();
  account.want(10, 250);
  account.ended(ask(account), 10, 125, true);
  ask(account);
  account.arrived(200);
  assert.deepEqual(account.next(SHARE), { batch: 1, bytes: 400 });
  ask(account);
  account.arrived(200);
  assert.equal(account.next(SHARE), undefined);
});

Deno.test("a request that must be over is forgotten with what it is taken to bring", () => {
  const account = new PullAccount();
  account.want(10, Infinity);
  ask(account);
  account.forget(0);
  assert.equal(account.outstanding, 10);
  account.forget(1);
  assert.equal(account.outstanding, 0);
});
