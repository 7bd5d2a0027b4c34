import type { ReactHooks } from "../../client/react.ts";

type Dependencies = readonly unknown[];

interface Slot {
  value?: unknown;
  dependencies?: Dependencies;
  effect?: (() => () => void) | undefined;
  cleanup?: (() => void) | undefined;
}

/**
 * Runs one component according to the contract that React documents for hooks, since React is not a dependency of this
 * project. It covers what the hooks of client/react.ts rely on:
 *
 * - Hooks are identified by the order of their calls.
 * - Effects run after rendering if their dependencies changed, each after its own cleanup.
 * - State changes are batched into one rendering in a later turn, and ignored after unmounting.
 * - In strict mode everything is rendered twice, effects are mounted, unmounted and mounted again, and functions that
 *   change state are called twice.
 */
export class HookHarness<Props, View> {
  readonly hooks: ReactHooks;
  renderings = 0;
  readonly #component: (props: Props) => View;
  readonly #slots: Slot[] = [];
  #at = 0;
  #isMounted = false;
  #isScheduled = false;
  #props: Props;
  #view: View | undefined;

  constructor(make: (hooks: ReactHooks) => (props: Props) => View, props: Props) {
    this.hooks = {
      useState: (initial) => this.#useState(initial),
      useEffect: (effect, dependencies) => this.#useEffect(effect, dependencies),
      useRef: (initial) => this.#remember(() => ({ current: initial }), []),
      useCallback: (callback, dependencies) => this.#remember(() => callback, dependencies),
      useSyncExternalStore: (subscribe, get) => this.#useStore(subscribe, get),
    };
    this.#component = make(this.hooks);
    this.#props = props;
  }

  /** The result of the last rendering. */
  get view(): View {
    if (this.#view === undefined) throw new Error("nothing was rendered yet");
    return this.#view;
  }

  /** Mounts the component in strict mode, as in development. */
  mount(): void {
    this.#isMounted = true;
    this.render(this.#props);
    this.#unmountEffects();
    this.#runEffects();
  }

  render(props: Props): void {
    this.#props = props;
    for (let times = 0; times < 2; times++) {
      this.#at = 0;
      this.#view = this.#component(props);
    }
    this.renderings++;
    this.#runEffects();
  }

  unmount(): void {
    this.#isMounted = false;
    this.#unmountEffects();
  }

  #slot(): Slot {
    const slot = this.#slots[this.#at] ?? {};
    this.#slots[this.#at++] = slot;
    return slot;
  }

  #useState<T>(initial: T): readonly [T, (next: T | ((before: T) => T)) => void] {
    const slot = this.#slot();
    if (!("value" in slot)) slot.value = initial;
    const set = (next: T | ((before: T) => T)) => {
      const before = slot.value as T;
      const change = next as (before: T) => T;
      if (typeof next === "function") change(before);
      const after = typeof next === "function" ? change(before) : next;
      if (Object.is(before, after)) return;
      slot.value = after;
      this.#schedule();
    };
    return [slot.value as T, set];
  }

  #remember<T>(make: () => T, dependencies: Dependencies): T {
    const slot = this.#slot();
    if (!isSame(slot.dependencies, dependencies)) slot.value = make();
    slot.dependencies = dependencies;
    return slot.value as T;
  }

  #useEffect(effect: () => () => void, dependencies: Dependencies): void {
    const slot = this.#slot();
    if (isSame(slot.dependencies, dependencies)) return;
    slot.dependencies = dependencies;
    slot.effect = effect;
    slot.value = effect;
  }

  #useStore<T>(subscribe: (changed: () => void) => () => void, get: () => T): T {
    this.#useEffect(() => subscribe(() => this.#schedule()), [subscribe]);
    if (!Object.is(get(), get())) throw new Error("the snapshot of a store must stay the same while nothing changed");
    return get();
  }

  /** Runs all cleanups, then all effects. */
  #runEffects(): void {
    const due = this.#slots.filter(({ effect }) => effect !== undefined);
    for (const slot of due) slot.cleanup?.();
    for (const slot of due) {
      slot.cleanup = slot.effect?.();
      slot.effect = undefined;
    }
  }

  #unmountEffects(): void {
    for (const slot of this.#slots) {
      if (slot.cleanup === undefined) continue;
      slot.cleanup();
      slot.cleanup = undefined;
      slot.effect = slot.value as () => () => void;
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#isMounted) this.render(this.#props);
    });
  }
}

function isSame(before: Dependencies | undefined, now: Dependencies): boolean {
  return before?.length === now.length && before.every((value, index) => Object.is(value, now[index]));
}
