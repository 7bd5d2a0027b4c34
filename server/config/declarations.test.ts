import { describe, expect, test } from "bun:test";
import { fallbackOf } from "../lib/option.ts";
import { parseDotenv } from "./dotenv.ts";
import { envExample } from "./env-example.ts";
import { configSchema } from "./json-schema.ts";
import { loadSettings } from "./load.ts";
import { credentialKeys, declarations, everyName, guardKeys } from "./options.ts";

describe("the declarations", () => {
  test.each(declarations.map((it) => [it.name, it] as const))("%s accepts its own default", (_, { option }) => {
    expect(option.help).toEndWith(".");
    for (const mode of ["open", "secured"] as const) {
      const value = fallbackOf(option, mode);
      if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
      expect(option.parse(option.format(value))).toEqual(value);
    }
  });

  test("use each name only once", () => {
    expect(new Set(everyName).size).toBe(everyName.length);
  });

  test("contain the keys that other code refers to", () => {
    const keys = declarations.map(({ key }) => key);
    for (const key of [...credentialKeys, ...guardKeys]) expect(keys).toContain(key);
  });
});

describe("the example of .env", () => {
  test("sets nothing as it is, and is valid if everything is uncommented", () => {
    const text = envExample();
    expect(parseDotenv(text)).toEqual({ values: new Map(), problems: [] });
    const taken = text.replaceAll(/^# ([A-Z_]+=.*\S.*)$/gm, (line, setting: string) =>
      /=$/.test(setting) ? line : setting,
    );
    const inputs = { env: {}, flags: new Map(), configPath: undefined };
    const plain = loadSettings({ ...inputs, readText: () => undefined }).settings;
    const withExample = loadSettings({ ...inputs, readText: (path) => (path === ".env" ? taken : undefined) });
    expect(parseDotenv(taken).values.size).toBeGreaterThan(30);
    expect(withExample.settings).toEqual(plain);
    expect(withExample.warnings).toEqual([]);
  });
});

describe("the schema of the file", () => {
  test("contains all names and no others", () => {
    const { properties, additionalProperties } = JSON.parse(configSchema());
    expect(Object.keys(properties).toSorted()).toEqual(
      [...everyName.map((it) => it.toLowerCase()), "$schema", "channels", "schedules"].toSorted(),
    );
    expect(additionalProperties).toBe(false);
  });
});
