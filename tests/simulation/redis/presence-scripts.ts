import type { Keys } from "./keys.ts";
import type { Script, ScriptContext } from "./script.ts";

/**
 * The presence store's Lua scripts, step by step: the files in server/presence/redis say what they do. Sorted sets are sets
 * here, and sorted when they are read.
 */

interface Names {
  readonly top: string;
  readonly entries: string;
  readonly keys: string;
  readonly released: string;
}

interface Found {
  readonly owner: string;
  readonly released: string;
  readonly id: string;
  readonly content: string;
  readonly user: string;
}

/** The state of one call: the position, and the events so far. */
class Call {
  readonly events: string[] = [];
  epoch: string;
  position: number;
  readonly #context: ScriptContext;
  readonly #names: Names;

  constructor(context: ScriptContext, names: Names, { replid, epoch }: { replid: string; epoch: string }) {
    this.#context = context;
    this.#names = names;
    const [known = "", position = "0", life] = (context.keys.text(names.top) ?? "").split(" ");
    this.epoch = life === replid ? known : epoch;
    this.position = life === replid ? Number(position) : 0;
  }

  tell(kind: "joined" | "left", id: string, content: string): void {
    this.position++;
    this.events.push(`${kind} ${this.position} ${entriesOf(this.#context.keys, this.#names).size} ${id} ${content}`);
  }

