import { Command, Option } from "commander";
import { createClient } from "../../client/index.ts";
import { limits } from "../../protocol/limits.ts";
import { ConfigError } from "../config/settings.ts";
import { type Address, type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { Chat } from "./chat/chat.ts";
import { ChatDisplay } from "./chat/display.ts";
import { PipeScreen } from "./chat/pipe-screen.ts";
import type { Screen } from "./chat/screen.ts";
import { ChatSender } from "./chat/sender.ts";
import { TerminalScreen } from "./chat/terminal-screen.ts";
import { untilConnected, untilEnded } from "./client-connection.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { checked, userOf } from "./flag-values.ts";
import { makePaint } from "./paint.ts";
import { printable } from "./printable.ts";
import { addTokenFlags, type TokenFlags, tokenOf } from "./user-token.ts";

interface ConnectFlags extends AddressFlags, TokenFlags {
  readonly name?: string;
  readonly user?: string;
}

/** `fanfare connect`: a chat client for the terminal. */
export function makeConnectCommand(context: CommandContext): Command {
  const command = new Command("connect")
    .description("join the chat of a server: read and send messages")
    .addOption(new Option("--name <name>", "your display name (asked for if omitted)").argParser(nameOf("--name")))
    .addOption(
      new Option("--user <id>", "connect as this user; the server must allow it (TRUST_USER_ID)").argParser(
        userOf("--user"),
      ),
    );
  return addAddressFlags(addTokenFlags(command))
    .addHelpText("after", examples)
    .action((flags: ConnectFlags) => connect(context, flags));
}

const examples = `
In the chat, /help lists the commands and /quit leaves. Without a terminal, each line of the standard input is sent.

Examples:
  fanfare connect                                asks for a name and joins the chat on 127.0.0.1:8000
  fanfare connect --host 192.168.1.10 --port 9000 --name Alice
  fanfare connect --url wss://push.example.com --token-file token.txt
  echo 'Deployed' | fanfare connect --name ci
`;

function nameOf(name: string) {
  const rule = (text: string) =>
    text.trim() === ""
      ? "a name that is not blank"
      : `1 to ${limits.senderLength} characters without control characters`;
  return checked(name, rule, (text) => {
    const given = text.trim();
    return given !== "" && given.length <= limits.senderLength && !/\p{Cc}/u.test(given) ? given : undefined;
  });
}

async function connect(context: CommandContext, flags: ConnectFlags): Promise<void> {
  const address = addressOf(flags, context.settings());
  const token = tokenOf(flags, context);
  const terminal = context.terminal();
  const screen = terminal === undefined ? new PipeScreen(context) : new TerminalScreen(terminal, context);
  try {
    // With a token, the server takes the name from the token.
    const given = flags.name ?? flags.user;
    const name = given === undefined && token === undefined ? await askName(screen) : given;
    if (name === undefined && token === undefined) {
      if (screen.isPerson) return; // the user quit at the question
      throw new CommandError("no name: the standard input ended before a name was read; pass --name");
    }
    await chat(context, { user: flags.user, token, address, screen, name });
  } finally {
    screen.close();
  }
}

interface ChatOptions {
  readonly user: string | undefined;
  readonly token: string | undefined;
  readonly address: Address;
  readonly screen: Screen;
  readonly name: string | undefined;
}

async function chat(context: CommandContext, { user, token, address, screen, name }: ChatOptions): Promise<void> {
  const { clock } = context;
  const paint = makePaint(context);
  const identity = { ...(user === undefined ? {} : { userId: user }), ...(token === undefined ? {} : { token }) };
  const client = createClient(address.ws, { ...identity, transports: ["websocket"] });
  const display = new ChatDisplay({
    client,
    screen,
    paint,
    name,
    place: address.ws,
    onRefused: (channel) => room.leave(channel),
  });
  const sender = new ChatSender({ client, clock, name, warn: (line) => display.warn(line) });
  const room = new Chat({ client, screen, paint, display, sender });
  let wasConnected = false;
  const talk = untilConnected(client, address).then(() => {
    wasConnected = true;
    return Promise.race([room.run(), untilEnded(client)]);
  });
  let lines: number | undefined;
  let unsent = 0;
  try {
    lines = await Promise.race([talk, screen.interrupted.then(() => undefined)]);
    if (!sender.isConnected) unsent = sender.counts.pending;
  } finally {
    client.close();
  }
  screen.close();
  if (wasConnected) context.print("Disconnected from server");
  const { failed, pending } = sender.counts;
  const isCut = lines === undefined && (!wasConnected || (pending > 0 && !screen.isPerson));
  if (isCut) context.exitWith(interruptedCode);
  // A person has seen the refused messages, but not those that still wait for the connection. A script needs the exit code.
  else if (screen.isPerson && unsent > 0)
    throw new CommandError(`not sent: ${unsent} message(s): the connection was lost`);
  else if (screen.isPerson) return;
  else if (failed > 0) throw new CommandError(`not sent: ${failed} message(s)`);
  else if (lines === 0) throw new CommandError("nothing to send: the standard input was empty");
}

/** The shell's exit code for a program ended by Ctrl+C. */
const interruptedCode = 130;

/** Undefined if the input ended before a name was entered. */
async function askName(screen: Screen): Promise<string | undefined> {
  const parse = nameOf("username");
  for (;;) {
    const line = await screen.ask("Enter your username: ");
    if (line === undefined) return undefined;
    try {
      return parse(line);
    } catch (error) {
      if (!screen.isPerson || !(error instanceof ConfigError)) throw error;
      screen.show(printable(error.message));
    }
  }
}
