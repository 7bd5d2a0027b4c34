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
A server of this user on this machine is asked through its control socket; any other one over HTTP, where a secured one
wants a key with the scope admin. --wait needs a door that stays open meanwhile: the control socket, or OPS_PORT.

Examples:
  fanfare drain
  fanfare drain --wait --port 9000
  fanfare drain --wait --url http://10.0.0.7:9090     OPS_PORT of another machine
`;

async function drain(context: CommandContext, flags: DrainFlags): Promise<void> {
  const examined = context.settings();
  const address = addressOf(flags, examined);
  const control = controlOf(address);
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
    "--wait: this port is closed while the server drains: name its OPS_PORT with --url, or ask on its own machine as its user",
  );
}

async function untilGone(context: CommandContext, door: Door): Promise<void> {
  const ended = new AbortController();
  const stop = context.onInterrupt(() => ended.abort());
  let shown: string | undefined;
  for (let left = await lookAt(door); left !== "gone"; left = await lookAt(door)) {
    if (left !== shown && left !== "unknown") {
      context.print(left);
      shown = left;
    }
    await context.sleep(stepMs, ended.signal);
    if (ended.signal.aborted) break;
  }
  stop();
  if (ended.signal.aborted) context.exitWith(interruptedCode);
  else context.print("it has ended");
}

/** How many are left, in words. */
async function lookAt(door: Door): Promise<string | "gone" | "unknown"> {
  try {
    const { value } = await askServer({ ...door, path: "/health" });
    if (typeof value !== "object" || value === null) return "unknown";
    // One that does not drain is another one: it was started in the place of the first.
    if (!("status" in value) || value.status !== "draining") return "gone";
    if (!("connections" in value)) return "unknown"; // this key may drain, and may not read
    return value.connections === 1 ? "1 connection is left" : `${value.connections} connections are left`;
  } catch (error) {
    return isRefusedConnection(error) ? "gone" : "unknown";
  }
}

async function asked(question: Question): Promise<Answer> {
  try {
    return await askServer(question);
  } catch (error) {
    throw unreachable(question.address, error);
  }
}
