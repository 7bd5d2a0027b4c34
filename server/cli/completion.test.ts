import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { runFakeCli } from "./fake-cli.ts";

const root = join(import.meta.dir, "..", "..");

describe("completion in bash", () => {
  let script = "";
  beforeAll(async () => {
    script = (await runFakeCli(["completion", "bash"])).out;
  });

  /** The completions that bash offers for the last of these words. */
  function complete(...words: readonly string[]): string[] {
    const quoted = ["fanfare", ...words].map((word) => `'${word}'`).join(" ");
    const ask = `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _fanfare; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = Bun.spawnSync(["bash", "--norc", "-c", `${script}\n${ask}`], { cwd: root });
    expect(stderr.toString()).toBe("");
    return stdout.toString().trim().split("\n");
  }

  test.each([
    [["sta"], ["start", "status"]],
    [["--hist"], ["--history-rate", "--history-size", "--history-ttl", "--history-bytes", "--history-bytes-total"]],
    [
      ["start", "--api"],
      ["--api-key", "--api-key-file"],
    ],
    [["start", "--port", "9000", "--ws-pa"], ["--ws-path"]],
    [
      ["start", "--chat", "o"],
      ["on", "off"],
    ],
    [
      ["start", "--drain-mode", ""],
      ["wait", "move"],
    ],
    [
      ["token", ""],
      ["create", "check", "--help"],
    ],
    [["token", "create", "u1", "--sub"], ["--subscribe"]],
    [["completion", "z"], ["zsh"]],
    [
      ["config", "docs", "e"],
      ["env", "errors"],
    ],
    [["start", "--config", "bin/find-b"], ["bin/find-bun.js"]],
  ])("completes %j to %j", (words, offered) => {
    expect(complete(...words)).toEqual(offered);
  });
});

test("fish completes commands, flags and values, with descriptions", async () => {
  const { out } = await runFakeCli(["completion", "fish"]);
  expect(out).toContain("complete -c fanfare -f -n __fish_use_subcommand -a start -d ");
  expect(out).toContain("-n '__fish_seen_subcommand_from start' -l chat -x -a 'on off' -d 'Whether any client may");
  expect(out).toContain(
    "-n '__fish_seen_subcommand_from token; and __fish_seen_subcommand_from create' -l subscribe -x",
  );
});

test("zsh runs the bash script through bashcompinit", async () => {
  const { out } = await runFakeCli(["completion", "zsh"]);
  expect(out).toStartWith("autoload -Uz compinit bashcompinit");
  expect(out).toContain("complete -F _fanfare fanfare");
});
