import { describe, expect, test } from "bun:test";
import { examineSettings } from "./load.ts";
import { parseSchedules } from "./schedules.ts";

const checks = { maxMessageBytes: 1000, maxSchedules: 3 };
const publish = { channel: "all", message: "Hello" };

function examine(file: string, name = "fanfare.config.yaml") {
  const readText = (path: string) => (path === name ? file : undefined);
  return examineSettings({ env: {}, flags: new Map(), configPath: undefined, readText });
}

describe("schedules in the settings file", () => {
  test("have the fields of the HTTP API", () => {
    const { settings, problems } = examine(`
schedules:
  - id: daily
    publish: { channel: reports, message: The report is ready }
    cron: 0 9 * * MON-FRI
    tz: Europe/London
  - id: tick
    publish: { channel: all, data: { n: 1 } }
    every_s: 60
    paused: true
`);
    expect(problems).toEqual([]);
    expect(settings.schedules).toMatchObject([
      { id: "daily", definition: { timing: { kind: "cron", expression: "0 9 * * MON-FRI", tz: "Europe/London" } } },
      { id: "tick", isPaused: true, definition: { timing: { kind: "every", everyMs: 60_000 } } },
    ]);
    expect(settings.schedules[1]?.definition.publish).toBe('{"channel":"all","data":{"n":1}}');
  });

  test("may be written in TOML, with its dates", () => {
    const toml =
      '[[schedules]]\nid = "once"\nat = 2030-01-01T09:00:00Z\npublish = { channel = "all", message = "Hi" }\n';
    const { settings, problems } = examine(toml, "fanfare.config.toml");
    expect(problems).toEqual([]);
    expect(settings.schedules[0]?.definition.timing).toEqual({ kind: "at", at: Date.UTC(2030, 0, 1, 9) });
  });

  test("with a problem are named by their place and field, and the file", () => {
    const { problems } = examine(
      "schedules:\n  - id: a\n    publish: { channel: all, message: Hi }\n    every_s: 0.5\n",
    );
    expect(problems).toEqual([
      "schedules[0].every_s: expected a number of seconds from 1 to 31536000, got 0.5 (in fanfare.config.yaml)",
    ]);
  });

  test.each([
    ["yaml", "schedules: [{ id: a, every_s: 60, publish: { channel: all, data: { ids: [1, N] } } }]"],
    ["json", '{"schedules":[{"id":"a","every_s":60,"publish":{"channel":"all","data":{"ids":[1,N]}}}]}'],
  ])("with a number in %s that the parser rounds are refused, and one that is exact is kept", (ending, file) => {
    const withNumber = (number: string) => examine(file.replace("N", number), `fanfare.config.${ending}`);
    for (const number of ["9007199254740991", "-9007199254740991", "0.1"]) {
      const { settings, problems } = withNumber(number);
      expect(problems).toEqual([]);
      expect(settings.schedules[0]?.definition.publish).toBe(`{"channel":"all","data":{"ids":[1,${number}]}}`);
    }
    for (const number of ["9007199254740992", "9007199254740993", "-9007199254740992", "18446744073709551615"]) {
      expect(withNumber(number).problems).toEqual([
        expect.stringMatching(/^schedules\[0\]\.publish\.data\.ids\[1\]: expected a number from -9007199254740991 to/),
      ]);
    }
  });

  test("with a large number in TOML are refused by its parser, with the place", () => {
    const toml = '[[schedules]]\nid = "a"\nevery_s = 60\npublish = { channel = "all", data = 9007199254740993 }\n';
    expect(examine(toml, "fanfare.config.toml").problems).toEqual([expect.stringMatching(/losslessly at line 4/)]);
  });

  test.each([
    ["a number that JSON does not have", "data: .inf", /^schedules\[0\]\.publish\.data: expected a number from/],
    [
      "an anchor that contains itself",
      "data: &x { n: *x }",
      /^schedules\[0\]: expected a schedule that can be written as/,
    ],
  ])("with %s are refused", (_, data, expected) => {
    const { problems } = examine(`schedules: [{ id: a, every_s: 60, publish: { channel: all, ${data} } }]`);
    expect(problems).toEqual([expect.stringMatching(expected)]);
  });

  test.each<[string, unknown, RegExp]>([
    ["something else than a list", { id: "a" }, /^schedules: expected a list/],
    ["an entry that is not a schedule", ["daily"], /^schedules\[0\]: expected a schedule such as/],
    ["no id", [{ publish, every_s: 1 }], /^schedules\[0\]\.id: expected an id/],
    ["an id of the server's own", [{ id: "$a", publish, every_s: 1 }], /^schedules\[0\]\.id: expected 1 to 64/],
    ["an unknown field", [{ id: "a", publish, evry_s: 1 }], /^schedules\[0\]: unknown field "evry_s"/],
    ["a message that is too large", [tooLarge()], /^schedules\[0\]\.publish: message, data and headers: expected/],
    ["a day that never comes", [{ id: "a", publish, cron: "0 0 30 2 *" }], /^schedules\[0\]\.cron: expected/],
    ["the same id twice", [1, 2].map((every_s) => ({ id: "a", publish, every_s })), /^schedules\[1\]\.id: "a" is used/],
    [
      "too many",
      [1, 2, 3, 4].map((n) => ({ id: `s${n}`, publish, every_s: 1 })),
      /^schedules: expected at most MAX_SCH/,
    ],
  ])("with %s are a problem", (_, value, expected) => {
    const { problems } = parseSchedules(value, checks);
    expect(problems).toEqual([expect.stringMatching(expected)]);
  });

  test("may be absent", () => {
    for (const value of [undefined, null, []]) {
      expect(parseSchedules(value, checks)).toEqual({ schedules: [], problems: [] });
    }
  });
});

function tooLarge() {
  return { id: "a", publish: { channel: "all", message: "x".repeat(1001) }, every_s: 1 };
}
