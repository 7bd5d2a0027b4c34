import { describe, expect, test } from "bun:test";
import type { Command } from "commander";
import { makeTokenVerifier } from "../auth/token.ts";
import type { KeySettings } from "../auth/token-keys.ts";
import { makeTokenCommand } from "./token.ts";

const secret = "a secret of more than 32 bytes, for tests";
const configured: KeySettings = { secret, publicKey: undefined, jwksUrl: undefined };

/** Runs `fanfare token …` and returns the printed lines. Throws an error with the printed error message. */
async function run(
  args: readonly string[],
  input = "",
  settings: KeySettings = configured,
): Promise<readonly string[]> {
  const lines: string[] = [];
  const command = makeTokenCommand({
    configured: () => settings,
    print: (line) => lines.push(line),
    readStandardInput: async () => input,
  });
  for (const it of [command, ...command.commands]) quiet(it);
  await command.parseAsync(args, { from: "user" });
  return lines;
}

function quiet(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
}

describe("fanfare token create", () => {
  test("prints only a token, and the server accepts it", async () => {
    const [token = "", ...more] = await run([
      ...["create", "u1", "--subscribe", "room:*", "--subscribe", "hall", "--publish", "all", "--expires", "1h"],
    ]);
    expect(more).toEqual([]);
    const identity = await makeTokenVerifier(configured)?.verify(token);
    expect(identity?.userId).toBe("u1");
    expect(identity?.grants.patterns).toEqual({ subscribe: ["room:*", "hall"], publish: ["all"] });
    expect(identity?.expiresAtMs).toBeNumber();
  });

  test("makes a token that expires after twelve hours by default", async () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    const [token = ""] = await run(["create", "u1"]);
    const { expiresAtMs = 0 } = (await makeTokenVerifier(configured)?.verify(token)) ?? {};
    expect(expiresAtMs - before).toBeWithin(12 * 3600_000, 12 * 3600_000 + 60_000);
    expect((await run(["check", token])).at(-1)).toMatch(
      /^expires: {3}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(in 1[12]h \d+m\)$/,
    );
  });

  test("puts what others see of the user into the token", async () => {
    const [token = ""] = await run(["create", "u1", "--info", '{ "name": "Alice" }']);
    expect(await makeTokenVerifier(configured)?.verify(token)).toMatchObject({ info: '{"name":"Alice"}' });
    expect(await run(["check", token])).toContain('info:      {"name":"Alice"}');
  });

  test("prints a token that somebody else has made without what would change the terminal", async () => {
    const [token = ""] = await run(["create", "u\u202e1", "--info", '{"name":"\u202e\u009b2J"}']);
    const lines = await run(["check", token]);
    expect(lines).toContain("user:      u\\u202e1");
    expect(lines).toContain('info:      {"name":"\\u202e\\u009b2J"}');
  });

  test("prefers the secret of a flag to the configured one", async () => {
    const other = "another secret of more than 32 bytes";
    const [token = ""] = await run(["create", "u1", "--jwt-secret", other]);
    expect(await makeTokenVerifier({ ...configured, secret: other })?.verify(token)).toMatchObject({ userId: "u1" });
  });

  test.each([
    ["there is no secret", ["create", "u1"], undefined, "no secret to sign with"],
    ["the secret is short", ["create", "u1"], "short", "JWT_SECRET: expected at least 32 bytes"],
    ["the file is not there", ["create", "u1", "--jwt-secret-file", "/nowhere/secret"], secret, "no such file"],
    [
      "flag and file disagree",
      ["create", "u1", "--jwt-secret", secret, "--jwt-secret-file", "x"],
      secret,
      "cannot be used",
    ],
    ["no user is named", ["create"], secret, "missing required argument 'user'"],
    ["a pattern is wrong", ["create", "u1", "--publish", "@u2"], secret, "publish: expected"],
    ["the info is not JSON", ["create", "u1", "--info", "Alice"], secret, "expected at most 1024 bytes of JSON"],
    ["the info is too large", ["create", "u1", "--info", `"${"x".repeat(1023)}"`], secret, "got 1025 bytes"],
    ["a duration is wrong", ["create", "u1", "--expires", "soon"], secret, "expected a duration such as"],
    ["a duration is nothing", ["create", "u1", "--expires", "0"], secret, "expires: expected more than 0"],
  ])("fails with one line if %s", async (_why, args, configuredSecret, complaint) => {
    await expect(run(args, "", { ...configured, secret: configuredSecret })).rejects.toThrow(complaint);
  });
});

describe("fanfare token check", () => {
  test("prints user, grants and expiry of a token, from the argument or the standard input", async () => {
    const [token = ""] = await run(["create", "u1", "--subscribe", "room:*", "--expires", "never"]);
    const expected = [
      "user:      u1",
      "subscribe: room:*",
      "publish:   as the channel rules allow",
      "expires:   never",
    ];
    expect(await run(["check", token])).toEqual(expected);
    expect(await run(["check"], `${token}\n`)).toEqual(expected);
  });

  test("fails with the reason for a token that the server would refuse", async () => {
    const [token = ""] = await run(["create", "u1", "--jwt-secret", "another secret of more than 32 bytes"]);
    await expect(run(["check", token])).rejects.toThrow("the token's signature is wrong");
  });

  test("fails if there is no key to verify with", async () => {
    await expect(run(["check", "x"], "", { ...configured, secret: undefined })).rejects.toThrow(
      "no key to verify with",
    );
  });
});
