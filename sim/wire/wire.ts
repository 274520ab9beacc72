/**
 * What the processes of a run say to each other, over core NATS: reports are requests, so that none is dropped; control is
 * a request, too.
 *
 * @module
 */
import type { SimulationConfig } from "../config/config_schema.ts";
import type { Fault } from "../fault/fault.ts";
import type { Impairment } from "../ledger/impairments.ts";
import type { Delivery } from "../ledger/ledger.ts";
import type { LaneChange } from "../measure/vacancies.ts";
import type { Topology } from "../streams/topology.ts";
import type { MetricFamily } from "./metric_family.ts";

/** What a process does in the run. */
export type Role = "worker" | "producer";

/** What a child needs of the configuration: neither what goes wrong nor what is judged, which may be longer than an argument may be. */
export type ChildConfig = Omit<SimulationConfig, "chaos" | "thresholds">;

/** Everything a child needs to know; given to it as an argument. */
export interface ChildSpec {
  /** The run. */
  readonly runId: string;
  /** The run's seed. */
  readonly seed: number;
  /** The servers' addresses, with commas between them. */
  readonly natsUrl: string;
  /** The child's name, such as `worker-4`: the same after a restart. */
  readonly name: string;
  /** Its number. */
  readonly index: number;
  /** Its name and incarnation, such as `worker-4#2`. */
  readonly process: string;
  /** The checked configuration. */
  readonly config: ChildConfig;
  /** Whether partitions come and go while it runs. */
  readonly partitionsChange: boolean;
  /** The names on the server. */
  readonly topology: Topology;
  /** A defect to plant. */
  readonly fault?: Fault;
}

/** What a worker is doing. */
export interface WorkerStatus {
  /** The stable ID, empty before it has one. */
  readonly worker: string;
  /** The library's instance. */
  readonly instance: string;
  /** The library's state, such as `Stable`. */
  readonly state: string;
  /** Whether it leads. */
  readonly leader: boolean;
  /** The epoch of what it has applied. */
  readonly epoch: number;
  /** The generation of what it has applied. */
  readonly generation: number;
  /** The partitions it owns. */
  readonly owned: readonly number[];
}

/** One thing a child reports. */
export type Report =
  | { readonly kind: "hello"; readonly pid: number; readonly atUs: number }
  | { readonly kind: "memory"; readonly rssBytes: number }
  | { readonly kind: "status"; readonly status: WorkerStatus; readonly atUs: number }
  | { readonly kind: "sent"; readonly partition: number; readonly first: number; last: number }
  | { readonly kind: "uncertain"; readonly partition: number; readonly sequence: number }
  | { readonly kind: "delivered"; readonly delivery: Delivery }
  | {
    readonly kind: "lanes";
    readonly change: LaneChange;
    readonly partitions: readonly number[];
    readonly atUs: number;
  }
  | {
    readonly kind: "impaired";
    readonly why: Impairment;
    readonly fromUs: number;
    readonly untilUs: number;
  }
  | { readonly kind: "metrics"; readonly families: readonly MetricFamily[] } // the library's own
  | { readonly kind: "violation"; readonly message: string } // the library broke its own rules
  | { readonly kind: "trouble"; readonly message: string };

/** Reports as they travel. Numbered, so that a batch whose answer was lost is not counted twice. */
export interface ReportBatch {
  /** Who reports. */
  readonly process: string;
  /** Counts the process's batches, from 1. */
  readonly number: number;
  /** The reports, in order. */
  readonly reports: readonly Report[];
}

/** Partitions that came or went while the run goes on, by their numbers. */
export interface PartitionChanges {
  /** Those that were not there at the beginning, also those that went again. */
  readonly added: readonly number[];
  /** Those to which nobody is to send any more. */
  readonly retired: readonly number[];
}

/** What the coordinator asks of a worker. */
export type WorkerCommand =
  | { readonly command: "status" } // answered with a WorkerStatus
  | { readonly command: "report" } // answered when all that it has reported until now has been answered for
  | { readonly command: "slow" } // its handlers take many times as long
  | { readonly command: "quick" }; // and do so no longer

/** What the coordinator asks of a producer, which answers when every outcome in retired partitions is known. */
export type ProducerOrder =
  | { readonly command: "start"; readonly elapsedMs: number } // it begins, so long after the load did: rates vary with that
  | { readonly command: "change" } // it only goes by the changes
  | { readonly command: "poison"; readonly partition: number; readonly order: number } // it sends a message that no handler can handle
  | { readonly command: "finish" }; // it stops once every outcome is known

/** The same with what partitions there are. It is told each time: it may be a new process, which knows of nothing. */
export type ProducerCommand = ProducerOrder & { readonly changes: PartitionChanges };

/** What the coordinator asks of a child. */
export type Command = WorkerCommand | ProducerCommand;

/** The subject of reports. */
export function reportSubject(runId: string): string {
  return `sim.${runId}.report`;
}

/**
 * The subject on which a worker says that a handler begins: at once and without an answer, because a report that waits for
 * its batch is lost with a worker that is killed.
 */
export function begunSubject(runId: string, process: string): string {
  return `sim.${runId}.begun.${process}`;
}

/** The subject on which a child takes commands. */
export function controlSubject(runId: string, process: string): string {
  return `sim.${runId}.control.${process}`;
}

/** The subject on which a worker handles a message of somebody else's partition, for the fault that plants this. */
export function intruderSubject(runId: string, name: string): string {
  return `sim.${runId}.intruder.${name}`;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Writes anything as JSON. */
export function toBytes(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** Reads JSON that one of our own processes wrote. */
export function fromBytes<T>(data: Uint8Array): T {
  return JSON.parse(decoder.decode(data)) as T;
}
