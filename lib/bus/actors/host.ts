/**
 * One life of a node: the actors that live on it for as long as its lease is valid.
 *
 * @module
 */
import { isPartiError, type PartiError } from "../../errors.ts";
import type { Lease } from "../../membership/lease.ts";
import { sleep, type Timer } from "../../ports/clock.ts";
import type { Subscription } from "../../ports/messaging.ts";
import { backoffMs, jitter } from "../../ports/random.ts";
import type { World } from "../../ports/world.ts";
import type { MessageBus } from "../bus.ts";
import type { Incoming } from "../incoming.ts";
import { lag } from "../lag.ts";
import type { Address } from "../names.ts";
import { Activation, type Stage } from "./activation.ts";
import type { ActivationState } from "./activation_state.ts";
import { type ActorId, parseActorId } from "./actor_id.ts";
import type { Directory, DirectoryEntry } from "./directory.ts";
import type { Nodes } from "./nodes.ts";
import { Forwarder, HOPS_MAX } from "./forwarder.ts";
import { place } from "./placement.ts";
import { Returns } from "./returns.ts";
import type { StateStore } from "./state_store.ts";
import type { TypeTable } from "./type_table.ts";

/** What one life of a node needs. */
export interface HostOptions {
  /** The world. */
  readonly world: World;
  /** The bus. */
  readonly bus: MessageBus;
  /** The life. */
  readonly address: Address;
  /** Its lease. */
  readonly lease: Lease;
  /** Its part of the connection: what is sent to this life comes already, and ends with it. */
  readonly listening: Subscription;
  /** What actors do, by type. */
  readonly types: TypeTable;
  /** Who else lives. */
  readonly nodes: Nodes;
  /** Which actor is where. */
  readonly directory: Directory;
  /** What actors keep. */
  readonly states: StateStore;
  /** How long the goodbye of an actor may take, in milliseconds. */
  readonly stopGraceMs: number;
  /** Told of each change of each actor's life. */
  readonly onActivation: (activation: Activation, to: ActivationState) => void;
  /** Told of what has no caller to be told to. */
  readonly onError: (error: PartiError) => void;
}

/** So many idle actors are told at the same time that they end, and give their places back. */
const AT_ONCE = 1_000;
const PAUSE_MS = 20;
const PAUSE_MAX_MS = 1_000;

/** What has come of looking for an actor's place. */
type Found =
  | { readonly kind: "here"; readonly entry: DirectoryEntry }
  | { readonly kind: "there"; readonly address: Address; readonly placed: boolean };

/** One life of a node. */
export class Host {
  /** The life. */
  readonly address: Address;
  readonly #options: HostOptions;
  readonly #activations = new Map<ActorId, Activation>();
  readonly #stage: Stage;
  readonly #over = new AbortController();
  readonly #returns: Returns;
  readonly #forwarder: Forwarder;
  /** When actors that are asked to end lose their right. */
  readonly #graces = new Map<ActorId, Timer>();
  #closing = false;

  /** @param options what it needs */
  constructor(options: HostOptions) {
    const { world, bus, address, directory, states, lease, onActivation, onError } = options;
    this.#options = options;
    this.address = address;
    this.#forwarder = new Forwarder({ world, bus, nodes: options.nodes, onError });
    this.#returns = new Returns({
      ...{ world, directory, address, onError, over: this.#over.signal },
      isDead: (other) => options.nodes.isDead(other),
    });
    this.#stage = {
      ...{ clock: world.clock, goodbyeMs: options.stopGraceMs },
      mayAct: () => lease.valid,
      answer: (call, answer) =>
        bus.outbox.answer(call, { ...answer, at: address, load: this.#activations.size }),
      refuse: (call, reason, message) => bus.outbox.refuse(call, reason, message),
      again: (incoming) => this.take(incoming),
      giveBack: (id, entry) => this.#giveBack(id, entry),
      openState: (id, token, mayAct) => states.open(id, token, mayAct),
      onChange: (activation, to) => {
        if (to === "invalid" && this.#activations.get(activation.id) === activation) {
          this.#activations.delete(activation.id);
        }
        onActivation(activation, to);
      },
      onError,
    };
  }

