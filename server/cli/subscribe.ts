import { Command, Option } from "commander";
import { type Client, ClientError, createClient, type Message } from "../../client/index.ts";
import { type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { untilConnected, untilEnded } from "./client-connection.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { channelsOf, userOf, wholeNumberOf } from "./flag-values.ts";
import { describeGap, messageLine } from "./message-line.ts";
import { makePaint } from "./paint.ts";
import { printable, printableJson } from "./printable.ts";
import { cursorOf, parseSinceFlag, type SinceFlag, startPositionOf } from "./since.ts";
import { addTokenFlags, type TokenFlags, tokenOf } from "./user-token.ts";

interface SubscribeFlags extends AddressFlags, TokenFlags {
  readonly user?: string;
  readonly since?: SinceFlag;
  readonly count?: number;
  readonly json?: true;
}

/** `fanfare subscribe`: prints the messages of channels, as text or as JSON lines. */
export function makeSubscribeCommand(context: CommandContext): Command {
  const parseCount = wholeNumberOf("--count", { min: 1, max: 1_000_000_000 });
  const command = new Command("subscribe")
    .description("print the messages of channels; resumes after a lost connection")
    .argument("<channel...>", "such as room:1, all, or @u1 for messages to the user u1", channelsOf("channel"))
    .addOption(
      new Option("--user <id>", "connect as this user; the server must allow it (TRUST_USER_ID)").argParser(
        userOf("--user"),
      ),
    )
    .addOption(
      new Option(
        "--since <position>",
        "start with earlier messages: after offset 17 (17), earliest, last:10, or a cursor",
      ).argParser(parseSinceFlag),
    )
    .addOption(new Option("--count <number>", "exit after this many messages").argParser(parseCount));
  return addAddressFlags(addTokenFlags(command))
    .option("--json", "print one JSON object per line; pass its `cursor` to --since to continue there")
    .addHelpText("after", examples)
    .action((channels: readonly string[], flags: SubscribeFlags) => subscribe(context, channels, flags));
}

const examples = `
Messages are printed to the standard output; gaps and changes of the connection are printed to the standard error.

Examples:
  fanfare subscribe all
  fanfare subscribe room:1 room:2 --since last:10
  fanfare subscribe orders --json --since earliest | jq .data
  fanfare subscribe @u1 --user u1 --count 1        waits for one message to the user u1
`;

async function subscribe(context: CommandContext, channels: readonly string[], flags: SubscribeFlags): Promise<void> {
  const address = addressOf(flags, context.settings());
  const { user } = flags;
  const token = tokenOf(flags, context);
  const identity = { ...(user === undefined ? {} : { userId: user }), ...(token === undefined ? {} : { token }) };
  const client = createClient(address.ws, { ...identity, transports: ["websocket"] });
  const interrupted = Promise.withResolvers<"interrupted">();
  const stop = context.onInterrupt(() => interrupted.resolve("interrupted"));
  reportConnection(context, client);
  let wasConnected = false;
  try {
    const work = untilConnected(client, address).then(() => {
      wasConnected = true;
      return Promise.race([readAll(context, client, { channels, flags }), untilEnded(client)]);
    });
    const end = await Promise.race([work, interrupted.promise]);
    // A script with --count needs to know that messages are missing, and any script that no connection was made.
    if (end === "interrupted" && (flags.count !== undefined || !wasConnected)) context.exitWith(interruptedCode);
  } finally {
    stop();
    client.close();
  }
}

/** The shell's exit code for a program ended by Ctrl+C. */
const interruptedCode = 130;

interface Reading {
  readonly channels: readonly string[];
  readonly flags: SubscribeFlags;
}

/** Prints messages. Resolves after `--count` messages. @throws CommandError if a channel is refused */
async function readAll(context: CommandContext, client: Client, { channels, flags }: Reading): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const paint = makePaint(context);
  let left = flags.count ?? Number.POSITIVE_INFINITY;
  const show = (message: Message) => {
    if (left-- <= 0) return;
    context.print(
      flags.json ? jsonLine(client, message) : messageLine(message, { paint, showChannel: channels.length > 1 }),
    );
    if (left === 0) resolve();
  };
  for (const name of channels) {
    const since = await startPositionOf(client, name, flags.since).catch((error) => {
      throw error instanceof ClientError ? new CommandError(printable(error.message), { cause: error }) : error;
    });
    const channel = client.channel(name, since === undefined ? {} : { since });
    channel.on("message", show);
    channel.on("gap", (gap) => context.stderr.write(`gap: ${printable(name)}: ${describeGap(gap)}\n`));
    channel.on("error", ({ message }) => reject(new CommandError(printable(message))));
  }
  return promise;
}

/** The message with its cursor, which a later `--since` accepts. */
function jsonLine(client: Client, { channel, ...message }: Message): string {
  const { epoch } = client.channel(channel).position ?? {};
  const { offset } = message;
  const cursor = epoch === undefined || offset === undefined ? undefined : cursorOf(channel, { epoch, offset });
  return printableJson({ channel, ...message, cursor });
}

/** Reports each disconnect and reconnect once, on the standard error. */
function reportConnection({ stderr }: CommandContext, client: Client): void {
  let isConnected = false;
  let wasConnected = false;
  client.on("state", ({ status }) => {
    if (isConnected && status !== "connected" && status !== "closed") stderr.write("connection lost; reconnecting …\n");
    if (wasConnected && !isConnected && status === "connected") stderr.write("reconnected\n");
    isConnected = status === "connected";
    wasConnected ||= isConnected;
  });
}
