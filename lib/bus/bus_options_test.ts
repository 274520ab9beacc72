import assert from "node:assert/strict";
import { ActorSystem } from "./actors/actor_system.ts";
import { TypeTable } from "./actors/type_table.ts";
import { busSettings } from "./bus_options.ts";

const create = () => ({ handle: () => {} });
const UNFIT = { code: "PARTI_INVALID_CONFIG" };

Deno.test("bus options: no duration is taken that no timer has", () => {
  for (const name of ["timeoutMs", "lookoutMs"] as const) {
    assert.equal(busSettings({ [name]: 2 ** 31 - 1 })[name], 2 ** 31 - 1);
    for (const value of [0, -1, NaN, Infinity, 1e12]) {
      assert.throws(() => busSettings({ [name]: value }), { ...UNFIT, value });
    }
  }
  assert.equal(busSettings({ pendingMax: 1e12 }).pendingMax, 1e12);
  assert.throws(() => new TypeTable().define("a::b", { create, idleMs: 1e12 }), UNFIT);
  for (const name of ["leaseTtlMs", "stopGraceMs"]) {
    assert.throws(() => new ActorSystem({ [name]: 1e12 } as never), UNFIT);
  }
});

Deno.test("bus options: a placement that there is not is refused", () => {
  const placement = "nearest" as never;
  assert.throws(() => new TypeTable().define("a::b", { create, placement }), {
    ...UNFIT,
    value: "nearest",
  });
  new TypeTable().define("a::b", { create, placement: "least-loaded" });
});
