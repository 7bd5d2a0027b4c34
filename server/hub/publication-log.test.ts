import { afterEach, expect, test } from "bun:test";
import { TestHub } from "../../tests/fakes/hub.ts";
import { configureLogging } from "../lib/logging.ts";

const lines: string[] = [];
const configure = (level: "DEBUG" | "INFO", format = "{level} {message}") =>
  configureLogging({ level, format, write: (line) => void lines.push(line) });

afterEach(() => lines.splice(0));

test("at DEBUG every publication is logged with its position and size, never with its text", async () => {
  configure("DEBUG");
  const it = await TestHub.start();
  await it.publish("room", "private", { id: "a" });
  await it.publish("room", "private", { id: "a" });
  await it.hub.publish({ channel: "room" as never, data: "1", id: "b", ephemeral: true });
  expect(lines.filter((line) => line.includes("Published"))).toEqual([
    "DEBUG Published to room: id a, offset 1, 7 bytes\n",
    "DEBUG Published to room: id a, offset 1, 7 bytes, a duplicate\n",
    "DEBUG Published to room: id b, ephemeral, 1 bytes\n",
  ]);
  await it.close();
});

test("as JSON the values are numbers and booleans, not parts of the sentence", async () => {
  configure("DEBUG", "json");
  const it = await TestHub.start();
  await it.publish("room", "private", { id: "a" });
  await it.publish("room", "private", { id: "a" });
  await it.hub.publish({ channel: "room" as never, data: "1", id: "b", ephemeral: true });
  const published = lines.map((line) => JSON.parse(line)).filter(({ message }) => message.startsWith("Published"));
  expect(published.map(({ values }) => values)).toEqual([
    { channel: "room", id: "a", offset: 1, bytes: 7, duplicate: false },
    { channel: "room", id: "a", offset: 1, bytes: 7, duplicate: true },
    { channel: "room", id: "b", bytes: 1, duplicate: false },
  ]);
  await it.close();
});

test("at INFO no publication is logged", async () => {
  configure("INFO");
  const it = await TestHub.start();
  await it.publish("room");
  expect(lines).toEqual([]);
  await it.close();
});

test("a duplicate is not counted as published", async () => {
  const it = await TestHub.start();
  await it.publish("room", "m", { id: "a" });
  await it.publish("room", "m", { id: "a" });
  expect(it.hub.published).toBe(1);
  await it.close();
});
