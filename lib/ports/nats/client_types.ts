/**
 * The NATS client's types that stand in the library's own signatures. They are derived from the function that makes them: named
 * directly, the documentation check asks for all of the client's other types to be exported too.
 *
 * @module
 */
/** A connection, as the client of `@nats-io/nats-core` has it, whichever transport made it. */
export type NatsConnection = Awaited<
  ReturnType<typeof import("@nats-io/transport-node")["connect"]>
>;

/** How to connect, as the client takes it. */
export type ConnectionOptions = NonNullable<
  Parameters<typeof import("@nats-io/transport-node")["connect"]>[0]
>;
