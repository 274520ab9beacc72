/** What becomes of messages when the sequences of the stream go back: it is made anew, or the server comes back without its last writes. */
import assert from "node:assert/strict";
import { natsTest, type Rig, until } from "../test_support/rig.ts";
import { ModelTeam } from "./model_team_test.ts";
import type { Disk } from "./model_server_test.ts";
import { FEED, Team } from "./team_test.ts";
import { envCount } from "../test_support/env_count.ts";

const SEEDS = envCount("PARTI_FUZZ_SEEDS", 40);
const FIRST = envCount("PARTI_FUZZ_FIRST", 1);

const EMPTY: Disk = { sequence: 0, messages: [] };
const decoder = new TextDecoder();

/** Members of a group on a server whose disk forgets, and what of it was acknowledged without having been handled. */
class Forgetful {
  readonly team: ModelTeam;
  readonly lost: string[] = [];
  readonly #disks: Disk[] = [EMPTY];
  #handledCount = 0;
  readonly #handled = new Set<string>();

  constructor(seed: number) {
    this.team = new ModelTeam({
      seed,
      members: 3,
      partitions: 6,
      failures: 0.2,
      temper: (random) => random() < 0.9 ? random() * 20 : random() * 1_500,
      withoutEffects: true,
    });
    const { server } = this.team;
    const ack = server.ack.bind(server);
    server.ack = (name, sequence) => {
      const message = server.feed.get(sequence);
      const isThere = server.lanes.some((lane) => lane.name === name);
      if (isThere && message !== undefined && !this.isHandled(message.data)) {
        this.lost.push(`${message.subject} ${sequence}`);
      }
      return ack(name, sequence);
    };
  }

  isHandled(data: Uint8Array): boolean {
    const { handled } = this.team.record;
    while (this.#handledCount < handled.length) {
      this.#handled.add(handled[this.#handledCount++]!.payload);
    }
    return this.#handled.has(decoder.decode(data));
  }

  /** Now and then a copy is made, or one comes back. */
  async happen(): Promise<void> {
    const { team } = this;
    const chance = team.random();
    if (chance < 0.2) this.#disks.push(team.server.disk);
    if (chance < 0.9) return;
    // What was written after a copy that came back is gone for good, and later copies with it.
    this.#disks.length = 1 + team.pick(this.#disks.length);
    team.server.restore(this.#disks.at(-1)!);
    // No two messages are stored with one sequence at one time.
    await team.clock.advance(1);
  }
}

Deno.test("lost writes: whatever comes back, nothing is acknowledged that was not handled, and all goes on in order", async () => {
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const group = new Forgetful(seed);
    const { team } = group;
    const owners = (shift: number) =>
      Object.fromEntries(team.partitions.map((name, index) => [name, (index + shift) % 3]));
    team.assign(owners(0));
    for (let step = 0; step < 60; step++) {
      for (let i = team.pick(6); i > 0; i--) team.publish(team.partitions[team.pick(6)]!);
      if (team.random() < 0.1) team.assign(owners(step));
      await group.happen();
      await team.clock.advance(team.random() * 200);
    }
    await team.drained();
    assert.deepEqual(group.lost, [], `seed ${seed}`);
    for (const partition of team.partitions) for (let i = 0; i < 5; i++) team.publish(partition);
    await team.drained();
    for (const partition of team.partitions) {
      const last = team.record.sentPayloads.get(partition)!.slice(-5);
      const handled = team.record.payloads().get(partition)!;
      // Beside these, a handler that took its time may have come back whose message had gone.
      const isLast = (payload: string): boolean => last.includes(payload);
      assert.deepEqual(handled.filter(isLast), last, `seed ${seed}, once and in order`);
    }
    await team.end();
  }
});

function handledOf(team: Team, partition: string): string[] {
  return team.record.payloads().get(partition) ?? [];
}

natsTest(
  "lost writes: on a real server a stream made anew is read from its first message on",
  async (rig) => {
    await using team = await Team.start(rig);
    await team.add();
    team.assign({ a: 0, b: 0 });
    await team.publish(["a", "b"], 5);
    await team.drained();
    await team.makeAnew();
    await team.publish(["a", "b"], 8);
    await team.drained();
    team.record.assertExact();
  },
);

natsTest(
  "lost writes: on a real server a stream is made anew under a failing handler and one that runs, and both go on",
  async (rig) => {
    await using team = await Team.start(rig);
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    let isOld = true;
    const { consumer, errors } = await team.add({
      config: { retryBaseMs: 500, retryMaxMs: 500, maxDeliver: 1_000 },
      handle: (message, { partitionId }) => {
        if (!isOld || message.streamSequence < 5) return;
        if (partitionId === "slow") return over;
        throw new Error("not yet");
      },
    });
    team.assign({ fails: 0, slow: 0 });
    await team.publish(["fails", "slow"], 3);
    await until("both are held up", () => consumer.health().running === 2);
    await team.makeAnew();
    isOld = false;
    await team.publish(["fails", "slow"], 6);
    await until("the failing one goes on", () => handledOf(team, "fails").length === 8);
    end();
    await until("the slow one goes on", () => handledOf(team, "slow").length === 9);
    // The third of each was never handled, or at its end: it had gone with the stream.
    for (const partition of ["fails", "slow"]) {
      const sent = team.record.sentPayloads.get(partition)!;
      assert.deepEqual(handledOf(team, partition).slice(-6), sent.slice(-6));
    }
    assert.deepEqual(team.record.overlaps, []);
    await until(
      "the stream is empty",
      async () => (await team.world.feed.streamInfo(FEED)).messages === 0,
    );
    assert.deepEqual(
      errors.filter((error) => !/not found|stream feed does not exist/.test(String(error))),
      [],
    );
  },
);

/** Kills the server, does something with its disk, and starts it again. */
async function outage(rig: Rig, team: Team, command: readonly string[]): Promise<void> {
  await rig.server.kill();
  await new Deno.Command(command[0]!, { args: command.slice(1) }).output();
  await rig.server.restart();
  await until("the reconnect", () => team.world.messaging.connected);
}

natsTest(
  "lost writes: on a real server that comes back without its last writes, what is new under old sequences is handled",
  async (rig) => {
    await using team = await Team.start(rig, "file");
    await team.add();
    team.assign({ a: 0, b: 0 });
    await team.publish(["a", "b"], 5);
    await team.drained();
    const { storeDir } = rig.server;
    const copy = `${storeDir}-copy`;
    await outage(rig, team, ["cp", "-a", storeDir, copy]);
    await team.publish(["a", "b"], 20);
    await team.drained();
    await outage(rig, team, ["sh", "-c", `rm -r "${storeDir}" && mv "${copy}" "${storeDir}"`]);
    assert.equal((await team.world.feed.streamInfo(FEED)).lastSequence, 10);
    await team.publish(["a", "b"], 25);
    await team.drained();
    for (const partition of ["a", "b"]) {
      assert.deepEqual(handledOf(team, partition), team.record.sentPayloads.get(partition));
    }
    assert.deepEqual(team.record.overlaps, []);
  },
);
