/**
 * One coordinator of each name on a server: hosts find theirs by the simulation's name alone, and two of one name would have each other's
 * processes killed.
 *
 * @module
 */
import { isPartiError, PartiError } from "../../lib/errors.ts";
import type { Messaging } from "../../lib/ports/messaging.ts";
import { coordinatorSubject } from "../wire/host_wire.ts";
import { fromBytes, toBytes } from "../wire/wire.ts";

/** Longer than an answer takes. Nobody has to wait for it who has no processes to start by hand. */
const ASK_MS = 1_000;

/**
 * Takes the name, if nobody has it. Of two that ask at the same moment both may be refused, and never neither.
 *
 * @param messaging the way to the others
 * @param simulation the name
 * @returns disposed of, the name is free again
 * @throws {PartiError} `PARTI_INVALID_CONFIG` if another coordinator has it
 */
export async function takeName(
  messaging: Pick<Messaging, "subscribe" | "request">,
  simulation: string,
): Promise<Disposable> {
  const life = crypto.randomUUID();
  const subject = coordinatorSubject(simulation);
  let refused: PartiError | undefined;
  // Before it asks: whoever asks later is answered.
  const subscription = messaging.subscribe(subject, (notice) => {
    if (fromBytes<string>(notice.data) !== life) notice.respond(toBytes(life));
  }, (error) => refused = error);
  try {
    await messaging.request(subject, toBytes(life), ASK_MS);
  } catch (error) {
    if (isPartiError(error, "PARTI_TIMEOUT")) {
      return { [Symbol.dispose]: () => subscription.close() };
    }
    subscription.close();
    throw refused ?? error;
  }
  subscription.close();
  const name = JSON.stringify(simulation);
  throw new PartiError(
    "PARTI_INVALID_CONFIG",
    `simulation.name: another coordinator of ${name} is at work on this server`,
    {
      value: simulation,
      hint: "give this run and its hosts another one with --set simulation.name=<name>, " +
        "or wait until the other has ended",
    },
  );
}
