/**
 * What tests of elections share: candidates that log what they are told, and an oracle that judges leaders by what a fenced store
 * lets them write. No test of its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { decodeJsonObject, encodeJson } from "../codec.ts";
import { isPartiError } from "../errors.ts";
import type { KvBucket } from "../ports/kv.ts";
import type { Candidacy, ElectionAgent, ElectionHandlers, Term } from "./election_agent.ts";

const KEY = "current";

/** A store as the assignment is one: a leader takes it over first, and each write compares. */
export class FencingOracle {
  readonly #bucket: KvBucket;
  /** Epochs of accepted writes, in the order of their revisions. */
  readonly #accepted: { readonly revision: number; readonly epoch: number }[] = [];

  /** @param bucket where to write; not the lease bucket */
  constructor(bucket: KvBucket) {
    this.#bucket = bucket;
  }

  /** How many writes were accepted. */
  get writes(): number {
    return this.#accepted.length;
  }

  /**
   * Takes the store over for a term.
   *
   * @param term the term
   * @returns a pen that writes once per call, or undefined if a later term had been there; the pen tells whether it may go on
   */
  async claim(term: Term): Promise<(() => Promise<boolean>) | undefined> {
    let revision: number | undefined;
    while (revision === undefined && term.valid) {
      const entry = await this.#bucket.get(KEY);
      const epoch = entry === undefined ? 0 : Number(decodeJsonObject(entry.value)?.["epoch"]);
      if (epoch >= term.epoch) return undefined;
      revision = await this.#write(term.epoch, entry?.revision);
    }
    if (revision === undefined) return undefined;
    let last = revision;
    return async () => {
      const next = await this.#write(term.epoch, last);
      last = next ?? last;
      return next !== undefined;
    };
  }

  /** Checks that no leader wrote after a later one: epochs never go back. */
  check(): void {
    const inOrder = [...this.#accepted].sort((a, b) => a.revision - b.revision);
    for (const [i, { epoch }] of inOrder.entries()) {
      const before = inOrder[i - 1]?.epoch ?? 0;
      assert.ok(epoch >= before, `epoch ${epoch} wrote after epoch ${before}`);
    }
  }

  async #write(epoch: number, expected: number | undefined): Promise<number | undefined> {
    try {
      const value = encodeJson({ epoch });
      const revision = expected === undefined
        ? await this.#bucket.create(KEY, value)
        : await this.#bucket.update(KEY, value, expected);
      this.#accepted.push({ revision, epoch });
      return revision;
    } catch (error) {
      if (isPartiError(error, "PARTI_CONFLICT")) return undefined;
      throw error;
    }
  }
}

/** A candidate that logs what it is told. */
export class Runner {
  /** The terms it won, in order. */
  readonly terms: Term[] = [];
  /** Why it was deposed, each time. */
  readonly deposed: string[] = [];
  /** The leaders it heard of, `-` for nobody. */
  readonly leaders: string[] = [];
  /** What failed. */
  readonly errors: unknown[] = [];
  /** Its candidacy, once it runs. */
  candidacy!: Candidacy;
  /** Called after each election. */
  onElected: (term: Term) => void = () => {};
  /** Who runs. */
  readonly instance: string;
  #leads = false;

  /** @param instance who runs */
  constructor(instance: string) {
    this.instance = instance;
  }

  /** Whether it was elected and not deposed since, as it was told. */
  get leads(): boolean {
    return this.#leads;
  }

  /** Whether its last term is in force now. */
  get valid(): boolean {
    return this.terms.at(-1)?.valid ?? false;
  }

  /** The epoch of its last term. */
  get epoch(): number {
    return this.terms.at(-1)?.epoch ?? 0;
  }

  /**
   * Runs.
   *
   * @param agent the election
   * @returns this
   */
  async run(agent: ElectionAgent): Promise<this> {
    const handlers: ElectionHandlers = {
      onElected: (term) => {
        assert.equal(this.#leads, false, "elected twice");
        this.#leads = true;
        this.terms.push(term);
        this.onElected(term);
      },
      onDeposed: (reason) => {
        assert.equal(this.#leads, true, "deposed without having led");
        this.#leads = false;
        this.deposed.push(reason);
      },
      onLeader: (leader) => void this.leaders.push(leader?.instance ?? "-"),
      onError: (error) => void this.errors.push(error),
    };
    const candidate = { worker: `worker-${this.instance}`, instance: this.instance };
    this.candidacy = await agent.run(candidate, handlers);
    return this;
  }
}
