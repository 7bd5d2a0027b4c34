import { describe, expect, test } from "bun:test";
import { commandNames, defaultCommand } from "./command-names.ts";
import { loadCommands } from "./commands.ts";
import type { CommandContext } from "./context.ts";

async function namesFor(...args: readonly string[]): Promise<readonly string[]> {
  return (await loadCommands(args)).map((make) => make({} as CommandContext).name());
}

describe("the commands that are loaded", () => {
  test.each([[[]], [["start"]], [["--port", "9000"]], [["start", "--config", "production.yaml"]]])(
    "for a server are one: %p",
    async (args) => {
      expect(await namesFor(...args)).toEqual([defaultCommand]);
    },
  );

  test.each([
    [["publish", "hello"]],
    [["--help"]],
    [["--port", "9000", "-h"]],
    [["start", "--help"]],
    [["--version"]],
    [["strat"]],
  ])("for anything else are all, in the order of the help: %p", async (args) => {
    expect(await namesFor(...args)).toEqual([...commandNames]);
  });
});
