/**
 * What a user writes: the group's configuration as it stands in YAML, JSON or code. Every key is optional but `group` and, where
 * a stream is consumed, `consumer.stream`. `config.ts` says what the library makes of it.
 *
 * @module
 */

/** A length of time: a text with units (`"500ms"`, `"2s"`, `"1h30m"`) or a number of milliseconds. */
export type DurationInput = string | number;

/** When the partitions are moved and when not. */
export interface AssignmentInput {
  /**
   * How far the heaviest worker may be above the mean load before imbalance alone is a reason to move partitions (0.15 is
   * 15 %). Joins, leaves and deaths move partitions whatever it says. A share ≥ 0.
   * @default 0.15
   */
  readonly minRebalanceThreshold?: number;
  /**
   * The least time between two planned rebalances. It never delays an emergency.
   * @default "10s"
   */
  readonly minRebalanceInterval?: DurationInput;
}

/** How the group's key-value buckets are made. Existing buckets keep their settings. */
export interface KvBucketsInput {
  /**
   * How many servers hold each bucket, 1 to 5.
   * @default 1
   */
  readonly replicas?: number;
  /**
   * Where the buckets are kept. Memory is lost with the server, and the epochs with it: for tests only.
   * @default "file"
   */
  readonly storage?: "file" | "memory";
}

/** How workers are probed for being there. */
export interface ProbeInput {
  /**
   * The time between two probes of one worker.
   * @default "200ms"
   */
  readonly interval?: DurationInput;
  /**
   * How long a probe's answer may take before it counts as a miss.
   * @default "250ms"
   */
  readonly timeout?: DurationInput;
  /**
   * How long after a "no responders" the probe that decides is sent. It is also how long a worker whose connection is gone lets its
   * handlers go on, so it is to be the same for all workers of a group.
   * @default "100ms"
   */
  readonly grace?: DurationInput;
  /**
   * About how many probes one worker sends per second: in a large group the rounds are stretched to keep to it. Each is two messages for the
   * server. Where the server tells by itself that a worker has gone, as a NATS server does, that worker is asked for at once all the same.
   * @default 40
   */
  readonly budgetPerSecond?: number;
}

/** After how long in degraded mode which alert is raised. */
export interface DegradedAlertInput {
  /**
   * Time in degraded mode until the first, informational alert.
   * @default "30s"
   */
  readonly infoThreshold?: DurationInput;
  /**
   * Time in degraded mode until the warning.
   * @default "2m"
   */
  readonly warnThreshold?: DurationInput;
  /**
   * Time in degraded mode until the error.
   * @default "5m"
   */
  readonly errorThreshold?: DurationInput;
  /**
   * Time in degraded mode until the critical alert.
   * @default "10m"
   */
  readonly criticalThreshold?: DurationInput;
  /**
   * How often the alert of the present level is repeated.
   * @default "1m"
   */
  readonly alertInterval?: DurationInput;
}

/** How soon a worker that cannot reach its buckets calls itself degraded, and how soon healthy again. */
export interface DegradedBehaviorInput {
  /**
   * Where the other four keys start from: `conservative` tolerates long outages, `aggressive` reports short ones.
   * @default "balanced"
   */
  readonly preset?: DegradedBehaviorPreset;
  /**
   * How long the buckets must be out of reach before degraded mode begins.
   * @default "10s"
   */
  readonly enterThreshold?: DurationInput;
  /**
   * How long the buckets must answer again before degraded mode ends.
   * @default "5s"
   */
  readonly exitThreshold?: DurationInput;
  /**
   * So many failed bucket operations within `kvErrorWindow` begin degraded mode too. At least 1.
   * @default 5
   */
  readonly kvErrorThreshold?: number;
  /**
   * The window in which failed bucket operations are counted.
   * @default "30s"
   */
  readonly kvErrorWindow?: DurationInput;
  /**
   * How long after the reconnect that ends degraded mode a newly elected leader waits for workers that were cut off too, before its
   * first assignment gives their partitions to others. Where they are half of the group (`restartDetectionRatio`), everybody waits
   * with it, `coldStartWindow` at most. 0: not at all.
   * @default "15s"
   */
  readonly recoveryGracePeriod?: DurationInput;
}

