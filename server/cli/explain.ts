import { Command, Option } from "commander";
import { type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { addKeyFlag, keyOf } from "./api-key.ts";
import { type ApiRequest, refused, sendRequest, unreachable } from "./api-request.ts";
import type { CommandContext } from "./context.ts";
import { fieldsOf } from "./fields.ts";
import { printable, printableJson } from "./printable.ts";
import { type TokenFlags, tokenOf } from "./user-token.ts";

interface Flags extends AddressFlags, TokenFlags {
  readonly apiKey?: string;
  readonly json?: true;
}

const examples = `
Examples:
  fanfare explain alice room:1                            a client without a token
  fanfare explain alice room:1 --token-file alice.jwt     the same with a token
`;

/** `fanfare explain <user> <channel>`: what a user may do in a channel, and the rule that decides about each right. */
export function makeExplainCommand(context: CommandContext): Command {
  const command = new Command("explain")
    .description("say what a user may do in a channel, and which rule decides")
    .argument("<user>", "id of the user")
    .argument("<channel>", "name of the channel")
    .addOption(
      new Option(
        "--token <jwt>",
        "judge a client with this token (flags are visible in the process list: prefer the file)",
      ).conflicts("tokenFile"),
    )
    .addOption(new Option("--token-file <path>", "read the token to judge from a file"))
    .option("--json", "print the server's response as JSON")
    .addHelpText("after", examples);
  return addKeyFlag(addAddressFlags(command)).action((user: string, channel: string, flags: Flags) =>
    explain(context, { user, channel }, flags),
  );
}

async function explain(context: CommandContext, asked: { user: string; channel: string }, flags: Flags): Promise<void> {
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const key = keyOf(flags.apiKey, examined, "read");
  // FANFARE_TOKEN authenticates the person who runs the command; it is not the token to explain.
  const userToken = tokenOf(flags, { env: {}, readText: context.readText });
  const request: ApiRequest = { address, key, userToken, path: `/v1/explain?${new URLSearchParams(asked)}` };
  const response = await sendRequest(request).catch((error: unknown) => {
    throw unreachable(address, error);
  });
  if (response.status >= 300) throw refused(request, response);
  context.print(flags.json ? printableJson(response.value) : reportOf(response.value).join("\n"));
}

/** `publish    no     no client may, whatever its token` and, on the next line, the rule and where it is defined. */
function reportOf(value: unknown): readonly string[] {
  const { user, channel, mode, rights } = fieldsOf(value);
  const lines = [`${textOf(user)} in ${textOf(channel)} (${textOf(mode)} server)`];
  for (const [right, explanation] of Object.entries(fieldsOf(rights))) {
    const { granted, sees, because, rule, place } = fieldsOf(explanation);
    const verdict = sees === "count" ? "count" : granted === true ? "yes" : "no";
    lines.push(`${printable(right).padEnd(11)}${verdict.padEnd(7)}${textOf(because)}`);
    const source = [rule, place].flatMap((it) => (typeof it === "string" ? [printable(it)] : []));
    if (source.length > 0) lines.push(`${" ".repeat(18)}${source.join(": ")}`);
  }
  return lines;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? printable(value) : "-";
}