  /** The lives of actors here. */
  get activations(): readonly Activation[] {
    return [...this.#activations.values()];
  }

  /** How many there are. */
  get size(): number {
    return this.#activations.size;
  }

  /** Whether actors may act here, at this moment. */
  mayAct(): boolean {
    return this.#options.lease.valid;
  }

  /**
   * Where an actor that is nowhere should begin.
   *
   * @param type its type
   * @returns a node that has such actors; undefined if this one knows of none
   */
  choose(type: string): Address | undefined {
    const { nodes, types, world } = this.#options;
    // Whoever has no such actors does not know how they are placed.
    const known = types.named(type);
    const { placement = known === undefined ? "two-choices" : "random" } = known ?? {};
    const seen = nodes.candidates(type);
    // What it says of itself comes back to it like to all others, and later than it knows.
    const candidates = this.#closing ? seen.filter((one) => one.address !== this.address) : seen;
    const own = known === undefined || this.#closing ? undefined : this.address;
    const address = place(placement, { candidates, own, random: world.random });
    if (address === undefined) return undefined;
    nodes.noteLoad(address, (load) => load + 1);
    return address;
  }

  /** Takes a call to an actor. */
  take(incoming: Incoming): void {
    const { bus, types, world } = this.#options;
    const { call } = incoming;
    const type = types.of(call.to);
    if (type === undefined) {
      return bus.outbox.refuse(call, "no handler", `nobody here acts as ${call.to}`);
    }
    if (this.#closing) return bus.outbox.refuse(call, "stopped");
    const present = this.#activations.get(call.to);
    if (present !== undefined) return present.offer(incoming);
    const elsewhere = this.#forwarder.recent(call);
    if (elsewhere !== undefined) return void this.#forwarder.send(incoming, elsewhere, false);
    const activation = new Activation(call.to, world.random.uuid(), type, this.#stage);
    this.#activations.set(call.to, activation);
    activation.offer(incoming);
    void this.#settle(activation);
  }

  /** The lease is gone: everything here ends at once. */
  lose(): void {
    this.#closing = true;
    this.#over.abort();
    this.#options.listening.close();
    void this.#forwarder.close();
    for (const activation of this.activations) activation.lose();
  }

  /**
   * Ends in order: each actor is told.
   *
   * @param graceMs how long an actor may take to come to the end of its turn and its hook, in milliseconds; then it loses its right
   */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    // So that others hear at once that no actor may begin here.
    void this.#options.lease.touch();
    const leaving = this.activations;
    for (const { turnsEnd } of leaving) turnsEnd();
    const busy = leaving.filter(({ inTurn }) => inTurn !== undefined);
    // Each takes the next of them.
    const idle = leaving.filter(({ inTurn }) => inTurn === undefined).values();
    const leaveIdle = async (): Promise<void> => {
      for (const one of idle) await this.#leave(one, graceMs);
    };
    await Promise.all([
      ...busy.map((one) => this.#leave(one, graceMs)),
      ...Array.from({ length: AT_ONCE }, leaveIdle),
    ]);
    this.#over.abort();
    await this.#returns.settled();
    await this.#forwarder.close();
    await this.#options.lease.release();
    await this.#drain();
    this.#options.listening.close();
  }

  /** Until others have heard that the lease is given back they send here: what is refused is known not to be handled. */
  async #drain(): Promise<void> {
    const { bus, world: { messaging } } = this.#options;
    try {
      // The first time others hear of it, the second time what they had sent by then has come.
      for (let times = 0; times < 2; times++) await messaging.flush(bus.lookoutMs);
    } catch (error) {
      // Whoever cannot be heard cannot refuse either: their lookouts see to them.
      if (!isPartiError(error)) throw error;
    }
  }

  async #leave(activation: Activation, graceMs: number): Promise<void> {
    const { id, name, state } = activation;
    if (state === "creating") {
      this.#refuseAll(activation.elsewhere());
      return await this.#returns.give(id, name);
    }
    if (state === "invalid") return;
    const grace = this.#options.world.clock.setTimer(graceMs, () => activation.lose());
    this.#graces.set(id, grace);
    await activation.deactivate("stopping");
    grace.cancel();
    this.#graces.delete(id);
  }

  /** Finds out where an actor belongs: here, and then it begins, or elsewhere, and then what waits for it goes there. Never rejects. */
  async #settle(activation: Activation): Promise<void> {
    const found = await this.#find(activation);
    // The node may have lost its lease, or be on its way out.
    if (activation.state !== "creating") return;
    if (found === undefined) {
      // Its registration may have been carried out without a word.
      void this.#returns.give(activation.id, activation.name);
      return this.#refuseAll(activation.elsewhere());
    }
    if (found.kind === "here") return await activation.begin(found.entry);
    const { address, placed } = found;
    for (const incoming of activation.elsewhere()) {
      await this.#forwarder.send(incoming, address, placed);
    }
    // Not before: what comes meanwhile would be sent on at once, and overtake those that wait.
    if (!placed) this.#forwarder.learn(activation.id, address);
  }

