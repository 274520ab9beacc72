import assert from "node:assert/strict";
import {
  ACTIVATION_TRANSITIONS,
  ActivationMachine,
  type ActivationState,
} from "./activation_state.ts";

const STATES = Object.keys(ACTIVATION_TRANSITIONS) as ActivationState[];

/** Gets a machine into a state by legal steps. */
function machineIn(state: ActivationState): ActivationMachine {
  const machine = new ActivationMachine(() => {});
  const way: ActivationState[] = ["activating", "valid", "deactivating", "invalid"];
  for (const step of way) {
    if (machine.state === state) break;
    machine.set(step);
  }
  assert.equal(machine.state, state);
  return machine;
}

Deno.test("activation states: legal steps are taken and told, all others are refused", () => {
  for (const from of STATES) {
    for (const to of STATES) {
      const machine = machineIn(from);
      if (ACTIVATION_TRANSITIONS[from].includes(to)) {
        machine.set(to);
        assert.equal(machine.state, to);
      } else {
        assert.throws(() => machine.set(to), { code: "PARTI_INVARIANT" });
        assert.equal(machine.state, from);
      }
    }
  }
});