/** The stream of which a sharded feed is made. */
export interface ConsumerFromInput {
  /** The stream. Required. */
  readonly stream: string;
  /**
   * A message's subject in it, with `{{.PartitionID}}` where the key is. What looks otherwise is not copied.
   * @default "<from.stream>.{{.PartitionID}}"
   */
  readonly subjectTemplate?: string;
  /**
   * Where the very first copy begins: with `all` that is in the stream, or with what is `new`. By default it is all, into shards in which
   * nothing was ever stored.
   * @default none
   */
  readonly begin?: "all" | "new";
}

/** How the owned partitions' messages are consumed. */
export interface ConsumerInput {
  /** The WorkQueue stream to consume. Required. */
  readonly stream: string;
  /**
   * A partition's subject; `{{.PartitionID}}` stands for its keys joined with dots. It must occur exactly once. In a sharded feed it is the
   * end, and `{{.Shard}}` is a token before it.
   * @default "<stream>.{{.PartitionID}}", sharded "<stream>.{{.Shard}}.{{.PartitionID}}"
   */
  readonly subjectTemplate?: string;
  /**
   * The feed is sharded: so many WorkQueue streams `<stream>-0`, `<stream>-1`, … (`makeShards` makes them). The group shares the shards, and
   * each is read without a filter; within one, messages of a key (`{{.PartitionID}}`) come in order, and keys are handled at the same time.
   * The same for all workers and producers, for as long as the feed lives. Without it the feed is one stream.
   * @default none
   */
  readonly shards?: number;
  /**
   * A stream of limits or interest retention of which the sharded feed is made: the group's leader copies it into the shards
   * (`copyToShards`), to which nobody else may publish then. The same for all workers, for as long as the feed lives.
   * @default none
   */
  readonly from?: ConsumerFromInput;
  /**
   * The server delivers an unacknowledged message again after this long. Running handlers renew it by themselves.
   * @default "30s"
   */
  readonly ackWait?: DurationInput;
  /**
   * How often a message is tried before it counts as poison. At least 1.
   * @default 5
   */
  readonly maxDeliver?: number;
  /**
   * How many messages a worker holds in advance at least, over all its partitions. At least `concurrency`. Where its handlers are quick it
   * holds more by itself: what they handle in half a second, up to 4,096 messages; never less. However many lanes share it, each has 4 at
   * least, and that of a shard 32. Of large messages it holds fewer, whatever is set here: no more than 16 MB together, but one in each lane.
   * @default 256
   */
  readonly prefetch?: number;
  /**
   * How many partitions a worker handles at the same time; within one it is always a single message. One that pauses between two tries,
   * or waits until its dead letter is stored, does not count.
   * @default 64
   */
  readonly concurrency?: number;
  /**
   * The wait before the first retry of a failed message.
   * @default "200ms"
   */
  readonly retryBase?: DurationInput;
  /**
   * Each further wait is longer by this factor, ≥ 1.
   * @default 1.6
   */
  readonly retryMultiplier?: number;
  /**
   * The longest wait between two tries.
   * @default "5s"
   */
  readonly retryMax?: DurationInput;
  /**
   * What becomes of a message that failed `maxDeliver` times: `dead-letter` moves it away, `stop` stops its partition.
   * @default "dead-letter"
   */
  readonly onPoison?: "dead-letter" | "stop";
  /**
   * Where poison messages go; a stream must store it. `{{.PartitionID}}` may occur once.
   * @default "parti.<group>.dead.{{.PartitionID}}"
   */
  readonly deadLetterSubject?: string;
  /**
   * How many lanes (durable consumers) a worker may have before idle ones are merged. At least 1.
   * @default 4
   */
  readonly maxLanes?: number;
  /**
   * The server removes a lane that nobody pulled from for this long. Only a net behind eviction: a removed lane loses nothing,
   * its messages go to the next one.
   * @default "5m"
   */
  readonly inactiveThreshold?: DurationInput;
  /**
   * The handler acknowledges by itself; otherwise its normal return does.
   * @default false
   */
  readonly manualAck?: boolean;
}

/** Where the group's defaults come from: `fast` is for tests and demonstrations. */
export type GroupPreset = "default" | "fast";

/** Where the defaults of `degradedBehavior` come from. */
export type DegradedBehaviorPreset = "conservative" | "balanced" | "aggressive";

