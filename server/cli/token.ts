import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { ServiceError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import type { Identity } from "../auth/identity.ts";
import { makeToken, makeTokenVerifier } from "../auth/token.ts";
import type { KeySettings } from "../auth/token-keys.ts";
import { ConfigError } from "../config/settings.ts";
import { parseDuration } from "../lib/duration.ts";
import { printable, printableJson } from "./printable.ts";
import { uptimeText } from "./status-table.ts";

/** Dependencies of the command. Each has a default. */
export interface TokenDependencies {
  /** The `JWT_*` settings from environment, `.env` and file. Each flag wins over its setting. */
  readonly configured: () => KeySettings;
  /** Writes one line to the standard output. */
  readonly print: (line: string) => void;
  readonly readStandardInput: () => Promise<string>;
}

/**
 * `fanfare token create <user>` prints a new token and nothing else. `fanfare token check` verifies a token as a server with
 * these settings would. Both fail with one line and exit code 1, or 2 for wrong settings.
 */
export function makeTokenCommand(dependencies: Partial<TokenDependencies> = {}): Command {
  const all: TokenDependencies = { ...defaultDependencies, ...dependencies };
  return new Command("token")
    .description("create and verify the tokens (JWT) that users connect with")
    .addCommand(makeCreateCommand(all))
    .addCommand(makeCheckCommand(all));
}

/** Describes a verified token in lines for people. */
export function describeIdentity(identity: Identity): readonly string[] {
  const { userId = "", grants, expiresAtMs, info } = identity;
  const { subscribe, publish, presence } = grants.patterns;
  return [
    `user:      ${printable(userId)}`,
    `subscribe: ${subscribe.join(" ") || "as the channel rules allow"}`,
    `publish:   ${publish.join(" ") || "as the channel rules allow"}`,
    ...(presence === undefined ? [] : [`presence:  ${presence.join(" ") || "as the channel rules allow"}`]),
    ...(info === undefined ? [] : [`info:      ${printableJson(JSON.parse(info))}`]),
    `expires:   ${expiresAtMs === undefined ? "never" : expiryText(expiresAtMs)}`,
  ];
}

/** `2026-11-29 02:18:20 UTC (in 12h)` */
function expiryText(atMs: number): string {
  const leftS = Math.round((atMs - Date.now()) / 1000);
  const text = `${new Date(atMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  return leftS > 0 ? `${text} (in ${uptimeText(leftS)})` : text;
}

const defaultDependencies: TokenDependencies = {
  configured: () => ({ secret: undefined, publicKey: undefined, jwksUrl: undefined }),
  print: (line) => console.log(line),
  readStandardInput: () => Bun.stdin.text(),
};

interface CreateFlags extends SecretFlags {
  readonly subscribe: readonly string[];
  readonly publish: readonly string[];
  readonly presence?: readonly string[];
  /** In seconds. */
  readonly expires: number | "never";
  /** JSON; undefined for none. */
  readonly info?: { readonly value: unknown };
}

function makeCreateCommand({ configured, print }: TokenDependencies): Command {
  const collect = (pattern: string, before: readonly string[]) => [...before, pattern];
  const command = new Command("create")
    .description("create a token for a user, signed with JWT_SECRET")
    .argument("<user>", "id of the user (claim `sub`)")
    .option(
      "--subscribe <pattern>",
      "channel or pattern the user may subscribe to, such as room:1 or 'room:*'; can be repeated",
      collect,
      [],
    )
    .option("--publish <pattern>", "channel or pattern the user may publish to; can be repeated", collect, [])
    .option(
      "--presence <pattern>",
      "channel or pattern whose users the user may see; can be repeated (default: the patterns of --subscribe)",
      (pattern: string, before: readonly string[] = []) => [...before, pattern],
    )
    .addOption(
      new Option("--info <json>", `what others see of the user in a channel, such as '{"name":"Alice"}'`).argParser(
        parseInfo,
      ),
    )
    .addOption(
      new Option("--expires <duration>", "lifetime of the token, such as 15m, 12h or 30d, or never")
        .default(defaultLifetimeS, "12h")
        .argParser(parseLifetime),
    );
  addSecretFlags(command).action((user: string, flags: CreateFlags) =>
    orFail(command, async () => {
      const secret = secretOf(flags) ?? configured().secret;
      if (secret === undefined) throw new Error("no secret to sign with: set JWT_SECRET, or pass --jwt-secret-file");
      const { subscribe, publish, presence, expires, info } = flags;
      const expiresInS = expires === "never" ? undefined : expires;
      print(await makeToken({ secret, sub: user, subscribe, publish, presence, expiresInS, info: info?.value }));
    }),
  );
  return command;
}

interface CheckFlags extends SecretFlags {
  readonly jwtPublicKey?: string;
  readonly jwtPublicKeyFile?: string;
  readonly jwksUrl?: string;
}

function makeCheckCommand({ configured, print, readStandardInput }: TokenDependencies): Command {
  const command = new Command("check")
    .description("verify a token, and print its user, grants and expiry")
    .argument(
      "[token]",
      "the token; if omitted it is read from the standard input, which the process list does not show",
    );
  addSecretFlags(command)
    .addOption(
      new Option("--jwt-public-key <pem>", "the public key to verify with, instead of JWT_PUBLIC_KEY").conflicts(
        "jwtPublicKeyFile",
      ),
    )
    .addOption(new Option("--jwt-public-key-file <path>", "read the public key from a file"))
    .addOption(new Option("--jwks-url <url>", "the key set to verify with, instead of JWKS_URL"))
    .action((given: string | undefined, flags: CheckFlags) =>
      orFail(command, async () => {
        const verifier = makeTokenVerifier(keysOf(flags, configured()));
        if (verifier === undefined) {
          throw new Error("no key to verify with: set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL, or pass their flags");
        }
        const token = (given ?? (await readStandardInput())).trim();
        for (const line of describeIdentity(await verifier.verify(token))) print(line);
      }),
    );
  return command;
}

interface SecretFlags {
  readonly jwtSecret?: string;
  readonly jwtSecretFile?: string;
}

function addSecretFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--jwt-secret <text>",
        "the shared secret, instead of JWT_SECRET (flags are visible in the process list: prefer the file)",
      ).conflicts("jwtSecretFile"),
    )
    .addOption(new Option("--jwt-secret-file <path>", "read the secret from a file"));
}

function keysOf(flags: CheckFlags, configured: KeySettings): KeySettings {
  return {
    secret: secretOf(flags) ?? configured.secret,
    publicKey: fromFile(flags.jwtPublicKeyFile) ?? flags.jwtPublicKey ?? configured.publicKey,
    jwksUrl: flags.jwksUrl ?? configured.jwksUrl,
  };
}

function secretOf(flags: SecretFlags): string | undefined {
  // Trimmed like the server's own settings, so that both use the same secret.
  return fromFile(flags.jwtSecretFile) ?? flags.jwtSecret?.trim();
}

/** Trimmed, because editors and `openssl` end a file with a line break. */
function fromFile(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFileSync(path, "utf8").trim();
}

/** The default lifetime, in seconds: half a day, so that a leaked token is useless tomorrow. */
const defaultLifetimeS = 12 * 60 * 60;

/** In seconds. */
function parseLifetime(text: string): number | "never" {
  if (text === "never") return "never";
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError("expected a duration such as 90s, 15m, 12h or 30d, or never");
  return ms / 1000;
}

function parseInfo(text: string): { readonly value: unknown } {
  const rule = `at most ${limits.infoBytes} bytes of JSON, such as '{"name":"Alice"}'`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidArgumentError(`expected ${rule}`);
  }
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes > limits.infoBytes) throw new InvalidArgumentError(`expected ${rule}, got ${bytes} bytes`);
  return { value };
}

/** Reports any error as one line without a stack: here it is always a wrong setting, file or token. */
async function orFail(command: Command, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof ConfigError) throw error;
    command.error(`error: ${error.message}`, {
      exitCode: 1,
      code: error instanceof ServiceError ? error.code : "token",
    });
  }
}
