/**
 * The actor of the demonstration: a cart that keeps what is put into it.
 *
 * @module
 */
import type { Actor, ActorContext, ActorType } from "../../lib/bus/mod.ts";

/** The bus. */
export const BUS = "bus-demo";
/** The type of the carts. */
export const CART = "shop::cart";
/** After a process has died, its carts are somewhere else so much later at most, in milliseconds. */
export const LEASE_TTL_MS = 2_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a cart says when it is asked. */
export interface CartView {
  /** What is in it. */
  readonly items: readonly string[];
  /** The node on which it lives. */
  readonly node: string;
}

/**
 * Reads what a cart says.
 *
 * @param bytes its answer
 */
export function readCart(bytes: Uint8Array): CartView {
  return JSON.parse(decoder.decode(bytes));
}

/**
 * Carts on a node.
 *
 * @param node the node's name
 */
export function cartsOn(node: string): ActorType {
  return {
    placement: "two-choices",
    state: true,
    create: (context) => cart(node, context),
  };
}

function cart(node: string, { state }: ActorContext): Actor {
  const kept = state?.value;
  let items: readonly string[] = kept === undefined ? [] : JSON.parse(decoder.decode(kept));
  return {
    async handle({ method, payload, key }) {
      // A call with a key may come again: what is in the cart already is not put into it once more.
      if (method === "add" && !items.includes(String(key))) {
        const next = [...items, String(key)];
        await state!.save(encoder.encode(JSON.stringify(next)));
        items = next;
      }
      return encoder.encode(JSON.stringify({ items, node, asked: payload.length }));
    },
  };
}
