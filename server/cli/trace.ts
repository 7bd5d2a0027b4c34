import { Command, Option } from "commander";
import { type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { addKeyFlag, keyOf } from "./api-key.ts";
import { refused, sendRequest, unreachable } from "./api-request.ts";
import { type CommandContext, CommandError } from "./context.ts";
import type { FieldNames } from "./field-names.ts";
import { fieldsOf } from "./fields.ts";
import { channelOf, userOf, wholeNumberOf } from "./flag-values.ts";
import { makePaint } from "./paint.ts";
import { printableJson } from "./printable.ts";
import { traceReport } from "./trace-report.ts";

interface TraceFlags extends AddressFlags {
  readonly apiKey?: string;
  readonly user?: string;
  readonly connection?: string;
  readonly channel?: string;
  readonly id?: string;
  readonly offset?: number;
  readonly json?: true;
}

/** `fanfare trace`: explains whether a publication reached each connection of a user, and why not. */
export function makeTraceCommand(context: CommandContext): Command {
  const parseOffset = wholeNumberOf("--offset", { min: 1, max: 999_999_999_999_999 });
  const command = new Command("trace")
    .description("explain why a message did not arrive, for each connection of a user")
    .addOption(new Option("--user <id>", "the user").argParser(userOf("--user")))
    .option("--connection <id>", "only this connection; needed for a client without a user")
    .addOption(new Option("--channel <name>", "the channel; default: the user's own").argParser(channelOf("--channel")))
    .option("--id <id>", "id of the message; default: the latest one of the channel")
    .addOption(new Option("--offset <number>", "its offset, instead of --id").argParser(parseOffset).conflicts("id"));
  return addKeyFlag(addAddressFlags(command))
    .option("--json", "print the server's response as JSON")
    .addHelpText("after", examples)
    .action((flags: TraceFlags) => trace(context, flags));
}

const examples = `
All workers and machines are asked. A secured server requires a key with the scope read.

Examples:
  fanfare trace --user u1 --channel room:1 --id m7
  fanfare trace --user u1                             the latest message to the user u1
  fanfare trace --connection c_8fK2nQ --channel all
`;

async function trace(context: CommandContext, flags: TraceFlags): Promise<void> {
  const { user, connection, channel, id, offset } = flags;
  if (user === undefined && connection === undefined) {
    throw new CommandError("expected --user, or --connection for a client without a user");
  }
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const key = keyOf(flags.apiKey, examined, "read");
  const query = new URLSearchParams();
  const wanted = { user, connection, channel, id, offset: offset?.toString() };
  for (const [name, value] of Object.entries(wanted)) if (value !== undefined) query.set(name, value);
  const names: FieldNames = new Map(Object.keys(wanted).map((name) => [name, `--${name}`]));
  const request = { address, key, names, path: `/v1/trace?${query}` };
  const response = await sendRequest(request).catch((error: unknown) => {
    throw unreachable(address, error);
  });
  if (response.status !== 200) throw refused(request, response);
  if (flags.json) context.print(printableJson(response.value));
  else context.print(traceReport(fieldsOf(response.value), makePaint(context)).join("\n"));
}
