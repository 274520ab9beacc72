/**
 * Bugs in `lib/bus/actors`: actors in a directory. The first four are those of the program this bus is named after.
 *
 * @module
 */
import type { Mutant } from "./mutant.ts";

const HOST = "lib/bus/actors/host.ts";
const ACTIVATION = "lib/bus/actors/activation.ts";
const GOODBYE = "lib/bus/actors/goodbye.ts";
const NODES = "lib/bus/actors/nodes.ts";
const LOCATOR = "lib/bus/actors/locator.ts";
const DIRECTORY = "lib/bus/actors/kv_directory.ts";
const FORWARDER = "lib/bus/actors/forwarder.ts";

const bugs: readonly Mutant[] = [
  {
    name: "placed-by-os-entropy",
    about: "Where an actor begins is drawn from the operating system.",
    file: "lib/bus/actors/placement.ts",
    find: "candidates[Math.floor(random.float() * candidates.length)]!;\n  switch",
    replace: "candidates[Math.floor(Math.random() * candidates.length)]!;\n  switch",
  },
  {
    name: "hops-never-counted",
    about: "A call that is sent on does not say so: it may go round for ever.",
    file: "lib/bus/outbox.ts",
    find: "hops: hops + 1,",
    replace: "hops,",
  },
  {
    name: "begun-where-the-directory-failed",
    about: "An actor whose place cannot be looked up begins here, in no directory.",
    file: HOST,
    find: "        // Never taken for absence: then two could begin.\n        onError(error);",
    replace:
      '        onError(error);\n        const { address } = this;\n        return { kind: "here", entry: { address, activation: activation.name, revision: 0 } };',
  },
  {
    name: "loser-abandoned",
    about:
      "Whoever loses the race for an actor's place stops looking, and what waits there waits on.",
    file: HOST,
    find: "        if (found !== undefined) return found;",
    replace:
      "        if (found === undefined) return await new Promise<Found>(() => {});\n        return found;",
  },
  {
    name: "unregistered-by-name",
    about: "A place is given back whoever has it by now.",
    file: DIRECTORY,
    find: "      await this.#bucket.remove(key, revision);",
    replace: "      await this.#bucket.remove(key);",
  },
  {
    name: "registered-by-put",
    about: "A place that is free is taken without a compare: two have it.",
    file: DIRECTORY,
    find: "? await this.#bucket.create(key, value)",
    replace: "? await this.#bucket.put(key, value)",
  },
  {
    name: "taken-over-by-put",
    about: "A dead node's place is taken without a compare: several heirs have it.",
    file: DIRECTORY,
    find: ": await this.#bucket.update(key, value, over.revision);",
    replace: ": await this.#bucket.put(key, value);",
  },
  {
    name: "dead-by-hearsay",
    about: "Whoever was not heard of is taken for dead, without proof.",
    file: NODES,
    find:
      "    const { bucket, onError } = this.#options;\n    const seen = this.#seen.get(address);\n    const stone",
    replace:
      "    this.#bury(address);\n    const { bucket, onError } = this.#options;\n    const seen = this.#seen.get(address);\n    const stone",
  },
  {
    name: "dead-by-put",
    about: "The proof of a death is written over whatever is there: a node that lives is buried.",
    file: NODES,
    find: "await this.#giveNotice(address);",
    replace: "await bucket.put(keyOf(address), stone).then(() => this.#bury(address));",
  },
  {
    name: "turn-without-lease",
    about: "A turn begins whether the node's lease is valid or not.",
    file: ACTIVATION,
    find: "    return !this.#isOver && !this.#hasLeft && this.#stage.mayAct();",
    replace: "    return !this.#isOver;",
  },
  {
    workload: "bus-5-chaos",
    name: "answered-without-lease",
    about: "What came of a turn is answered whether the node's lease is still valid or not.",
    file: ACTIVATION,
    find: "    if (this.#mayAct()) this.#stage.answer(call, said);",
    replace: "    if (!this.#isOver) this.#stage.answer(call, said);",
  },
  {
    workload: "bus-6-partition",
    name: "answered-without-the-shard",
    about: "What came of a turn is answered whether the shard is still here or not.",
    file: "lib/bus/actors/partition_actors.ts",
    find:
      "      if (!context.mayAct()) throw context.signal.reason ?? rightOver();\n      bus.outbox.answer",
    replace: "      bus.outbox.answer",
  },
  {
    workload: "bus-6-partition",
    name: "token-of-the-epoch-alone",
    about:
      "Two owners of a shard within one epoch have the same token: one takes the other's saves for its own.",
    file: "lib/bus/actors/token.ts",
    find: "(BigInt(epoch) << GENERATION_BITS) + BigInt(generation);",
    replace: "BigInt(epoch) << GENERATION_BITS;",
  },
  {
    name: "two-turns-at-once",
    about: "A call that comes during a turn gets one of its own at once.",
    file: ACTIVATION,
    find: '    if (this.#turning || this.state !== "valid") return;',
    replace: '    if (this.state !== "valid") return;',
  },
  {
    name: "actors-outlive-the-lease",
    about: "A node that has lost its lease keeps its actors.",
    file: "lib/bus/actors/node_lives.ts",
    find: "    this.#joining = new AbortController();\n    host.lose();\n",
    replace: "    this.#joining = new AbortController();\n",
  },
  {
    name: "hook-called-twice",
    about: "An actor that ends is told so twice.",
    file: GOODBYE,
    find: "    await actor.onDeactivate?.(reason);\n",
    replace: "    await actor.onDeactivate?.(reason);\n    await actor.onDeactivate?.(reason);\n",
  },
  {
    name: "late-calls-handled",
    about: "A call whose time is over is given to the actor all the same.",
    file: ACTIVATION,
    find: '    if (incoming.leftMs <= 0) return this.#stage.refuse(call, "late");\n',
    replace: "",
  },
  {
    name: "idle-place-kept",
    about: "An actor that has ended keeps its place in the directory.",
    file: HOST,
    find: "      await this.#options.directory.unregister(id, entry);\n",
    replace: "      await Promise.resolve(entry);\n",
  },
  {
    name: "waiting-dropped-at-the-end",
    about: "What waits for an actor when it ends is forgotten.",
    file: ACTIVATION,
    find: "      else this.#stage.again(incoming);\n",
    replace: "",
  },
  {
    name: "state-not-fenced",
    about: "A new life of an actor loads its state and leaves it to earlier ones to write.",
    file: "lib/bus/actors/state_store.ts",
    find: ": await this.#bucket.update(key, bytes, entry!.revision);",
    replace: ": entry!.revision;",
  },
  {
    name: "state-saved-by-put",
    about: "State is saved without a compare.",
    file: "lib/bus/actors/state_store.ts",
    find: "return this.#bucket.update(key, bytes, revision);",
    replace: "return this.#bucket.put(key, bytes).then((next) => next + 0 * revision);",
  },
  {
    name: "dead-never-swept",
    about: "What a dead node has left in the directory stays there.",
    file: "lib/bus/actors/sweeper.ts",
    find: "    if (isDue && first !== undefined && first === own()) {",
    replace: '    if (isDue && first === "" && first === own()) {',
  },
  {
    name: "goodbye-only-when-idle",
    about: "An actor is told of its end only where nobody has called it.",
    file: GOODBYE,
    find: "    await actor.onDeactivate?.(reason);\n",
    replace: '    if (reason === "idle") await actor.onDeactivate?.(reason);\n',
  },
  {
    name: "stopping-cuts-short",
    about: "A node that stops ends its actors as if its lease were lost.",
    file: HOST,
    find: 'await activation.deactivate("stopping");',
    replace: "activation.lose();",
  },
  {
    name: "begun-without-lease",
    about: "An actor begins whether the node's lease is still valid or not.",
    file: ACTIVATION,
    find: "      if (!this.#mayAct()) return this.lose();\n      this.#actor",
    replace: "      this.#actor",
  },
  {
    name: "places-never-corrected",
    about: "Where an actor was first seen is believed for as long as that node lives.",
    file: LOCATOR,
    find: '    if (status !== "refused") this.#learn(id, at);',
    replace: '    if (status !== "refused") this.#learn(id, this.#locations.of(id) ?? at);',
  },
  {
    name: "places-never-learnt",
    about: "Nobody remembers where an answer came from: each call asks the directory.",
    file: LOCATOR,
    find: '    if (status !== "refused") this.#learn(id, at);',
    replace: '    if (status !== "refused") this.#locations.of(at);',
  },
  {
    name: "sent-on-and-forgotten",
    about: "Nobody looks after a call that was sent on: its caller waits for its deadline.",
    file: FORWARDER,
    find: '    if (call.kind === "request") this.#forwarded.add(incoming, subject);\n',
    replace: "",
  },
  {
    name: "never-sent-on",
    about: "A call that comes where its actor is not is refused, although it was never sent on.",
    file: FORWARDER,
    find: "    if (call.hops >= HOPS_MAX) return",
    replace: "    if (call.hops >= HOPS_MAX - 2) return",
  },
  {
    name: "sent-on-to-the-dead",
    about: "A call is sent on to where its actor was a moment ago, whether that node still lives.",
    file: FORWARDER,
    find: "address !== undefined && this.#options.nodes.isAlive(address) ? address : undefined;",
    replace: "address;",
    masked:
      'Whoever has sent a call on looks after it, and its caller is told soon (lib/bus/actors/forwarder_test.ts: "forwarder: no call is sent on to whoever is not seen to live any more").',
  },
  {
    name: "placed-sent-on-by-memory",
    about: "Whoever was chosen for an actor sends its call on by what it has read before.",
    file: FORWARDER,
    find: "    if (hops > 0 || placed) return undefined;",
    replace: "    void placed;\n    if (hops > 0) return undefined;",
    masked:
      'Whoever it is sent on to looks the actor up, and one way more is no fault (lib/bus/actors/forwarder_test.ts: "forwarder: whoever was chosen for an actor looks it up, whatever was read before").',
  },
  {
    name: "sent-on-by-memory-again",
    about:
      "A call that was sent on is sent on by memory again: to and fro, where two remember each other.",
    file: FORWARDER,
    find: "    if (hops > 0 || placed) return undefined;",
    replace: "    void hops;\n    if (placed) return undefined;",
    masked:
      'What was read counts for a second, and of an actor that has moved within one a call may be refused for its hops (lib/bus/actors/forwarder_test.ts: "forwarder: for a call that was sent on before it is looked up where to").',
  },
  {
    name: "vanished-is-dead",
    about: "Whoever's lease is not there is dead at once, though it may still count on it.",
    file: NODES,
    find: "    if (revision !== undefined) this.#noticed(address, revision, ttlMs);",
    replace: "    if (revision !== undefined) this.#bury(address);",
    masked:
      'No lease vanishes under a node that lives unless somebody removes it (lib/dst/bus/vanished_test.ts: "a lease\'s key that vanishes proves no death").',
  },
  {
    name: "directory-made-at-once",
    about: "A directory that is missing is made while lives are left that had places in it.",
    file: "lib/bus/actors/actor_buckets.ts",
    find: "    if (await nodes.areAllOver()) await open();",
    replace: "    if (await nodes.areAllOver() || true) await open();",
    masked:
      'No directory vanishes unless somebody deletes it (lib/dst/bus/vanished_test.ts: "the directory is deleted and made anew: who had an actor ends before another begins it").',
  },
];

/** The bugs. */
export const busMutants: readonly Mutant[] = bugs.map((mutant) => ({
  workload: "bus-4-directory",
  ...mutant,
}));
