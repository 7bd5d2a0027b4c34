import { afterEach, beforeEach, expect, test } from "bun:test";
import { configure, type LogLevel, type LogRecord, reset } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { Recorder } from "./recorder.ts";
import type { Refusal } from "./records.ts";

const logged: LogRecord[] = [];
const logAt = (lowestLevel: LogLevel) =>
  configure({
    reset: true,
    sinks: { kept: (record) => void logged.push(record) },
    loggers: [
      { category: ["fanfare", "refusals"], sinks: ["kept"], lowestLevel },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
    ],
  });
beforeEach(() => void logged.splice(0));
afterEach(() => reset());

const refusal: Refusal = {
  what: "command",
  action: "subscribe",
  code: "forbidden",
  reason: "not allowed",
  remote: "203.0.113.7:5",
  connection: "c_1",
  user: "u1",
  channel: "room:1" as ChannelName,
};

test("a refusal is logged at INFO with its reason and address, without the user and the channel", async () => {
  await logAt("info");
  new Recorder(new MovedClock()).refused(refusal);
  expect(logged.map(({ level, properties }) => [level, properties])).toEqual([
    ["info", { action: "subscribe", remote: "203.0.113.7:5", code: "forbidden", reason: "not allowed", leftOut: 0 }],
  ]);
});

test("at DEBUG it is logged with the connection, the user and the channel, however many there are", async () => {
  await logAt("debug");
  const recorder = new Recorder(new MovedClock());
  for (let n = 0; n < 150; n++) recorder.refused(refusal);
  const levels = Map.groupBy(logged, ({ level }) => level);
  expect([levels.get("debug")?.length, levels.get("info")?.length]).toEqual([150, 100]);
  expect(logged[0]?.properties).toMatchObject({ connection: "c_1", user: "u1", channel: "room:1" });
});

test('at DEBUG, what is not known is left out: nobody is called "none"', async () => {
  await logAt("debug");
  const { connection, user, channel, ...bare } = refusal;
  const recorder = new Recorder(new MovedClock());
  recorder.refused(bare);
  recorder.refused({ ...bare, user });
  const lines = logged.filter(({ level }) => level === "debug").map(({ message }) => message.join(""));
  expect(lines).toEqual([
    "Refused subscribe from 203.0.113.7:5: forbidden: not allowed",
    "Refused subscribe from 203.0.113.7:5: forbidden: not allowed (user u1)",
  ]);
  expect(Object.keys(logged[0]?.properties ?? {})).toEqual(["action", "remote", "code", "reason"]);
});

test("the line after a flood says how many were left out", async () => {
  await logAt("info");
  const clock = new MovedClock();
  const recorder = new Recorder(clock);
  for (let n = 0; n < 130; n++) recorder.refused(refusal);
  clock.move(100);
  recorder.refused(refusal);
  expect(logged).toHaveLength(101);
  expect(logged.at(-1)?.message.join("")).toContain("(30 more were not logged)");
});

test("unknown paths are not logged at INFO, but counted", async () => {
  await logAt("info");
  const recorder = new Recorder(new MovedClock());
  recorder.refused({ ...refusal, code: "not-found" });
  recorder.refused(refusal);
  expect(logged).toHaveLength(1);
  expect([...recorder.journal.refusals]).toEqual([
    ["not-found", 1],
    ["forbidden", 1],
  ]);
});

test("an error that was recorded is known, so that nobody else records it", () => {
  const recorder = new Recorder(new MovedClock());
  const error = new ServiceError("forbidden", "no");
  expect(recorder.isRecorded(error)).toBe(false);
  recorder.refused(refusal, error);
  expect(recorder.isRecorded(error)).toBe(true);
});
