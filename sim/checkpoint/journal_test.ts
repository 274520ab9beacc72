import assert from "node:assert/strict";
import { isPartiError } from "../../lib/errors.ts";
import { TempDir } from "../../tasks/nats_fakes.ts";
import { Journal, readJournal } from "./journal.ts";

function journalIn(folder: string, keep = 9) {
  const troubles: string[] = [];
  const journal = new Journal({ folder, keep, onTrouble: (message) => troubles.push(message) });
  return { journal, troubles };
}

Deno.test("journal: what came in since a checkpoint is read in order, also what whoever came after has added", () => {
  using dir = new TempDir();
  {
    using journal = journalIn(dir.path).journal;
    assert.equal(journal.next(), 1);
    journal.append("before");
    assert.equal(journal.next(), 2);
    journal.append({ first: 1 });
  }
  {
    using journal = journalIn(dir.path).journal;
    journal.next();
    journal.append([2]);
  }
  assert.deepEqual(readJournal(dir.path, 2), [{ first: 1 }, [2]]);
  assert.deepEqual(readJournal(dir.path, 1), ["before", { first: 1 }, [2]]);
});

Deno.test("journal: a torn last line was not answered for and is left out, in each file", () => {
  using dir = new TempDir();
  dir.write("journal_000004.jsonl", '"whole"\n{"torn');
  dir.write("journal_000005.jsonl", '"after"\n"no end of line"');
  assert.deepEqual(readJournal(dir.path, 4), ["whole", "after"]);
});

Deno.test("journal: planted: a missing file, or a line that is spoilt, is told and never passed over", () => {
  using dir = new TempDir();
  dir.write("journal_000004.jsonl", "1\n");
  dir.write("journal_000006.jsonl", '2\n{"spo\n3\n');
  const refuses = (from: number, why: RegExp) =>
    assert.throws(() => readJournal(dir.path, from), (error) => {
      return isPartiError(error, "PARTI_INVALID_CONFIG") && why.test(error.message);
    });
  refuses(4, /there are files 4, 6, and 4 is wanted/);
  refuses(7, /there are files none, and 7 is wanted/);
  refuses(6, /journal_000006.jsonl:2 cannot be used: the line is no JSON/);
});

Deno.test("journal: files of checkpoints that are not kept any more are removed", () => {
  using dir = new TempDir();
  using journal = journalIn(dir.path, 2).journal;
  for (let checkpoint = 0; checkpoint < 6; checkpoint++) journal.next();
  const names = [...Deno.readDirSync(dir.path)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["journal_000004.jsonl", "journal_000005.jsonl", "journal_000006.jsonl"]);
});

Deno.test("journal: that it cannot be written is told once, and nothing is thrown at who reports", () => {
  using dir = new TempDir();
  const { journal, troubles } = journalIn(dir.path);
  journal.next();
  journal[Symbol.dispose]();
  journal.append(1);
  journal.append(2);
  assert.equal(troubles.length, 1);
  assert.match(troubles[0]!, /^the journal cannot be written: /);
});
