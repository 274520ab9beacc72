/**
 * What each role of a run has to be allowed on somebody else's server, and nothing more.
 *
 * @module
 */
import {
  type Permission,
  permissionsBlock,
  workerPermissions,
} from "../../lib/ports/nats/worker_permissions.ts";
import { assignmentBucket, leaseBucket } from "../../lib/names.ts";
import {
  deadLetterSubject,
  effectSubjects,
  feedSubject,
  type Topology,
  topologyOf,
} from "../streams/topology.ts";
import { coordinatorSubject, endedSubject, hostSubject, joinSubject } from "./host_wire.ts";
import { begunSubject, controlSubject, reportSubject } from "./wire.ts";

export { type Permission, permissionsBlock };

/** Stands for a run's ID, which nobody knows before. */
const ANY_RUN = "anyrun";

/** Who connects to the server. */
export const PERMISSION_ROLES = ["coordinator", "worker", "producer"] as const;

/** One of them. */
export type PermissionRole = typeof PERMISSION_ROLES[number];

/**
 * What a role has to be allowed, for any run of a simulation. The names on the server carry the run's ID; where they are one token of a
 * subject, which has no wildcard for a part of it, it is `*`.
 *
 * @param name the simulation's name
 * @param role who connects
 * @returns one line each
 */
export function rolePermissions(name: string, role: PermissionRole): Permission[] {
  const topology = topologyOf(name, ANY_RUN);
  const lines = new Map<string, Permission>();
  for (const line of LINES[role](topology)) {
    const subject = forAnyRun(line.subject);
    const key = `${line.action} ${subject}`;
    if (!lines.has(key)) lines.set(key, { ...line, subject });
  }
  return [...lines.values()];
}

function forAnyRun(subject: string): string {
  const tokens = subject.split(".");
  return tokens.map((token) => token.toLowerCase().includes(ANY_RUN) ? "*" : token).join(".");
}

const INBOX = "_INBOX.>";

const CHANGES = { when: "there are `partition_changes`" };
const BY_HAND = { when: "processes are started by hand" };
/** Who hosts processes of a role is the same user. */
const HOST = [
  publish(joinSubject("*"), "coming as a host", BY_HAND),
  subscribe(hostSubject(ANY_RUN, "*"), "being told what to do", BY_HAND),
  publish(endedSubject(ANY_RUN), "telling what has ended", BY_HAND),
];

const LINES: Readonly<Record<PermissionRole, (topology: Topology) => Permission[]>> = {
  worker: (topology) => [
    ...workerPermissions({
      group: topology.group,
      stream: topology.feedStream,
      output: { stream: topology.effectStream, subjects: anyPartition(effectSubjects(topology)) },
      deadLetters: anyPartition(deadLetterSubject(topology, 0)),
    }),
    publish(reportSubject(ANY_RUN), "reports"),
    publish(begunSubject(ANY_RUN, "*"), "saying that a handler begins"),
    subscribe(controlSubject(ANY_RUN, "*"), "what the coordinator asks"),
    ...HOST,
  ],
  producer: (topology) => [
    publish("$JS.API.INFO", "is there JetStream"),
    publish(anyPartition(feedSubject(topology, 0)), "messages"),
    publish(`$JS.API.STREAM.MSG.GET.${topology.feedStream}`, "how far a partition is"),
    publish(`$JS.API.STREAM.INFO.KV_${topology.producerBucket}`, "opening the bucket of receipts"),
    publish(`$JS.API.STREAM.CREATE.KV_${topology.producerBucket}`, "making it"),
    publish(`$KV.${topology.producerBucket}.*`, "writing receipts"),
    publish(reportSubject(ANY_RUN), "reports"),
    publish(INBOX, "answering the coordinator"),
    subscribe(INBOX, "answers"),
    subscribe(controlSubject(ANY_RUN, "*"), "what the coordinator asks"),
    ...HOST,
  ],
  coordinator: ({ feedStream, effectStream, producerBucket, partitionBucket, group }) => [
    publish("$JS.API.INFO", "is there JetStream"),
    ...[feedStream, effectStream, `KV_${partitionBucket}`].flatMap((stream) => [
      publish(`$JS.API.STREAM.INFO.${stream}`, "is it there, how much is in it"),
      publish(`$JS.API.STREAM.CREATE.${stream}`, "making it"),
    ]),
    ...[
      feedStream,
      effectStream,
      ...[producerBucket, partitionBucket, leaseBucket(group), assignmentBucket(group)]
        .map((name) => `KV_${name}`),
    ].map((stream) => publish(`$JS.API.STREAM.DELETE.${stream}`, "removing what the run has made")),
    publish(`$JS.API.STREAM.MSG.GET.${feedStream}`, "what is left in the end"),
    publish(`$JS.API.CONSUMER.CREATE.${effectStream}.>`, "reading effects"),
    publish(`$JS.API.CONSUMER.MSG.NEXT.${effectStream}.*`, "reading effects"),
    publish(`$JS.API.CONSUMER.DELETE.${effectStream}.*`, "reading them no longer"),
    publish(`$KV.${partitionBucket}.partitions`, "telling the group's partitions", CHANGES),
    publish(controlSubject(ANY_RUN, "*"), "asking the others"),
    publish(INBOX, "answering reports"),
    subscribe(INBOX, "answers and effects"),
    subscribe(reportSubject(ANY_RUN), "reports"),
    subscribe(begunSubject(ANY_RUN, "*"), "hearing that a handler begins"),
    publish(coordinatorSubject("*"), "is there another one of this name", BY_HAND),
    subscribe(coordinatorSubject("*"), "being asked the same", BY_HAND),
    subscribe(joinSubject("*"), "hosts that come", BY_HAND),
    publish(hostSubject(ANY_RUN, "*"), "telling them what to do", BY_HAND),
    subscribe(endedSubject(ANY_RUN), "hearing what has ended there", BY_HAND),
  ],
};

/** A subject for any partition. */
function anyPartition(subject: string): string {
  return subject.replace(/[^.]+$/, "*");
}

function publish(subject: string, what: string, more: Pick<Permission, "when"> = {}): Permission {
  return { action: "publish", subject, what, ...more };
}

function subscribe(subject: string, what: string, more: Pick<Permission, "when"> = {}): Permission {
  return { action: "subscribe", subject, what, ...more };
}