  /** @returns the message, or "" */
  end(topic: string, replid: string, emptyMs: number, hadTop: boolean): string {
    const { keys, now, send } = this.#context;
    const text = `${this.epoch} ${this.position} ${replid}`;
    if (keys.has(this.#names.entries)) keys.setText(this.#names.top, text);
    else if (hadTop || this.position > 0) keys.setText(this.#names.top, text, emptyMs);
    if (this.events.length === 0) return "";
    const message = [`${this.epoch} ${Math.floor(now())}`, ...this.events].join("\n");
    send(topic, message);
    return message;
  }
}

export const apply: Script = (context, [top = "", entries = "", sorted = "", released = "", own = ""], args) => {
  const { keys } = context;
  const names = { top, entries, keys: sorted, released };
  const [replid = "", epoch = "", owner = "", ofOwner = "", topic = "", , emptyMs, size, expiresAt] = args;
  if (context.now() >= Number(expiresAt)) return ["late"];
  const hadTop = keys.has(top);
  const call = new Call(context, names, { replid, epoch });
  const unlisted: string[] = [];
  const keep = (connection: string, id: string, user: string, content: string) => {
    keys.setFields(entries, { [connection]: `${owner} 0 ${id} ${content}` });
    keys.set(sorted).add(`${user}\0${id}\0${connection}`);
    keys.set(own).add(connection);
  };
  const succession = (over: string, resumes: string, user: string): string | undefined => {
    if (over !== "" && find(keys, names, over)?.user === user) return over;
    if (user === "" && resumes !== "1") return undefined;
    const [first] = membersOf(keys, released).filter((it) => it.startsWith(`${user}\0`));
    return first?.slice(user.length + 1);
  };
  for (let at = 9; at < args.length; ) {
    const [kind, connection = "", over = "", resumes = "", user = "", rest = "", hasPlace] = args.slice(at);
    at += kind === "join" ? 7 : 2;
    const known = find(keys, names, connection);
    if (kind === "join") {
      if (known !== undefined && generationOf(known.owner) > generationOf(owner)) continue;
      const from = known === undefined ? succession(over, resumes, user) : connection;
      const it = from === undefined ? undefined : find(keys, names, from);
      if (from !== undefined && it !== undefined) {
        forget(keys, names, from, ofOwner);
        keep(connection, it.id, it.user, it.content);
        continue;
      }
      if (hasPlace === "0" || entriesOf(keys, names).size >= Number(size)) {
        unlisted.push(connection);
        continue;
      }
      const isTaken = membersOf(keys, sorted).some((key) => key.startsWith(`${user}\0${connection}\0`));
      const id = isTaken ? `${connection}-${call.position + 1}` : connection;
      keep(connection, id, user, `${user}\0${rest}`);
      call.tell("joined", id, `${user}\0${rest}`);
    } else if (known !== undefined && kind === "leave") {
      forget(keys, names, connection, ofOwner);
      call.tell("left", known.id, known.content);
    } else if (known?.released === "0") {
      keys.setFields(entries, { [connection]: `${known.owner} 1 ${known.id} ${known.content}` });
      keys.set(released).add(`${known.user}\0${connection}`);
    }
  }
  return [call.end(topic, replid, Number(emptyMs), hadTop), ...unlisted];
};

function generationOf(owner: string): number {
  return Number(/\.(\d+)$/.exec(owner)?.[1] ?? 0);
}

export const remove: Script = (context, [top = "", entries = "", sorted = "", released = "", own = ""], args) => {
  const { keys } = context;
  const names = { top, entries, keys: sorted, released };
  const [replid = "", epoch = "", owner, topic = "", , emptyMs, most] = args;
  const call = new Call(context, names, { replid, epoch });
  const some = membersOf(keys, own).slice(0, Number(most));
  for (const connection of some) {
    removeMember(keys, own, connection);
    const it = find(keys, names, connection);
    if (it === undefined || it.owner !== owner) continue;
    forget(keys, names, connection, undefined);
    call.tell("left", it.id, it.content);
  }
  const message = call.events.length === 0 ? "" : call.end(topic, replid, Number(emptyMs), true);
  return [keys.has(own) ? 1 : 0, message];
};

export const read: Script = ({ keys }, [top = "", entries = "", sorted = ""], [lower = "", limit]) => {
  const after = lower === "-" ? "" : lower.slice(1);
  const found = membersOf(keys, sorted).filter((key) => key > after);
  const page = found.slice(0, Number(limit)).map((key) => {
    const text = keys.hash(entries)?.get(key.slice(key.lastIndexOf("\0") + 1)) ?? "";
    return text.split(" ").slice(2).join(" ");
  });
  return [keys.text(top) ?? "", keys.hash(entries)?.size ?? 0, page];
};

export const beat: Script = ({ keys, now }, [owners = "", alive = "", life = "", rebuilding = ""], args) => {
  const [owner = "", ms, isAgain, aliveStart = "", rebuildMs, claimStart = "", claimMs] = args;
  const wasAlive = keys.has(alive) ? 1 : 0;
  const hasData = keys.has(life) ? 1 : 0;
  if (hasData === 0) {
    keys.setText(life, "1");
    if (isAgain === "1") keys.setText(rebuilding, "1", Number(rebuildMs));
  }
  if (isAgain === "1" && (wasAlive === 0 || hasData === 0)) return [wasAlive, hasData, [], 0];
  keys.setText(alive, "1", Number(ms));
  keys.set(owners).add(owner);
  const dead = membersOf(keys, owners).filter((it) => !keys.has(aliveStart + it) && !keys.has(claimStart + it));
  for (const it of dead) keys.setText(claimStart + it, "1", Number(claimMs));
  return [wasAlive, hasData, dead, Math.floor(now()) + Number(ms)];
};

function entriesOf(keys: Keys, { entries }: Names): ReadonlyMap<string, string> {
  return keys.hash(entries) ?? new Map();
}

function find(keys: Keys, names: Names, connection: string): Found | undefined {
  const text = entriesOf(keys, names).get(connection);
  if (text === undefined) return undefined;
  const [owner = "", released = "", id = ""] = text.split(" ", 3);
  const content = text.slice(owner.length + released.length + id.length + 3);
  return { owner, released, id, content, user: content.slice(0, content.indexOf("\0")) };
}

/** @param ofOwner the beginning of the owners' sets; undefined if the connection is in none any more */
function forget(keys: Keys, names: Names, connection: string, ofOwner: string | undefined): void {
  const it = find(keys, names, connection);
  if (it === undefined) return;
  keys.deleteField(names.entries, connection);
  removeMember(keys, names.keys, `${it.user}\0${it.id}\0${connection}`);
  removeMember(keys, names.released, `${it.user}\0${connection}`);
  if (ofOwner !== undefined) removeMember(keys, ofOwner + it.owner, connection);
}

/** Sorted. */
function membersOf(keys: Keys, name: string): readonly string[] {
  return keys.has(name) ? Array.from(keys.set(name)).sort() : [];
}

function removeMember(keys: Keys, name: string, member: string): void {
  if (!keys.has(name)) return;
  const members = keys.set(name);
  members.delete(member);
  if (members.size === 0) keys.delete(name);
}