/** The group's configuration as a user writes it. Unknown keys are refused. */
export interface GroupConfigInput {
  /** The group's name: all buckets and subjects are under it. 1 to 64 characters of `[A-Za-z0-9_-]`. Required. */
  readonly group: string;
  /**
   * Where the other defaults come from. `fast` has short windows and timeouts, for tests.
   * @default "default"
   */
  readonly preset?: GroupPreset;
  /**
   * A worker's stable ID is `<workerIdPrefix>-<n>`. 1 to 64 characters of `[A-Za-z0-9_-]`.
   * @default "worker"
   */
  readonly workerIdPrefix?: string;
  /**
   * The first number of the ID pool, ≥ 0.
   * @default 0
   */
  readonly workerIdMin?: number;
  /**
   * The last number of the ID pool, inclusive: 0 to 0 is a pool of one.
   * @default 99
   */
  readonly workerIdMax?: number;
  /**
   * How long the server keeps a lease after its last renewal: the lifetime of keys in the lease bucket.
   * @default "30s"
   */
  readonly workerIdTtl?: DurationInput;
  /**
   * The ID number to claim first, if it is free. Without one, the lowest free number is claimed.
   * @default none
   */
  readonly preferredId?: number;
  /**
   * How much this worker can carry compared with the others, > 0.
   * @default 1
   */
  readonly capacity?: number;
  /**
   * What strategies and people should know of this worker: zone, version, …
   * @default {}
   */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * How often a worker renews its lease.
   * @default "2s"
   */
  readonly heartbeatInterval?: DurationInput;
  /**
   * A lease ends this long after its last good renewal, for its holder (which then fences itself) and for all others.
   * @default "6s"
   */
  readonly heartbeatTtl?: DurationInput;
  /**
   * The most a new group waits for further workers before its first assignment. A cap: `settle` usually ends it. 0: no wait.
   * @default "30s"
   */
  readonly coldStartWindow?: DurationInput;
  /**
   * The most a running group waits for further joins before it moves partitions. A cap: `settle` usually ends it. 0: no wait.
   * @default "10s"
   */
  readonly plannedScaleWindow?: DurationInput;
  /**
   * Windows close as soon as no worker joined or left for this long.
   * @default "500ms"
   */
  readonly settle?: DurationInput;
  /**
   * How long a leader waits *after* a worker was found dead before it moves its partitions. 0 is no wait: detection has its own
   * second look (`probe.grace`, `heartbeatTtl`), and moving a live worker's partitions is safe, since eviction is fenced. A value
   * above 0 saves the move where workers crash and come back at once, and delays every recovery by as much.
   * @default "0s"
   */
  readonly emergencyGracePeriod?: DurationInput;
  /**
   * When a leader that is new to the group finds at least this share of the assignment's workers missing, the group is starting
   * again: its first assignment then waits until no worker joined or left for `settle`, `coldStartWindow` at most. A leader that
   * the assignment lists itself moves the partitions of the dead at once, however many they are. Between 0 and 1.
   * @default 0.5
   */
  readonly restartDetectionRatio?: number;
  /**
   * How long the worker waits for what it depends on: for the partition source's answer, for a refresh of the partitions, for the
   * server's word that acks have arrived and that a dead letter is stored. Calls to buckets and to the stream's consumers have a
   * limit of their own, `natsWorld(connection, { timeoutMs })`.
   * @default "10s"
   */
  readonly operationTimeout?: DurationInput;
  /**
   * The leader's lease ends this long after its last good renewal.
   * @default "5s"
   */
  readonly electionTimeout?: DurationInput;
  /**
   * How long `start()` may take, until the worker is stable. Above `coldStartWindow`: while workers go on coming, the first of them wait for
   * all of that.
   * @default "1m"
   */
  readonly startupTimeout?: DurationInput;
  /**
   * How long `stop()` may take, draining included.
   * @default "10s"
   */
  readonly shutdownTimeout?: DurationInput;
  /**
   * How long running handlers may go on when their partitions are to move or their shard needs a fresh lane. 0: not at all.
   * @default "5s"
   */
  readonly drainTimeout?: DurationInput;
  /** When partitions are moved. */
  readonly assignment?: AssignmentInput;
  /** How the buckets are made. */
  readonly kvBuckets?: KvBucketsInput;
  /** How workers are probed. */
  readonly probe?: ProbeInput;
  /** When degraded mode raises alerts. */
  readonly degradedAlert?: DegradedAlertInput;
  /** When degraded mode begins and ends. */
  readonly degradedBehavior?: DegradedBehaviorInput;
  /** How messages are consumed. Without it the group only shares ownership and the application consumes by itself. */
  readonly consumer?: ConsumerInput;
}
