import { Command, CommanderError } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { examineSettings } from "../config/load.ts";
import { ConfigError } from "../config/settings.ts";
import { commands, defaultCommand } from "./commands.ts";
import { CommandError } from "./context.ts";
import type { World } from "./world.ts";

/** Exit codes: what was asked for cannot be understood, or it failed. */
const usageCode = 2;
const failureCode = 1;

/**
 * Runs the command line. Whatever a person did wrong is told in one line per problem, with the way out.
 * @param args without the program's own name
 * @returns the exit code
 */
export async function runCli(args: readonly string[], world: World): Promise<number> {
  let exitCode = 0;
  const complaint: Complaint = { text: "", command: "fanfare" };
  const print = (lines: string) => void world.stdout.write(`${lines}\n`);
  const program = makeProgram();
  for (const make of commands) {
    const command = make({
      ...world,
      print,
      settings: () =>
        examineSettings({ env: world.env, readText: world.readText, flags: new Map(), configPath: undefined }),
      exitWith: (code) => {
        exitCode = code;
      },
    });
    program.addCommand(command, { isDefault: command.name() === defaultCommand });
  }
  prepare(program, world, complaint);
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    const { code, lines } = explain(error, complaint);
    for (const line of lines) world.stderr.write(`${line}\n`);
    return code;
  }
}

/** What commander complained about, and in which command: told once it is known which kind of complaint it is. */
interface Complaint {
  text: string;
  command: string;
}

function makeProgram(): Command {
  return new Command("fanfare")
    .description("Real-time push server: POST a message, and one user, a channel or everyone has it in milliseconds.")
    .version(manifest.version, "-v, --version", "print the version")
    .helpOption("-h, --help", "print this help; `fanfare <command> --help` says more about one command")
    .addHelpText(
      "after",
      `
Examples:
  fanfare                                     start an open server on 127.0.0.1:8000, to try it out
  fanfare start --port 9000                   the same on another port
  fanfare start --host 0.0.0.0 --api-key-file key.txt --anonymous
                                              a secured server that everyone may listen to
  fanfare connect                             join its chat
  fanfare publish 'Hello, everyone'           say something over HTTP
  fanfare token create u1 --subscribe room:1  a token for the user u1
`,
    );
}

/** Gives a command and those below it the streams of this world, and takes the end of the process away from them. */
function prepare(command: Command, streams: Pick<World, "stdout" | "stderr">, complaint: Complaint, above = ""): void {
  const { stdout, stderr } = streams;
  const path = `${above}${command.name()}`;
  command.helpCommand(false); // ours is better at misspelt words
  command.exitOverride().configureOutput({
    writeOut: (text) => void stdout.write(text),
    writeErr: (text) => void stderr.write(text),
    outputError: (text) => {
      complaint.text = text;
      complaint.command = path;
    },
  });
  for (const child of command.commands) prepare(child, streams, complaint, `${path} `);
}

/** What a person is told about a failure. Of a bug that is the stack: only it helps whoever mends it. */
function explain(error: unknown, complaint: Complaint): { code: number; lines: readonly string[] } {
  if (error instanceof CommanderError) return explainUsage(error, complaint);
  if (error instanceof ConfigError) return { code: usageCode, lines: error.problems.map(complain) };
  if (error instanceof CommandError) return { code: failureCode, lines: error.message.split("\n").map(complain) };
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: failureCode, lines: [`error: this is a fault of Fanfare's: ${stack}`] };
}

function explainUsage({ code, exitCode }: CommanderError, { text, command }: Complaint) {
  if (exitCode === 0) return { code: 0, lines: [] };
  // A command that needs another word behind it has shown its help instead.
  if (text === "") return { code: usageCode, lines: [] };
  const line = text.trim().replace(/\n\(Did you mean (.*)\?\)$/, ": did you mean $1?");
  // What a command itself refuses has its own code, and says its own way out.
  if (!code.startsWith("commander.")) return { code: exitCode, lines: line.split("\n") };
  const hint = line.endsWith("?") ? "" : `; see ${command} --help`;
  return { code: usageCode, lines: [line.startsWith("error:") ? `${line}${hint}` : line] };
}

function complain(problem: string): string {
  return `error: ${problem}`;
}
