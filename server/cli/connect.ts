import { Command, Option } from "commander";
import { createClient } from "../../client/index.ts";
import { limits } from "../../protocol/limits.ts";
import { ConfigError } from "../config/settings.ts";
import { type Address, type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { Chat } from "./chat/chat.ts";
import { Ears } from "./chat/ears.ts";
import { PipeScreen } from "./chat/pipe-screen.ts";
import type { Screen } from "./chat/screen.ts";
import { TerminalScreen } from "./chat/terminal-screen.ts";
import { Voice } from "./chat/voice.ts";
import { untilConnected, untilEnded } from "./client-door.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { checked, userOf } from "./flag-values.ts";
import { makePaint } from "./paint.ts";
import { printable } from "./printable.ts";
import { addTokenFlags, type TokenFlags, tokenOf } from "./user-token.ts";

interface ConnectFlags extends AddressFlags, TokenFlags {
  readonly name?: string;
  readonly user?: string;
}

/** `fanfare connect`: a chat in the terminal. */
export function makeConnectCommand(context: CommandContext): Command {
  const command = new Command("connect")
    .description("join the chat of a server: see what everybody says, and say something")
    .addOption(
      new Option("--name <name>", "what stands before your words; else you are asked").argParser(nameOf("--name")),
    )
    .addOption(
      new Option("--user <id>", "connect as this user, where the server believes it").argParser(userOf("--user")),
    );
  return addAddressFlags(addTokenFlags(command))
    .addHelpText("after", examples)
    .action((flags: ConnectFlags) => connect(context, flags));
}

const examples = `
In the chat, /help lists the commands and /quit leaves. Without a terminal, each line of the standard input is said.

Examples:
  fanfare connect                                asks for a name, and joins the chat on 127.0.0.1:8000
  fanfare connect --host 192.168.1.10 --port 9000 --name Alice
  fanfare connect --url wss://push.example.com --token-file token.txt
  echo 'Deployed' | fanfare connect --name ci
`;

function nameOf(name: string) {
  const rule = (text: string) =>
    text.trim() === ""
      ? "a name that is not only spaces"
      : `1 to ${limits.senderLength} characters, none of them a control character`;
  return checked(name, rule, (text) => {
    const given = text.trim();
    return given !== "" && given.length <= limits.senderLength && !/\p{Cc}/u.test(given) ? given : undefined;
  });
}

async function connect(context: CommandContext, flags: ConnectFlags): Promise<void> {
  const address = addressOf(flags, context.settings());
  const token = tokenOf(flags, context);
  context.endWhenUnread();
  const terminal = context.terminal();
  const screen = terminal === undefined ? new PipeScreen(context) : new TerminalScreen(terminal, context);
  try {
    // Who has a token is who it says, and the server says so to the others.
    const given = flags.name ?? flags.user;
    const name = given === undefined && token === undefined ? await askName(screen) : given;
    if (name === undefined && token === undefined) {
      if (screen.isPerson) return; // left before saying who it is
      throw new CommandError("the standard input ended before there was a name: give one with --name");
    }
    await chat(context, { user: flags.user, token, address, screen, name });
  } finally {
    screen.close();
  }
}

interface Guest {
  readonly user: string | undefined;
  readonly token: string | undefined;
  readonly address: Address;
  readonly screen: Screen;
  readonly name: string | undefined;
}

async function chat(context: CommandContext, { user, token, address, screen, name }: Guest): Promise<void> {
  const { clock } = context;
  const paint = makePaint(context);
  const identity = { ...(user === undefined ? {} : { userId: user }), ...(token === undefined ? {} : { token }) };
  const client = createClient(address.ws, { ...identity, transports: ["websocket"] });
  const ears = new Ears({
    client,
    screen,
    paint,
    name,
    place: address.ws,
    onRefused: (channel) => room.leave(channel),
  });
  const voice = new Voice({ client, clock, name, complain: (line) => ears.alarm(line) });
  const room = new Chat({ client, screen, paint, ears, voice });
  let wasConnected = false;
  const talk = untilConnected(client, address).then(() => {
    wasConnected = true;
    return Promise.race([room.run(), untilEnded(client)]);
  });
  let lines: number | undefined;
  try {
    lines = await Promise.race([talk, screen.interrupted.then(() => undefined)]);
  } finally {
    client.close();
  }
  screen.close();
  if (wasConnected) context.print("Disconnected from server");
  const { unsaid, waiting } = voice.tally;
  const isCut = lines === undefined && (!wasConnected || (waiting > 0 && !screen.isPerson));
  if (isCut) context.exitWith(interruptedCode);
  // A person sees what was said. A script must hear that it was not.
  else if (screen.isPerson) return;
  else if (unsaid > 0) throw new CommandError(`not sent: ${unsaid} message(s)`);
  else if (lines === 0) throw new CommandError("there was nothing to say: the standard input had no line");
}

/** What a shell says of a program that Ctrl+C ended. */
const interruptedCode = 130;

/** Undefined where the input ended before there was a name. */
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
