/** Buckets and keys that vanish under nodes that live: nobody acts while whoever had the actor may still do so. */
import assert from "node:assert/strict";
import type { ActivationState } from "../../bus/actors/activation_state.ts";
import { directoryBucket, nodeBucket, stateBucket } from "../../bus/names.ts";
import { isPartiError } from "../../errors.ts";
import { Kernel } from "../kernel/kernel.ts";
import { BUS, FOR_EVER } from "./bus_cluster.ts";
import { type CalmNode, CalmNodes } from "./calm_nodes.ts";
import { tokenBytes, tokenOf } from "./ledger.ts";

const TYPE = "sim::plain";
const ACTOR = `${TYPE}/1`;
const KEEPER = "sim::keeper";
const LEASE_TTL_MS = 5_000;

/** Some nodes, and a judge who sees into all of them. */
class Scene {
  readonly kernel: Kernel;
  readonly nodes: CalmNode[] = [];
  /** Why two lives of one actor were by right at once. */
  readonly wrongs: string[] = [];
  readonly #calm: CalmNodes;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.#calm = new CalmNodes(kernel);
  }

  async start(name: string): Promise<CalmNode> {
    const node: CalmNode = await this.#calm.start(name, {
      leaseTtlMs: LEASE_TTL_MS,
      onActivation: ({ id }, to: ActivationState) => {
        if (to === "valid") this.#judge(id);
      },
      define: (actors) =>
        actors.define(TYPE, {
          placement: "local",
          create: ({ id }) => ({
            handle: () => {
              this.#judge(id);
              return tokenBytes(actors.address!);
            },
          }),
        }),
    });
    this.nodes.push(node);
    return node;
  }

  #judge(id: string): void {
    const by = this.nodes.flatMap(({ actors }) =>
      actors.mayAct && actors.activations.some((one) => one.id === id && one.state === "valid")
        ? [actors.address!]
        : []
    );
    if (by.length > 1) this.wrongs.push(`${id} is by right at ${by.join(" and ")}`);
  }

  /** Where the actor answers from; the code where it does not. */
  async ask({ actors }: CalmNode, timeoutMs = 100): Promise<string> {
    try {
      return tokenOf(await actors.request(ACTOR, "x", tokenBytes("a"), { timeoutMs }));
    } catch (error) {
      if (!isPartiError(error)) throw error;
      return error.code;
    }
  }

  /** Everybody calls the actor, again and again. */
  async askAll(forMs: number): Promise<void> {
    for (const endMs = this.kernel.nowMs + forMs; this.kernel.nowMs < endMs;) {
      await Promise.all(this.nodes.map((node) => this.ask(node)));
      await this.kernel.sleep(20);
    }
  }

  async end(): Promise<void> {
    for (const { actors, bus } of this.nodes) {
      await actors.stop();
      await bus.stop();
    }
  }
}

/** What vanishes in a scene where an actor lives at `a`, which was renewed a while ago; then the actor is back within some time. */
function vanishing(
  vanish: (scene: Scene, a: CalmNode) => Promise<unknown>,
  backMs: number,
): () => Promise<void> {
  return async () => {
    const kernel = new Kernel({ seed: 1 });
    await kernel.run(async () => {
      const scene = new Scene(kernel);
      const a = await scene.start("a");
      await scene.start("b");
      const first = await scene.ask(a);
      assert.equal(first, a.actors.address);
      await kernel.sleep(1_600);

      await vanish(scene, a);
      await scene.askAll(backMs);
      assert.deepEqual(scene.wrongs, []);
      const places = await Promise.all(scene.nodes.map((node) => scene.ask(node, 1_000)));
      assert.equal(new Set(places).size, 1, places.join(", "));
      assert.match(places[0]!, /^[a-z]_/);
      await scene.end();
    });
  };
}

const LEASES = { ttlMs: 3 * LEASE_TTL_MS, replicas: 1, storage: "file" } as const;

Deno.test(
  "a lease's key that vanishes proves no death",
  vanishing(async (_, { world, actors }) => {
    const bucket = await world.kv.open(nodeBucket(BUS), LEASES);
    await bucket.remove(`node.${actors.address}`);
  }, 1.5 * LEASE_TTL_MS),
);

Deno.test(
  "the bucket of leases is deleted and made anew: nobody is dead before a whole lease",
  vanishing(async (scene, { world }) => {
    await world.kv.destroy(nodeBucket(BUS));
    await scene.start("c");
  }, 1.5 * LEASE_TTL_MS),
);

Deno.test(
  "the directory is deleted and made anew: who had an actor ends before another begins it",
  vanishing(async (scene, { world }) => {
    await world.kv.destroy(directoryBucket(BUS));
    await scene.start("c");
  }, 1.5 * LEASE_TTL_MS),
);

Deno.test(
  "the directory is deleted while nobody joins: those that live make it anew, each as another life",
  vanishing(async (scene, { world }) => {
    const before = scene.nodes.map(({ actors }) => actors.address);
    await world.kv.destroy(directoryBucket(BUS));
    await scene.askAll(0.5 * LEASE_TTL_MS);
    const after = scene.nodes.map(({ actors }) => actors.address);
    assert.deepEqual(after.filter((address) => before.includes(address)), []);
    assert.match(await scene.ask(scene.nodes[1]!, 1_000), /^[ab]_/);
  }, 100),
);

Deno.test(
  "directory and leases are deleted at once: those that knew of each other wait for each other's end",
  vanishing(async (_, { world }) => {
    await world.kv.destroy(nodeBucket(BUS));
    await world.kv.destroy(directoryBucket(BUS));
  }, 2.5 * LEASE_TTL_MS),
);

Deno.test("what actors keep is deleted: those that live save on, and others begin", async () => {
  const kernel = new Kernel({ seed: 1 });
  await kernel.run(async () => {
    const node = await new CalmNodes(kernel).start("a", {
      define: (actors) =>
        actors.define(KEEPER, {
          state: true,
          create: ({ state }) => ({
            async handle({ payload }) {
              await state!.save(payload);
            },
          }),
        }),
    });
    const tell = (key: number) => node.actors.request(`${KEEPER}/${key}`, "x", tokenBytes("kept"));
    await tell(1);
    await node.world.kv.destroy(stateBucket(BUS));
    for (const key of [1, 2]) await tell(key);
    const bucket = await node.world.kv.open(stateBucket(BUS), FOR_EVER);
    assert.equal((await bucket.list(">")).length, 2);
    await node.actors.stop();
    await node.bus.stop();
  });
});
