import type { Law } from "../history.ts";
import type { Profile } from "../plan.ts";

/** A fault that was really there once, or would be likely, put back into the code until it is disposed of. */
export interface BrokenVariant {
  readonly name: string;
  /** The simulation notices it by one of these laws. */
  readonly breaks: readonly Law[];
  /** Where to look for it. */
  readonly profile: Profile;
  /** Faults that are rare are looked for near a seed that finds them. */
  readonly firstSeed: number;
  put(): Disposable;
}

type Method<T, F> = F extends (...args: infer Args) => infer Result ? (this: T, ...args: Args) => Result : never;

/** @returns puts the method back */
export function replace<T extends object, K extends keyof T>(
  prototype: T,
  name: K,
  broken: Method<T, T[K]>,
): Disposable {
  const sound = prototype[name];
  Object.assign(prototype, { [name]: broken });
  return {
    [Symbol.dispose]: () => {
      prototype[name] = sound;
    },
  };
}

export function both(one: Disposable, other: Disposable): Disposable {
  return {
    [Symbol.dispose]: () => {
      one[Symbol.dispose]();
      other[Symbol.dispose]();
    },
  };
}
