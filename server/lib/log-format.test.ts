import { describe, expect, test } from "bun:test";
import type { LogRecord } from "@logtape/logtape";
import { logFormatPattern, makeLogFormat } from "./log-format.ts";

const at = new Date(2026, 0, 2, 3, 4, 5, 67);

function record(message: readonly unknown[], more: Partial<LogRecord> = {}): LogRecord {
  const base = { category: ["fanfare", "hub"], level: "info", timestamp: at.getTime(), properties: {} } as const;
  return { ...base, message, rawMessage: "", ...more };
}

describe("a log line", () => {
  test("consists of time, level and message by default", () => {
    const format = makeLogFormat("{time:YYYY-MM-DD HH:mm:ss} | {level} | {message}");
    expect(format(record(["Client connected: ", "127.0.0.1:5", ""]))).toBe(
      "2026-01-02 03:04:05 | INFO | Client connected: 127.0.0.1:5",
    );
  });

  test.each([
    ["{level} | {message}", "INFO | worker 2: m"],
    ["{worker:>9}: {message}", " worker 2: m"],
  ])("says which worker it is from, once: %s", (template, line) => {
    expect(makeLogFormat(template, { worker: "worker 2" })(record(["m"]))).toBe(line);
  });

  test("in JSON has the worker as a field", () => {
    const format = makeLogFormat("json", { worker: "worker 2" });
    expect(JSON.parse(format(record(["m"])))).toMatchObject({ name: "fanfare.hub", worker: "worker 2", message: "m" });
    expect(JSON.parse(makeLogFormat("json")(record(["m"])))).not.toHaveProperty("worker");
  });

  test.each([
    ["{time}", at.toISOString()],
    ["{time:HH:mm:ss.SSS}", "03:04:05.067"],
    ["{level: <8}|", "INFO    |"],
    ["{level:>8}|", "    INFO|"],
    ["{name}", "fanfare.hub"],
    ["{pid}", String(process.pid)],
    ["{worker}", ""],
  ])("replaces the placeholder %s", (template, shown) => {
    expect(makeLogFormat(`${template} {message}`)(record(["m"]))).toBe(`${shown} m`);
  });

  test.each([
    ["warning", "WARNING"],
    ["error", "ERROR"],
    ["debug", "DEBUG"],
    ["trace", "DEBUG"],
    ["fatal", "ERROR"],
  ] as const)("writes the level %s as %s", (level, shown) => {
    expect(makeLogFormat("{level} {message}")(record([""], { level }))).toBe(`${shown} `);
  });

  test("has a coloured level in a terminal, and nowhere else", () => {
    const line = makeLogFormat("{level} {message}", { hasColors: true })(record(["m"], { level: "error" }));
    expect(line).toBe("\u001b[31mERROR\u001b[0m m");
    expect(makeLogFormat("json", { hasColors: true })(record(["m"]))).not.toContain("\u001b");
  });

  test("escapes what would fake a line or move a terminal's cursor", () => {
    const line = makeLogFormat("{message}")(record(["from ", "a\nb\r\u001b[2J\u202ec\u0000", ""]));
    expect(line).toBe("from a\\nb\\r\\u001b[2J\\u202ec\\u0000");
  });

  test("is followed by the stack of an error, and by no line that its message made up", () => {
    const error = new Error("bad\n    at forged (x.ts:1:1)", { cause: new Error("deep") });
    const [first, ...steps] = makeLogFormat("{message}")(record(["Failed: ", error, ""])).split("\n");
    expect(first).toBe("Failed: Error: bad\\n    at forged (x.ts:1:1)");
    expect(steps.some((step) => step.startsWith("    at ") && step.includes("log-format.test.ts"))).toBe(true);
    expect(steps).toContain("    caused by Error: deep");
  });

  test("contains no secret", () => {
    const format = makeLogFormat("{message}", { secrets: ["0123456789abcdef"] });
    expect(format(record(["key 0123456789abcdef, Bearer abcdefghij"]))).toBe("key [secret], Bearer [secret]");
  });
});

describe("a log line as JSON", () => {
  test("is one object with the fields of the record", () => {
    const line = makeLogFormat("json")(record(["Sent ", 5, ""], { properties: { count: 5, big: 7n } }));
    expect(JSON.parse(line)).toEqual({
      time: at.toISOString(),
      level: "INFO",
      name: "fanfare.hub",
      message: "Sent 5",
      values: { count: 5, big: "7" },
    });
  });

  test("stays valid JSON, and hides secrets by their form and by their field names", () => {
    const properties = { token: 'a"b', url: 'x?token=abc"def', error: new Error("Bearer abcdefghij") };
    const line = makeLogFormat("JSON")(record(["m"], { properties }));
    expect(line).not.toContain("\n");
    expect(JSON.parse(line).values).toMatchObject({ token: "[secret]", url: 'x?token=[secret]"def' });
    expect(JSON.parse(line).values.error).toStartWith("Error: Bearer [secret]\n    at ");
  });
});

describe("a log format", () => {
  test.each([["json"], ["{message}"], ["{time:YYYY} {level: <8} {name} {pid} {message}"]])("may be %s", (format) => {
    expect(logFormatPattern.test(format)).toBe(true);
  });

  test.each([[""], ["jsn"], ["{time}"], ["{message} {levle}"], ["{message"], ["{message} {"]])(
    "may not be %p",
    (format) => {
      expect(logFormatPattern.test(format)).toBe(false);
    },
  );
});
