import type { Keys } from "./keys.ts";
import type { Answer, Script } from "./script.ts";

/**
 * The schedule store's Lua scripts, step by step: the files in server/schedule/redis say what they do. The sorted set of due
 * times is a hash here, sorted when it is read, and the one of names is the keys of the records.
 */

export const lease: Script = ({ keys, send }, [name = "", counters = ""], [by = "", wish, ms = "0", topic = ""]) => {
  const known = keys.hash(name);
  const holder = known?.get("holder");
  const isMine = holder === by;
  const wasOffered = known?.get("offered") === "1";
  if (wish === "release") {
    if (isMine) {
      keys.delete(name);
      send(topic, "free");
    }
    return ["", 0];
  }
  if (holder !== undefined && !isMine && !(wasOffered && wish === "take")) return ["", keys.leftMs(name) ?? -1];
  const token = isMine ? (known?.get("token") ?? "") : next(keys, counters, "token");
  const isOffer = wish === "offer";
  keys.setFields(name, { holder: by, token, offered: isOffer ? "1" : "0" });
  keys.expire(name, Number(ms));
  if (isOffer && !(isMine && wasOffered)) send(topic, "free");
  return [token, Number(ms)];
};

export const read: Script = ({ keys }, [records = "", due = ""], [mostBytes, by, ...asked]) => {
  const all = keys.hash(records) ?? new Map<string, string>();
  let ids: readonly string[] = asked;
  let more: string | undefined;
  if (by === "name") ids = named([...all.keys()].sort(), asked);
  if (by === "due") {
    const sorted = Array.from(keys.hash(due) ?? []).sort(([a, x], [b, y]) => Number(x) - Number(y) || (a < b ? -1 : 1));
    const found = sorted.filter(([, time]) => Number(time) <= Number(asked[0])).slice(0, Number(asked[1]));
    ids = found.map(([id]) => id);
    more = sorted[ids.length]?.[0];
  }
  const answer: Answer[] = ["-"];
  let bytes = 0;
  for (const id of ids) {
    const record = all.get(id);
    if (record === undefined) continue;
    bytes += Buffer.byteLength(record);
    if (bytes > Number(mostBytes) && answer.length > 1) {
      more = id;
      break;
    }
    answer.push(id, record);
  }
  if (by === "due" && more !== undefined) answer[0] = keys.hash(due)?.get(more) ?? "-";
  return answer;
};

export const write: Script = (context, [records = "", due = "", , counters = "", leased = ""], args) => {
  const { keys, send } = context;
  const [token = "", mostRecords, mostBytes, topic = "", , ...writes] = args;
  if (token !== "" && keys.hash(leased)?.get("token") !== token) return ["fenced"];
  let bytes = Number(keys.hash(counters)?.get("bytes") ?? 0);
  let earliest: number | undefined;
  const answers: string[] = [];
  for (let at = 0; at + 5 < writes.length; at += 6) {
    const [id = "", expected, costText, verb, dueAt = "-", text = ""] = writes.slice(at, at + 6);
    const cost = Number(costText);
    const current = keys.hash(records)?.get(id);
    const had = current === undefined ? 0 : Number(keys.hash(counters)?.get(`cost:${id}`) ?? 0);
    const isNew = token === "" && current === undefined;
    if ((current?.split(" ", 1)[0] ?? "0") !== expected) answers.push("conflict");
    else if (verb === "delete") {
      keys.deleteField(records, id);
      keys.deleteField(due, id);
      keys.deleteField(counters, `cost:${id}`);
      bytes -= had;
      answers.push(next(keys, counters, "version"));
    } else if (isNew && (keys.hash(records)?.size ?? 0) >= Number(mostRecords)) answers.push("count");
    else if (token === "" && cost > had && bytes + cost - had > Number(mostBytes)) answers.push("bytes");
    else {
      const version = next(keys, counters, "version");
      answers.push(version);
      keys.setFields(records, { [id]: `${version} ${dueAt} ${text}` });
      keys.setFields(counters, { [`cost:${id}`]: cost });
      bytes += cost - had;
      if (dueAt === "-") keys.deleteField(due, id);
      else {
        keys.setFields(due, { [id]: dueAt });
        earliest = Math.min(earliest ?? Number(dueAt), Number(dueAt));
      }
    }
  }
  keys.setFields(counters, { bytes });
  if (earliest !== undefined) send(topic, `due ${earliest}`);
  return answers;
};

function next(keys: Keys, counters: string, name: string): string {
  const value = Number(keys.hash(counters)?.get(name) ?? 0) + 1;
  keys.setFields(counters, { [name]: value });
  return String(value);
}

/** ZRANGEBYLEX of all names: `-` and `+` are the ends, `[` includes a name, and `(` excludes it. */
function named(sorted: readonly string[], [first = "-", last = "+", most]: readonly string[]): readonly string[] {
  const isAfter = (id: string) => first === "-" || (first.startsWith("(") ? id > first.slice(1) : id >= first.slice(1));
  const isBefore = (id: string) => last === "+" || id <= last.slice(1);
  return sorted.filter((id) => isAfter(id) && isBefore(id)).slice(0, Number(most));
}
