import type { Entry, Keys } from "./keys.ts";
import type { Script } from "./script.ts";

/** The broker's Lua scripts, step by step: the files beside server/broker/redis/scripts.ts say what they do. */

/** A channel's record, see publish.lua. */
export interface ChannelRecord {
  readonly epoch: string;
  readonly top: number;
  readonly life: string;
  readonly newest: number;
  readonly oldest: number;
  readonly floor: number;
  readonly total: number;
  readonly maxAge: number;
  readonly untilTime: number;
}

export function recordAt(keys: Keys, key: string): ChannelRecord | undefined {
  const text = keys.text(key);
  if (text === undefined) return undefined;
  const [epoch = "", top, life = "", ...numbers] = text.split(" ");
  const [newest = 0, oldest = 0, floor = 0, total = 0, maxAge = 0, untilTime = 0] = numbers.map(Number);
  return { epoch, top: Number(top), life, newest, oldest, floor, total, maxAge, untilTime };
}

export function formatRecord(it: ChannelRecord): string {
  const { epoch, top, life, newest, oldest, floor, total, maxAge, untilTime } = it;
  return [epoch, top, life, newest, oldest, floor, total, maxAge, untilTime].join(" ");
}

function emptyRecord(epoch: string, life: string): ChannelRecord {
  return { epoch, top: 0, life, newest: -1, oldest: 0, floor: 0, total: 0, maxAge: 0, untilTime: 0 };
}

export const publish: Script = ({ keys, now: clock, send }, names, args) => {
  const [record = "", messages = "", remembered] = names;
  const [life = "", newEpoch = "", text = "", recordMs, count, age, mostCost, idMs, lateAt, topic = "", , ownCost] =
    args;
  const clockTime = clock();
  let now = clockTime;
  if (now > Number(lateAt)) return ["late"];
  const known = recordAt(keys, record);
  if (known !== undefined && known.life !== life) return ["life", known.epoch, known.top, known.life];
  const before = remembered === undefined ? undefined : keys.text(remembered);
  if (before !== undefined && known !== undefined) {
    const space = before.indexOf(" ");
    return ["duplicate", before.slice(0, space), Number(before.slice(space + 1))];
  }
  if (known === undefined) keys.delete(messages);
  const { top, newest, total: costsBefore } = known ?? emptyRecord(newEpoch, life);
  let { epoch } = known ?? { epoch: newEpoch };
  let { oldest, floor, untilTime } = known ?? { ...emptyRecord(newEpoch, life), oldest: now };
  if (now < newest) now = newest;
  const [maxCount, maxAge, maxCost, cost] = [Number(count), Number(age), Number(mostCost), Number(ownCost)];
  const offset = top + 1;
  const total = costsBefore + cost;
  const fits = () => total - floor <= maxCost && oldest >= now - maxAge;
  if (maxCount === 0 || cost > maxCost) {
    keys.delete(messages);
    [floor, oldest, untilTime] = [total, now, 0];
  } else {
    if ((keys.stream(messages).at(-1)?.offset ?? 0) >= offset) {
      keys.delete(messages);
      epoch = newEpoch;
      send(topic, `reset ${epoch} ${top}`);
    }
    if (keys.stream(messages).length === 0) [floor, oldest, untilTime] = [costsBefore, now, 0];
    const all: Entry[] = [...keys.stream(messages), { offset, time: now, timeBefore: newest, costsBefore, text }];
    const entries = all.slice(Math.max(0, all.length - maxCount));
    for (let left = 1000; left > 0 && !fits(); left--) {
      const [first, second] = entries;
      if (first === undefined) break;
      [oldest, floor] = [first.time, first.costsBefore];
      if (second === undefined || fits()) break;
      entries.shift();
      [oldest, floor] = [second.time, second.costsBefore];
    }
    keys.setStream(messages, entries);
    if (untilTime < clockTime + maxAge) {
      const lifetime = Math.ceil(maxAge * 1.1);
      keys.expire(messages, lifetime);
      untilTime = clockTime + lifetime;
    }
  }
  const next = { epoch, top: offset, life, newest: now, oldest, floor, total, maxAge, untilTime };
  keys.setText(record, formatRecord(next), maxAge + Number(recordMs));
  if (remembered !== undefined) keys.setText(remembered, `${epoch} ${offset}`, Number(idMs));
  return ["stored", epoch, offset, now, send(topic, `${epoch} ${offset} ${now}\n${text}`)];
};

