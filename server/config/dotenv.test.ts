import { describe, expect, test } from "bun:test";
import { parseDotenv } from "./dotenv.ts";

describe("a line of .env", () => {
  test.each([
    ["INTERVAL=5", "5"],
    ["INTERVAL = 5", "5"],
    ["export INTERVAL=5", "5"],
    ["  INTERVAL=5   # seconds", "5"],
    ["INTERVAL=a#b", "a#b"],
    ["INTERVAL=#b", ""],
    ["INTERVAL=a\t#b", "a"],
    ["INTERVAL=a#b #c", "a#b"],
    [`INTERVAL="it's" # "`, "it's"],
    ["INTERVAL='#'", "#"],
    ["INTERVAL=", ""],
    ["INTERVAL='a # b' # c", "a # b"],
    ["INTERVAL='a\\n'", "a\\n"],
    ['INTERVAL="a\\n\\"b\\" \\\\ C:\\d"', 'a\n"b" \\ C:\\d'],
    ["INTERVAL=$HOME", "$HOME"],
    ["INTERVAL=a=b", "a=b"],
    ["INTERVAL='two\nlines'", "two\nlines"],
    ["INTERVAL=1\nINTERVAL=2", "2"],
    ["\uFEFFINTERVAL=5\r\n", "5"],
  ])("%j sets it to %j", (text, value) => {
    expect(parseDotenv(text)).toEqual({ values: new Map([["INTERVAL", value]]), problems: [] });
  });

  test.each([[""], ["# INTERVAL=5"], ["\n \n"]])("%j sets nothing", (text) => {
    expect(parseDotenv(text)).toEqual({ values: new Map(), problems: [] });
  });

  test("that is invalid is reported by its number, without its text, which may be a secret", () => {
    const { values, problems } = parseDotenv("A=1\nhunter2\n\nB='open\nC=3");
    expect(problems).toEqual([
      "line 2: expected NAME=value",
      "line 4: the value of B has no closing quote, or text after it",
    ]);
    expect([...values]).toEqual([
      ["A", "1"],
      ["C", "3"],
    ]);
  });

  test("after a multi-line value has the right number", () => {
    expect(parseDotenv("A='1\n2\n3'\nbad").problems).toEqual(["line 4: expected NAME=value"]);
  });
});