  /** Undefined if nobody can tell until the last of those who wait has given up. */
  async #find(activation: Activation): Promise<Found | undefined> {
    const { world, onError } = this.#options;
    for (let tries = 0; activation.state === "creating"; tries++) {
      try {
        const found = await this.#look(activation, tries === 0);
        if (found !== undefined) return found;
      } catch (error) {
        if (!isPartiError(error)) throw error;
        // Never taken for absence: then two could begin.
        onError(error);
      }
      if (activation.queue.every(({ leftMs }) => leftMs <= 0)) return undefined;
      // Who was too late for a place looks at once at who has it.
      if (tries === 0) continue;
      const longestMs = backoffMs(PAUSE_MS, tries, PAUSE_MAX_MS);
      await sleep(world.clock, jitter(world.random, longestMs), this.#over.signal);
    }
    return undefined;
  }

  /** Looks once; undefined if somebody else was quicker, and it has to be looked again. */
  async #look(activation: Activation, isFirst: boolean): Promise<Found | undefined> {
    const { directory, nodes, world } = this.#options;
    const { id, name } = activation;
    if (world.buggify("actor-lookup-late")) await lag(world, this.#over.signal);
    // Whoever has sent it here has just looked, and if that is out of date the compare says so.
    const isPlaced = activation.queue.some(({ call }) => call.placed);
    const entry = isPlaced && isFirst ? undefined : await directory.lookup(id);
    const isOwn = entry?.address === this.address;
    if (entry !== undefined && !isOwn && !await nodes.proveDead(entry.address)) {
      return { kind: "there", address: entry.address, placed: false };
    }
    // What may not be sent on any more begins here, or nowhere.
    const mustStay = activation.queue.some(({ call }) => call.hops >= HOPS_MAX);
    if (!isOwn && !isPlaced && !mustStay) {
      const address = this.choose(parseActorId(id).type) ?? this.address;
      if (address !== this.address) return { kind: "there", address, placed: true };
    }
    if (world.buggify("actor-place-late")) await lag(world, this.#over.signal);
    if (!this.mayAct()) return undefined;
    const registration = await directory.register(
      id,
      { address: this.address, activation: name },
      entry,
    );
    return registration.kind === "lost" ? undefined : { kind: "here", entry: registration.entry };
  }

  /** What cannot be removed now is tried again; meanwhile the actor may begin here anew, over its old place. */
  async #giveBack(id: ActorId, entry: DirectoryEntry): Promise<void> {
    // It has done its part: how long the server takes is not its fault.
    this.#graces.get(id)?.cancel();
    try {
      await this.#options.directory.unregister(id, entry);
    } catch (error) {
      if (!isPartiError(error)) throw error;
      this.#options.onError(error);
      void this.#returns.give(id, entry.activation, entry);
    }
  }

  #refuseAll(incoming: readonly Incoming[]): void {
    for (const { call, leftMs } of incoming) {
      this.#options.bus.outbox.refuse(call, leftMs <= 0 ? "late" : "stopped");
    }
  }
}
