/**
 * The simulation's side of {@linkcode Buggify}: a site is active in a run or it is not, and an active one fires on some of its calls. So
 * there are runs in which a rare path is taken often, and runs in which it is never taken.
 *
 * @module
 */
import type { Buggify } from "../ports/buggify.ts";
import { Draws } from "./draw.ts";

/** How often an active site fires unless it says otherwise. */
export const FIRING_PROBABILITY = 0.25;

/** How many sites are active in a run. */
export const ACTIVATION_PROBABILITY = 0.5;

/** What happened at a site in one run. */
export interface SiteStats {
  /** Whether it was active. */
  readonly active: boolean;
  /** How often it was asked. */
  readonly calls: number;
  /** How often it fired. */
  readonly fired: number;
}

/** What happened at all sites in one run, by name. */
export type SiteReport = Record<string, SiteStats>;

/** What a {@linkcode Buggifier} is made from. */
export interface BuggifierOptions {
  /** The seed of the run. */
  readonly seed: number;
  /** Sites that the plan switches on or off. Whether another is active is drawn from the seed. */
  readonly active: Readonly<Record<string, boolean>>;
  /** False: sites that the plan does not name are off. True if left out. */
  readonly drawOthers?: boolean;
  /** Called when a site fires. */
  readonly onFired?: (entity: string, site: string) => void;
}

interface Site {
  readonly active: boolean;
  calls: number;
  fired: number;
}

/** Decides for a run which places misbehave, and when. */
export class Buggifier {
  /** For code that belongs to no process. */
  readonly buggify: Buggify;
  readonly #options: BuggifierOptions;
  readonly #sites = new Map<string, Site>();
  readonly #draws = new Map<string, Draws>();

  /**
   * Makes one for one run.
   *
   * @param options the seed and the plan's switches
   */
  constructor(options: BuggifierOptions) {
    this.#options = options;
    this.buggify = this.for("");
  }

  /**
   * The port for one process: it has draws of its own, so what others ask does not change its answers.
   *
   * @param entity the process
   * @returns the port
   */
  for(entity: string): Buggify {
    return (site, probability = FIRING_PROBABILITY) => this.#fires(entity, site, probability);
  }

  /**
   * A setting that is usually ordinary, and now and then extreme: one of its ends, or anything in between. Two phases, as for a site.
   *
   * @param site the name, unique among sites and knobs
   * @param usual the ordinary value
   * @param min the least extreme
   * @param max the greatest extreme
   * @param entity for which process
   * @returns a value; a whole number if the other three are
   */
  knob(site: string, usual: number, min: number, max: number, entity = ""): number {
    if (!this.#fires(entity, site, FIRING_PROBABILITY)) return usual;
    const draws = this.#drawsOf("knob", site, entity);
    if (draws.chance(0.5)) return draws.pick([min, max]);
    const isWhole = [usual, min, max].every(Number.isInteger);
    return isWhole ? draws.integer(min, max) : draws.between(min, max);
  }

  /** What happened so far, the sites in the order of their names. */
  report(): SiteReport {
    const sites = [...this.#sites].sort(([a], [b]) => a < b ? -1 : 1);
    return Object.fromEntries(sites.map(([name, site]) => [name, { ...site }]));
  }

  #fires(entity: string, name: string, probability: number): boolean {
    const site = this.#site(name);
    site.calls++;
    if (!site.active || !this.#drawsOf("buggify", name, entity).chance(probability)) return false;
    site.fired++;
    this.#options.onFired?.(entity, name);
    return true;
  }

  #site(name: string): Site {
    const known = this.#sites.get(name);
    if (known !== undefined) return known;
    const { seed, active, drawOthers = true } = this.#options;
    const isActive = Object.hasOwn(active, name)
      ? active[name] === true
      : drawOthers && isDrawnActive(seed, name);
    const site: Site = { active: isActive, calls: 0, fired: 0 };
    this.#sites.set(name, site);
    return site;
  }

  #drawsOf(what: string, site: string, entity: string): Draws {
    const label = `${what} ${site}`;
    const key = `${label}\u0000${entity}`;
    let draws = this.#draws.get(key);
    if (draws === undefined) {
      draws = new Draws(this.#options.seed, label, entity);
      this.#draws.set(key, draws);
    }
    return draws;
  }
}

/**
 * Draws which sites are active, as a {@linkcode Buggifier} would when it meets them: a plan that names them can be read and changed.
 *
 * @param seed the seed of the run
 * @param sites the names of the sites
 * @returns each site, active or not
 */
export function drawSites(seed: number, sites: readonly string[]): Record<string, boolean> {
  return Object.fromEntries(sites.map((site) => [site, isDrawnActive(seed, site)]));
}

function isDrawnActive(seed: number, site: string): boolean {
  return new Draws(seed, "buggify active", site).chance(ACTIVATION_PROBABILITY);
}

/** What happened at a site in many runs. */
export interface MergedSite {
  /** Runs in which it was asked. */
  readonly runs: number;
  /** Runs in which it was asked and active. */
  readonly activeRuns: number;
  /** How often it was asked. */
  readonly calls: number;
  /** How often it fired. */
  readonly fired: number;
}

/** What happened at all sites in many runs, by name. */
export type MergedSites = Record<string, MergedSite>;

/**
 * Turns what happened in a run into the form that merges.
 *
 * @param report of the run
 * @returns the same, as of many runs
 */
export function asMergedSites(report: SiteReport): MergedSites {
  return Object.fromEntries(
    Object.entries(report).map(([name, { active, calls, fired }]) => [
      name,
      { runs: 1, activeRuns: active ? 1 : 0, calls, fired },
    ]),
  );
}

/**
 * Puts two sets of runs together.
 *
 * @param a one set
 * @param b another set, of other runs
 * @returns both, the sites in the order of their names
 */
export function mergeSites(a: MergedSites, b: MergedSites): MergedSites {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  const none: MergedSite = { runs: 0, activeRuns: 0, calls: 0, fired: 0 };
  return Object.fromEntries(names.map((name) => {
    const [one, other] = [a[name] ?? none, b[name] ?? none];
    return [name, {
      runs: one.runs + other.runs,
      activeRuns: one.activeRuns + other.activeRuns,
      calls: one.calls + other.calls,
      fired: one.fired + other.fired,
    }];
  }));
}