export const open: Script = ({ keys }, [record = "", messages = ""], [life = "", newEpoch = "", recordMs]) => {
  const known = recordAt(keys, record);
  if (known === undefined) {
    keys.delete(messages);
    keys.setText(record, formatRecord(emptyRecord(newEpoch, life)), Number(recordMs));
    return ["top", newEpoch, 0];
  }
  if (known.life !== life) return ["life", known.epoch, known.top, known.life];
  keys.expire(record, Number(recordMs) + known.maxAge);
  return ["top", known.epoch, known.top];
};

export const read: Script = ({ keys, now: clock }, [record = "", messages = ""], args) => {
  const [life = "", newEpoch = "", recordMs, kind, place = "", number, maxCount, maxCost, ...kept] = args;
  const [keptCount = 0, keptAge = 0, keptCost = 0] = kept.map(Number);
  let known = recordAt(keys, record);
  if (known === undefined) {
    keys.delete(messages);
    known = emptyRecord(newEpoch, life);
    keys.setText(record, formatRecord(known), Number(recordMs));
  }
  const { epoch, top, newest, total, maxAge } = known;
  if (known.life !== life) return ["life", epoch, top, known.life];
  const now = clock();
  const entries = keys.stream(messages);
  const firstSince = (time: number) => entries.find((it) => it.time >= time)?.offset ?? top + 1;
  const first = Math.max(
    firstSince(now - Math.min(maxAge, keptAge)),
    top - keptCount + 1,
    entries.find(({ costsBefore }) => total - costsBefore <= keptCost)?.offset ?? top + 1,
  );
  const droppedUntil = entries.find(({ offset }) => offset === first)?.timeBefore ?? newest;
  let from = first;
  let gap = "";
  if (kind === "position") {
    const after = Number(number);
    if (place !== epoch || after > top) gap = "epoch-changed";
    else if (after + 1 < first) gap = "history-too-short";
    else from = after + 1;
  } else if (kind === "age") {
    const since = now - Number(place);
    from = Math.max(first, firstSince(since));
    if (droppedUntil >= since) gap = "history-too-short";
  } else if (kind === "last") {
    const count = Number(place);
    from = Math.max(first, top - count + 1);
    if (top - first + 1 < Math.min(count, top)) gap = "history-too-short";
  }
  const found: (string | number)[] = [];
  const asked = entries.filter(({ offset }) => offset >= from);
  for (const [at, entry] of asked.entries()) {
    if (at >= Number(maxCount)) break;
    const costs = (asked[at + 1]?.costsBefore ?? total) - (asked[0]?.costsBefore ?? 0);
    if (costs > Number(maxCost) && at > 0) break;
    found.push(entry.offset, String(entry.time), entry.text);
  }
  return ["history", epoch, top, gap, found];
};

export const settle: Script = ({ keys, send }, [record = ""], args) => {
  const [life = "", foundLife, foundEpoch, foundTop, decision, newEpoch = "", topic = ""] = args;
  const known = recordAt(keys, record);
  if (known === undefined) return ["gone"];
  const { epoch, top } = known;
  if (decision === "behind") {
    if (epoch !== foundEpoch || top >= Number(foundTop)) return ["top", epoch, top];
  } else if (known.life === life) return ["top", epoch, top];
  else if (known.life !== foundLife || epoch !== foundEpoch || top !== Number(foundTop)) {
    return ["life", epoch, top, known.life];
  }
  const isKept = decision === "keep";
  const next = { ...known, life, epoch: isKept ? epoch : newEpoch };
  keys.changeText(record, formatRecord(next));
  if (!isKept) send(topic, `reset ${next.epoch} ${top}`);
  return ["top", next.epoch, top];
};

export const server: Script = ({ keys }, [key = ""], [format = "", secret = "", history = ""]) => {
  keys.setFields(key, { format, secret, history, ...Object.fromEntries(keys.hash(key) ?? []) });
  return ["format", "secret", "history"].map((name) => keys.hash(key)?.get(name) ?? null);
};

export const watch: Script = ({ keys, now: clock, send }, [heartbeats = ""], args) => {
  const [topic = "", text = "", , heartbeat = "", keptMs, most] = args;
  const now = clock();
  keys.setScore(heartbeats, heartbeat, now);
  const others = keys.sorted(heartbeats);
  for (const [at, [other, time]] of others.entries()) {
    if (time <= now - Number(keptMs) || at < others.length - Number(most)) keys.deleteScore(heartbeats, other);
  }
  keys.expire(heartbeats, Number(keptMs));
  return send(topic, text);
};
