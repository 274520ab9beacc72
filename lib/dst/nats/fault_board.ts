/**
 * Which faults are switched on for whom, and the decision whether one strikes. Each fault of each process has numbers of its own, so one
 * that is switched off, or a process that is left out, moves no other.
 *
 * @module
 */
import { Draws } from "../draw.ts";
import { type FaultName, type NatsFaults, NO_FAULTS } from "./faults.ts";
import type { SimLink } from "./link.ts";
import type { ModelServer } from "./server.ts";

const boards = new WeakMap<ModelServer, FaultBoard>();

/** Told of a fault in the moment in which it strikes, and on which link; of no link if it is the server's own. */
export type OnStrike = (fault: FaultName, link?: SimLink) => void;

/** The faults of one server and its links. */
export class FaultBoard {
  readonly #seed: number;
  readonly #draws = new Map<string, Draws>();
  /** Few have any, and only while a fault lasts. */
  readonly #own = new Map<SimLink, NatsFaults>();
  #common: NatsFaults = NO_FAULTS;
  #onStrike: OnStrike | undefined;

  private constructor(server: ModelServer) {
    this.#seed = server.kernel.seed;
  }

  /**
   * The one board of a server, made on first use with everything switched off.
   *
   * @param server the server
   * @returns its board
   */
  static of(server: ModelServer): FaultBoard {
    let board = boards.get(server);
    if (board === undefined) {
      board = new FaultBoard(server);
      boards.set(server, board);
    }
    return board;
  }

  /** The faults of all links that have none of their own, and of what the server does by itself. */
  get common(): NatsFaults {
    return this.#common;
  }

  /**
   * Switches faults on or off, from now on, for all links that have none of their own.
   *
   * @param faults what goes wrong; {@linkcode NO_FAULTS} ends it
   */
  set(faults: NatsFaults): void {
    this.#common = faults;
  }

  /**
   * Gives one link faults of its own, from now on.
   *
   * @param link the link
   * @param faults what goes wrong on it; undefined gives it what all others have
   */
  setFor(link: SimLink, faults: NatsFaults | undefined): void {
    if (faults === undefined) this.#own.delete(link);
    else this.#own.set(link, faults);
  }

  /**
   * The faults of a link as they are now.
   *
   * @param link the link
   * @returns its own, or those of all
   */
  of(link: SimLink): NatsFaults {
    if (this.#own.size === 0) return this.#common;
    return this.#own.get(link) ?? this.#common;
  }

  /**
   * From now on somebody is told of each fault that strikes, instead of whoever was told before.
   *
   * @param onStrike who
   */
  tell(onStrike: OnStrike): void {
    this.#onStrike = onStrike;
  }

  /**
   * Decides whether a fault strikes.
   *
   * @param link whom
   * @param fault which
   * @param probability how likely, from 0 to 1
   * @returns true if it does
   */
  strikes(link: SimLink, fault: FaultName, probability: number): boolean {
    const isNow = probability > 0 && this.drawsOf(link, fault).chance(probability);
    return this.noted(fault, isNow, link);
  }

  /**
   * Tells of a fault that strikes, if it does. Needed only for what is decided elsewhere: the server's own.
   *
   * @param fault which
   * @param strikes whether it does
   * @param link whom; nobody in particular if left out
   * @returns the same
   */
  noted(fault: FaultName, strikes: boolean, link?: SimLink): boolean {
    if (strikes) this.#onStrike?.(fault, link);
    return strikes;
  }

  /**
   * The numbers of a fault of a link.
   *
   * @param link whose
   * @param fault which, from a small set of names
   * @returns where they come from, the same each time
   */
  drawsOf(link: SimLink, fault: string): Draws {
    const key = `${fault} of ${link.owner.name}`;
    let draws = this.#draws.get(key);
    if (draws === undefined) {
      draws = new Draws(this.#seed, `fault ${fault}`, link.owner.name);
      this.#draws.set(key, draws);
    }
    return draws;
  }
}
