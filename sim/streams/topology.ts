/**
 * What the run is called on the server: streams, subjects, the group. On a server of our own the names are the seeds'; on
 * somebody else's they carry the run's ID, so that nothing that was there before is touched and all of it can be removed.
 *
 * @module
 */

/** The names of one run. */
export interface Topology {
  /** The WorkQueue stream with the messages. */
  readonly feedStream: string;
  /** The stream with the effects. */
  readonly effectStream: string;
  /** The library's group. */
  readonly group: string;
  /** The bucket in which producers keep how far they are. */
  readonly producerBucket: string;
  /** The subject of a partition's messages, with `{{.PartitionID}}`. */
  readonly feedTemplate: string;
  /** The bucket in which the list of partitions lies that the group shares. */
  readonly partitionBucket: string;
  /** The subject of a partition's effects, with `{{.PartitionID}}`. */
  readonly effectTemplate: string;
  /** The subject of a partition's dead letters, with `{{.PartitionID}}`: in the output stream, so that they have their place among the effects. */
  readonly deadLetterTemplate: string;
}

/**
 * The names of a run.
 *
 * @param name the simulation's name
 * @param suffix the run's ID, on a server that is not ours
 * @returns the names
 */
export function topologyOf(name: string, suffix?: string): Topology {
  const base = suffix === undefined ? name : `${name}-${suffix}`;
  const stream = base.toUpperCase().replaceAll("-", "_");
  return {
    feedStream: stream,
    effectStream: `${stream}_EFFECTS`,
    group: base,
    producerBucket: `${base}-producers`,
    partitionBucket: `${base}-partitions`,
    feedTemplate: `${base}.partition.{{.PartitionID}}`,
    effectTemplate: `${base}.effect.{{.PartitionID}}`,
    deadLetterTemplate: `${base}.effect.dead.{{.PartitionID}}`,
  };
}

/** The subject of a partition's messages. */
export function feedSubject(topology: Topology, partition: number): string {
  return topology.feedTemplate.replace("{{.PartitionID}}", String(partition));
}

/** The subject of a partition's effects. */
export function effectSubject(topology: Topology, partition: number): string {
  return topology.effectTemplate.replace("{{.PartitionID}}", String(partition));
}

/** The subject of a partition's dead letters. */
export function deadLetterSubject(topology: Topology, partition: number): string {
  return topology.deadLetterTemplate.replace("{{.PartitionID}}", String(partition));
}

/** Whether a message of the output stream is a dead letter. */
export function isDeadLetter(topology: Topology, subject: string): boolean {
  return subject.startsWith(topology.deadLetterTemplate.replace("{{.PartitionID}}", ""));
}

/**
 * A subject that the output stream stores and no fence guards. Planted faults write there, so that they break the output
 * and not the fence.
 */
export function pastFenceSubject(topology: Topology, partition: number): string {
  return effectSubject(topology, partition).replace(/\.(\d+)$/, ".past-fence.$1");
}

/** All subjects of the output stream. */
export function effectSubjects(topology: Topology): string {
  return topology.effectTemplate.replace("{{.PartitionID}}", ">");
}
