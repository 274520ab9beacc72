/**
 * A session's lease: the stable ID it is claimed with, and what it tells the group of the worker.
 *
 * @module
 */
import type { LeaseOptions } from "../membership/lease.ts";
import { isGone } from "../membership/prober.ts";
import { type Claim, claimStableId } from "../membership/stable_id.ts";
import { encodeWorkerRecord, type WorkerRecord } from "../membership/worker_lease.ts";
import { workerKey } from "../names.ts";
import type { SessionOptions } from "./session_options.ts";

/** What of a session its lease needs, besides its options. */
export interface LeaseHolder {
  /** What changes over the session, asked anew for each renewal. Must not throw. */
  readonly progress: () => Pick<WorkerRecord, "leaving" | "applied">;
  /** Told once when the lease is gone without having been given back. Must not throw. */
  readonly onLost: (reason: string) => void;
}

/**
 * Claims a stable ID for a session.
 *
 * @param session the session's options
 * @param holder what else its lease needs
 * @param signal gives up
 * @returns the number and the lease on it, which renews itself from now on
 * @throws {PartiError} see {@linkcode claimStableId}
 */
export function claimSessionLease(
  session: SessionOptions,
  holder: LeaseHolder,
  signal: AbortSignal,
): Promise<Claim> {
  const { world, config, instance, leases, preferredId, formerInstances } = session;
  const { clock, messaging } = world;
  return claimStableId({
    bucket: leases,
    clock,
    minId: config.workerIdMin,
    maxId: config.workerIdMax,
    ...(preferredId === undefined ? {} : { preferredId }),
    onError: session.events.onError,
    formerInstances,
    isGone: (other) => isGone({ group: config.group, clock, messaging, ...config.probe }, other),
    ttlMs: config.heartbeatTtlMs,
    signal,
    leaseOptions: (idNumber): LeaseOptions => ({
      bucket: leases,
      key: workerKey(idNumber),
      instance,
      clock,
      ttlMs: config.heartbeatTtlMs,
      renewEveryMs: config.heartbeatIntervalMs,
      value: recordEncoder(session, idNumber, holder),
      onLost: holder.onLost,
      onRenewed: (ok) => session.events.onRenewed(ok),
    }),
  });
}

/** Most renewals say nothing new: what they say is put into bytes once. */
function recordEncoder(
  { config, host, instance }: SessionOptions,
  idNumber: number,
  holder: LeaseHolder,
): () => Uint8Array {
  let said: ReturnType<LeaseHolder["progress"]> | undefined;
  let bytes: Uint8Array = new Uint8Array(0);
  return () => {
    const progress = holder.progress();
    if (said?.leaving === progress.leaving && said.applied === progress.applied) return bytes;
    said = progress;
    bytes = encodeWorkerRecord({
      worker: `${config.workerIdPrefix}-${idNumber}`,
      instance,
      host,
      capacity: config.capacity,
      labels: config.labels,
      ttlMs: config.heartbeatTtlMs,
      ...progress,
    });
    return bytes;
  };
}
