import { Command } from "commander";
import { type AddressFlags, addAddressFlags, addressOf } from "./address.ts";
import { addKeyFlag, keyOf } from "./api-key.ts";
import { type Answer, askServer, isRefusedConnection, type Question, refused, unreachable } from "./ask-server.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { controlOf } from "./control.ts";

interface DrainFlags extends AddressFlags {
  readonly apiKey?: string;
  readonly wait?: true;
}

type Door = Omit<Question, "path">;

/** Between two looks at how many are left. Milliseconds. */
const stepMs = 1000;
/** Who was told to wait for the end, and was sent away before it came: 128 + the number of SIGINT. */
const interruptedCode = 130;

/** `fanfare drain`: asks a server to stop as the first signal would, and waits for its end if that is wanted. */
export function makeDrainCommand(context: CommandContext): Command {
  const command = new Command("drain")
    .description("let a server stop: its clients are told and may leave, then it ends")
    .option("--wait", "say each second how many are left, until the server is gone");
  return addKeyFlag(addAddressFlags(command))
    .addHelpText("after", examples)
    .action((flags: DrainFlags) => drain(context, flags));
}

const examples = `
A server of this user on this machine is asked through its control socket. With --url, --host or --api-key it is asked over
HTTP, where a secured server wants a key with the scope admin. --wait needs something that answers while the server drains:
the control socket, or OPS_PORT.

Examples:
  fanfare drain
  fanfare drain --wait --port 9000
  fanfare drain --wait --url http://10.0.0.7:9090     OPS_PORT of another machine
`;

async function drain(context: CommandContext, flags: DrainFlags): Promise<void> {
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const control = controlOf(address, flags);
  // Through the control socket nobody is asked for one, so that one that is wrong does no harm.
  const key = control === undefined ? keyOf(flags.apiKey, examined, "admin") : undefined;
  const door = { address, key, control };
  context.endWhenUnread();
  if (flags.wait && control === undefined) await checkStaysOpen(door);
  const question = { ...door, path: "/v1/drain", body: "{}" };
  const answer = await asked(question);
  if (answer.status !== 202) throw refused(question, answer);
  context.print(`${address.http} is draining`);
  if (flags.wait) await untilGone(context, door);
}

/** @throws CommandError where the port is closed as soon as the server drains: then nobody could tell how it goes on */
async function checkStaysOpen(door: Door): Promise<void> {
  // Only the server's own port has the connections themselves.
  const { status } = await asked({ ...door, path: "/v1/connections" });
  if (status === 404) return;
  throw new CommandError(
    "--wait: this port closes while the server drains. Name its OPS_PORT with --url; or run this on the server's machine as its user, with --port alone",
  );
}

async function untilGone(context: CommandContext, door: Door): Promise<void> {
  const ended = new AbortController();
  const stop = context.onInterrupt(() => ended.abort());
  let shown: string | undefined;
  let look = await lookAt(door);
  while (!look.isOver && !ended.signal.aborted) {
    if (look.words !== undefined && look.words !== shown) context.print(look.words);
    shown = look.words ?? shown;
    await context.sleep(stepMs, ended.signal);
    if (!ended.signal.aborted) look = await lookAt(door);
  }
  stop();
  if (look.isOver) context.print(look.words ?? "it has ended");
  else context.exitWith(interruptedCode);
}

/** How it goes on. */
interface Progress {
  readonly isOver: boolean;
  /** For a person; undefined where there is nothing to say. */
  readonly words?: string;
}

async function lookAt(door: Door): Promise<Progress> {
  try {
    const { value } = await askServer({ ...door, path: "/health" });
    if (typeof value !== "object" || value === null) return { isOver: false };
    if (!("status" in value) || value.status !== "draining")
      return { isOver: true, words: "another one has its place" };
    if (!("connections" in value)) return { isOver: false }; // this key may drain, and may not read
    const { connections } = value;
    return { isOver: false, words: connections === 1 ? "1 connection is left" : `${connections} connections are left` };
  } catch (error) {
    return { isOver: isRefusedConnection(error) };
  }
}

async function asked(question: Question): Promise<Answer> {
  try {
    return await askServer(question);
  } catch (error) {
    throw unreachable(question.address, error);
  }
}
