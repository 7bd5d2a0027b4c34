import { createInterface } from "node:readline";
import { Command, Option } from "commander";
import { limits } from "../../protocol/limits.ts";
import { ConfigError } from "../config/settings.ts";
import { type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { addKeyFlag, keyOf } from "./api-key.ts";
import { type CommandContext, CommandError } from "./context.ts";
import type { FieldNames } from "./field-names.ts";
import { channelOf, checked, durationOf, jsonTextOf, userOf, wholeNumberOf } from "./flag-values.ts";
import { printable, printableJson } from "./printable.ts";
import { publishWithRetry, type Receipt } from "./publish-with-retry.ts";

interface PublishFlags extends AddressFlags {
  readonly channel?: string;
  readonly user?: string;
  readonly event?: string;
  readonly sender?: string;
  /** JSON text, or `-`. */
  readonly data?: string;
  readonly repeat?: number;
  /** Milliseconds. */
  readonly interval?: number;
  readonly id?: string;
  readonly apiKey?: string;
  readonly json?: true;
}

/** `fanfare publish`: publishes messages over HTTP to a channel or a user, and prints where they are stored. */
export function makePublishCommand(context: CommandContext): Command {
  const data = jsonTextOf("--data");
  const command = new Command("publish")
    .description("publish a message, or each line of the standard input as one")
    .argument("[text]", "text of the message; without it and --data, each line of the standard input is a message")
    .addOption(new Option("--channel <name>", "channel to publish to (default: all)").argParser(channelOf("--channel")))
    .addOption(
      new Option("--user <id>", "publish to all connections of this user instead of a channel")
        .argParser(userOf("--user"))
        .conflicts("channel"),
    )
    .addOption(new Option("--event <name>", "event name, such as price").argParser(eventOf))
    .addOption(new Option("--sender <name>", "display name of the sender"))
    .addOption(
      new Option(
        "--data <json>",
        "JSON data; with -, each line of the standard input is the data of a message",
      ).argParser((text) => (text === "-" ? text : data(text))),
    )
    .addOption(
      new Option("--repeat <number>", "publish the message this many times").argParser(
        wholeNumberOf("--repeat", { min: 1, max: 1_000_000 }),
      ),
    )
    .addOption(
      new Option("--interval <time>", "time between two messages, such as 250ms").argParser(durationOf("--interval")),
    )
    .addOption(new Option("--id <id>", "message id; a channel stores the same id only once").argParser(idOf));
  return addKeyFlag(addAddressFlags(command))
    .option("--json", "print the server's responses, one JSON object per line")
    .addHelpText("after", examples)
    .action((text: string | undefined, flags: PublishFlags) => publish(context, text, flags));
}

const examples = `
Examples:
  fanfare publish 'Hello, everyone'
  fanfare publish --user u1 --event price --data '{"price":42}'
  fanfare publish --channel room:1 --repeat 5 --interval 1s 'tick'
  tail -f access.log | fanfare publish --channel log
  jq -c '.[]' orders.json | fanfare publish --channel orders --data -
`;

const eventOf = checked(
  "--event",
  "1 to 100 of the characters A-Z a-z 0-9 _ . : -, not error, open or system",
  (text) => (/^(?!(error|open|system)$)[A-Za-z0-9_.:-]{1,100}$/.test(text) ? text : undefined),
);

const idOf = checked("--id", `1 to ${limits.idLength} characters`, (text) =>
  text.length > 0 && text.length <= limits.idLength ? text : undefined,
);

const names: FieldNames = new Map([
  ["channel", "--channel"],
  ["user_id", "--user"],
  ["message", "text"],
  ["event", "--event"],
  ["sender", "--sender"],
  ["data", "--data"],
  ["id", "--id"],
]);

/** The content of a message: text, data or both. */
interface Content {
  readonly message?: string;
  /** JSON text. */
  readonly data?: string;
}

async function publish(context: CommandContext, text: string | undefined, flags: PublishFlags): Promise<void> {
  const isPiped = flags.data === "-" || (text === undefined && flags.data === undefined);
  rejectContradictions(text, flags, isPiped);
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const key = keyOf(flags.apiKey, examined, "publish");
  const messages = isPiped ? linesOf(context, flags, text) : repeated(text, flags);
  let count = 0;
  for await (const content of messages) {
    if (count++ > 0 && flags.interval !== undefined) await context.sleep(flags.interval);
    const request = { address, path: "/v1/publish", key, names, body: bodyOf(content, flags) };
    const receipt = await publishWithRetry(request, context.sleep).catch((error) => {
      throw isPiped && error instanceof CommandError ? atLine(error, count) : error;
    });
    context.print(flags.json ? printableJson(receipt.value) : describe(receipt));
  }
  if (count === 0)
    throw new CommandError("nothing to publish: pass a text or --data, or write lines to the standard input");
}

function rejectContradictions(text: string | undefined, { repeat = 1, id }: PublishFlags, isPiped: boolean): void {
  const problems: string[] = [];
  if (text === "") problems.push("text: expected at least one character, got an empty text");
  if (isPiped && repeat > 1) problems.push("--repeat: expected a text or --data to repeat, not the standard input");
  if (id !== undefined && (isPiped || repeat > 1))
    problems.push("--id: expected only one message, because a channel stores the same id only once");
  if (problems.length > 0) throw new ConfigError(problems);
}

function* repeated(text: string | undefined, { data, repeat = 1 }: PublishFlags): Generator<Content> {
  const content = { ...(text === undefined ? {} : { message: text }), ...(data === undefined ? {} : { data }) };
  for (let count = 0; count < repeat; count++) yield content;
}

/** Yields each line as soon as it arrives, so that an endless pipe works. Empty lines are skipped. */
async function* linesOf(
  context: CommandContext,
  flags: PublishFlags,
  text: string | undefined,
): AsyncGenerator<Content> {
  const input = context.openInput();
  if (input.isTTY) context.stderr.write("Type messages, one per line. Ctrl+D ends the input.\n");
  let number = 0;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (line.trim() === "") continue;
    if (flags.data === undefined) yield { message: line };
    else
      yield {
        data: jsonTextOf(`standard input, line ${number}`)(line),
        ...(text === undefined ? {} : { message: text }),
      };
  }
}

/** Inserts `data` as text, because parsing it would lose 64-bit numbers. */
function bodyOf({ message, data }: Content, { channel, user, event, sender, id }: PublishFlags): string {
  const target = user === undefined ? { channel: channel ?? "all" } : { user_id: user };
  // The id is chosen here and not by the server, so that a retry is stored only once.
  const fields = JSON.stringify({ ...target, id: id ?? crypto.randomUUID(), message, event, sender });
  return data === undefined ? fields : `${fields.slice(0, -1)},"data":${data}}`;
}

function describe({ channel, id, offset, duplicate, connected }: Receipt): string {
  const place = offset === undefined ? "not stored" : `offset ${offset}`;
  const notes = [
    ...(duplicate ? ["already published"] : []),
    ...(connected === undefined ? [] : [connected ? "user connected" : "user not connected: stored"]),
  ];
  return `${printable(channel)}: ${place}, id ${printable(id)}${notes.length === 0 ? "" : ` (${notes.join(", ")})`}`;
}

function atLine(error: CommandError, line: number): CommandError {
  return new CommandError(`message ${line}: ${error.message}`, { cause: error });
}
