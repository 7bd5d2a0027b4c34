/** A message of a channel's stream, see publish.lua. */
export interface Entry {
  readonly offset: number;
  readonly time: number;
  readonly timeBefore: number;
  readonly costsBefore: number;
  readonly text: string;
}

/** The kinds of values that the scripts use. */
export type Value =
  | { readonly kind: "hash"; readonly fields: Map<string, string> }
  | { readonly kind: "text"; text: string }
  | { readonly kind: "set"; readonly members: Set<string> }
  | { readonly kind: "sorted"; readonly scores: Map<string, number> }
  | { readonly kind: "stream"; entries: Entry[] };

interface Held {
  value: Value;
  /** Unix time in milliseconds; undefined: it stays. */
  expiresAt: number | undefined;
}

/** The data of a modelled Redis. Keys expire by its wall clock. */
export class Keys {
  readonly #held = new Map<string, Held>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A copy of what is stored now: what a restart, a replica or an old backup may bring back. */
  copy(): Keys {
    const copy = new Keys(this.#now);
    for (const [key, { value, expiresAt }] of this.#held) copy.#held.set(key, { value: copied(value), expiresAt });
    return copy;
  }

  clear(): void {
    this.#held.clear();
  }

  has(key: string): boolean {
    return this.#get(key) !== undefined;
  }

  hash(key: string): ReadonlyMap<string, string> | undefined {
    const value = this.#get(key);
    return value?.kind === "hash" ? value.fields : undefined;
  }

  setFields(key: string, fields: Readonly<Record<string, string | number>>): void {
    const value = this.#get(key);
    const known = value?.kind === "hash" ? value.fields : new Map<string, string>();
    for (const [name, text] of Object.entries(fields)) known.set(name, String(text));
    if (value === undefined) this.#held.set(key, { value: { kind: "hash", fields: known }, expiresAt: undefined });
  }

  deleteField(key: string, name: string): void {
    const value = this.#get(key);
    if (value?.kind !== "hash") return;
    value.fields.delete(name);
    if (value.fields.size === 0) this.#held.delete(key);
  }

  text(key: string): string | undefined {
    const value = this.#get(key);
    return value?.kind === "text" ? value.text : undefined;
  }

  setText(key: string, text: string, ms?: number): void {
    this.#held.set(key, { value: { kind: "text", text }, expiresAt: ms === undefined ? undefined : this.#now() + ms });
  }

  /** The same, and it expires when it did before. */
  changeText(key: string, text: string): void {
    const value = this.#get(key);
    if (value?.kind === "text") value.text = text;
  }

  stream(key: string): readonly Entry[] {
    const value = this.#get(key);
    return value?.kind === "stream" ? value.entries : [];
  }

  setStream(key: string, entries: Entry[]): void {
    const held = this.#held.get(key);
    if (held?.value.kind === "stream") held.value.entries = entries;
    else this.#held.set(key, { value: { kind: "stream", entries }, expiresAt: undefined });
  }

  set(key: string): Set<string> {
    const value = this.#get(key);
    if (value?.kind === "set") return value.members;
    const members = new Set<string>();
    this.#held.set(key, { value: { kind: "set", members }, expiresAt: undefined });
    return members;
  }

  /** The members of a sorted set with their scores, lowest first. */
  sorted(key: string): readonly (readonly [member: string, score: number])[] {
    const value = this.#get(key);
    if (value?.kind !== "sorted") return [];
    return Array.from(value.scores).sort(([a, one], [b, other]) => one - other || (a < b ? -1 : 1));
  }

  setScore(key: string, member: string, score: number): void {
    const value = this.#get(key);
    if (value?.kind === "sorted") value.scores.set(member, score);
    else {
      const scores = new Map([[member, score]]);
      this.#held.set(key, { value: { kind: "sorted", scores }, expiresAt: undefined });
    }
  }

  deleteScore(key: string, member: string): boolean {
    const value = this.#get(key);
    if (value?.kind !== "sorted") return false;
    const wasThere = value.scores.delete(member);
    if (value.scores.size === 0) this.#held.delete(key);
    return wasThere;
  }

  expire(key: string, ms: number): void {
    const held = this.#held.get(key);
    if (held !== undefined) held.expiresAt = this.#now() + ms;
  }

  /** How long the key stays; undefined: it does not expire. */
  leftMs(key: string): number | undefined {
    const expiresAt = this.#held.get(key)?.expiresAt;
    return expiresAt === undefined ? undefined : expiresAt - this.#now();
  }

  delete(key: string): boolean {
    const isThere = this.#get(key) !== undefined;
    this.#held.delete(key);
    return isThere;
  }

  names(): readonly string[] {
    return Array.from(this.#held.keys());
  }

  #get(key: string): Value | undefined {
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    if (held.expiresAt === undefined || held.expiresAt > this.#now()) return held.value;
    this.#held.delete(key);
    return undefined;
  }
}

function copied(value: Value): Value {
  switch (value.kind) {
    case "hash":
      return { kind: "hash", fields: new Map(value.fields) };
    case "set":
      return { kind: "set", members: new Set(value.members) };
    case "sorted":
      return { kind: "sorted", scores: new Map(value.scores) };
    case "stream":
      return { kind: "stream", entries: [...value.entries] };
    case "text":
      return { kind: "text", text: value.text };
  }
}
