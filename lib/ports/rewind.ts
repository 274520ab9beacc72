/**
 * How long a consumer's new start is waited for.
 *
 * @module
 */

/** In milliseconds: what else can be done about its lane waits meanwhile, and there is no answer if the consumer is gone. */
export const REWIND_TIMEOUT_MS = 1_000;
