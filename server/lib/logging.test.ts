import { afterEach, describe, expect, test } from "bun:test";
import { getLogger, resetSync } from "@logtape/logtape";
import { configureLogging } from "./logging.ts";

afterEach(() => resetSync());

function logged(level: "DEBUG" | "INFO" | "WARNING" | "ERROR"): string[] {
  const lines: string[] = [];
  configureLogging({ level, format: "{level} {message}", write: (line) => void lines.push(line) });
  const log = getLogger(["fanfare", "test"]);
  log.debug("d {n}", { n: 1 });
  log.info("i");
  log.warning("w");
  log.error("e");
  return lines;
}

describe("the log", () => {
  test.each([
    ["DEBUG", ["DEBUG d 1\n", "INFO i\n", "WARNING w\n", "ERROR e\n"]],
    ["INFO", ["INFO i\n", "WARNING w\n", "ERROR e\n"]],
    ["WARNING", ["WARNING w\n", "ERROR e\n"]],
    ["ERROR", ["ERROR e\n"]],
  ] as const)("contains entries from %s up", (level, lines) => {
    expect(logged(level)).toEqual([...lines]);
  });

  test("can be configured again, and the last call counts", () => {
    logged("ERROR");
    expect(logged("INFO")).toHaveLength(3);
  });

  test("contains no secret of this server", () => {
    let output = "";
    const write = (line: string) => {
      output += line;
    };
    configureLogging({ level: "INFO", format: "{message}", write, secrets: ["0123456789abcdef"] });
    getLogger(["fanfare"]).info("key {key}", { key: "0123456789abcdef" });
    expect(output).toBe("key [secret]\n");
  });

  test("does not capture the log of other code in the same process", () => {
    const lines: string[] = [];
    configureLogging({ level: "DEBUG", format: "{message}", write: (line) => void lines.push(line) });
    getLogger(["other"]).error("not ours");
    expect(lines).toEqual([]);
  });
});
