import type { Script } from "./script.ts";

/** The cluster's Lua scripts, step by step: the files beside server/cluster/redis/member-directory.ts say what they do. */

export const join: Script = ({ keys, send }, [members = "", heartbeatKey = "", counter = ""], args) => {
  const [id = "", stateText = "", ms, topic = "", , heartbeatPrefix = ""] = args;
  const number = Number(keys.text(counter) ?? 0) + 1;
  keys.setText(counter, String(number));
  const state = `${number} ${stateText}`;
  const living: string[] = [];
  const dead: string[] = [];
  for (const [other, text] of keys.hash(members) ?? []) {
    if (keys.has(heartbeatPrefix + other)) living.push(other, text);
    else dead.push(other);
  }
  keys.setFields(members, { [id]: state });
  keys.setText(heartbeatKey, "1", Number(ms));
  send(topic, `joined ${id} ${state}`);
  return [number, living, dead];
};

export const beat: Script = (
  { keys, send },
  [members = "", heartbeatKey = ""],
  [id = "", state = "", ms, topic = ""],
) => {
  if (!keys.has(heartbeatKey)) return 0;
  keys.setText(heartbeatKey, "1", Number(ms));
  keys.setFields(members, { [id]: state });
  send(topic, `beat ${id} ${state}`);
  return 1;
};

export const claim: Script = ({ keys }, [name = "", heartbeatKey = "", claims = ""], args) => {
  const [id = "", holder = "", over, from, heartbeatPrefix = ""] = args;
  if (!keys.has(heartbeatKey)) return ["gone"];
  const member = keys.hash(name)?.get("member");
  const had = keys.hash(name)?.get("holder");
  const lives = member !== undefined && keys.has(heartbeatPrefix + member);
  const isMine = lives && member === id && had === holder;
  const isGranted = !lives || isMine || over === "anybody" || (over === "holder" && had === from);
  if (isGranted) {
    keys.setFields(name, { member: id, holder });
    keys.set(claims).add(name);
  }
  const word = isGranted ? "granted" : "refused";
  return lives && !isMine ? [word, member, had ?? null] : [word];
};

export const release: Script = ({ keys }, [name = "", claims = ""], [holder]) => {
  if (keys.hash(name)?.get("holder") !== holder) return 0;
  keys.delete(name);
  if (keys.has(claims)) remove(keys, claims, name);
  return 1;
};

export const removeDead: Script = (
  { keys, send },
  [members = "", heartbeatKey = "", claims = ""],
  [id = "", word, topic = ""],
) => {
  if (word === "left") {
    if (keys.delete(heartbeatKey)) send(topic, `left ${id}`);
  } else if (keys.has(heartbeatKey)) return 0;
  keys.deleteField(members, id);
  const some = keys.has(claims) ? Array.from(keys.set(claims)).slice(0, 500) : [];
  for (const name of some) {
    remove(keys, claims, name);
    if (keys.hash(name)?.get("member") === id) keys.delete(name);
  }
  return keys.has(claims) ? 1 : 0;
};

function remove(keys: Parameters<Script>[0]["keys"], claims: string, name: string): void {
  const members = keys.set(claims);
  members.delete(name);
  if (members.size === 0) keys.delete(claims);
}
