/**
 * Every name the workload uses on the server.
 *
 * @module
 */

/** The group's name. */
export const GROUP = "sim";
/** The feed. */
export const FEED = "FEED";
/** The output. */
export const OUTPUT = "OUTPUT";
/** The dead letters. */
export const DEAD = "DEAD";
/** The subject of a partition's messages, up to its name. */
export const FEED_PREFIX = "in.";
/** The subject of a partition's effects, up to its name. */
export const OUTPUT_PREFIX = "out.";
/** The subject of a partition's dead letters, up to its name. */
export const DEAD_PREFIX = "dead.";
