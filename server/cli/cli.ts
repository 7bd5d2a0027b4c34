import { Command, CommanderError } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { examineSettings } from "../config/load.ts";
import { ConfigError } from "../config/settings.ts";
import type { CliEnvironment } from "./cli-environment.ts";
import { defaultCommand } from "./command-names.ts";
import { loadCommands } from "./commands.ts";
import { CommandError } from "./context.ts";
import { withProgramName } from "./program-name.ts";

/** Exit codes for wrong usage or settings, and for a command that failed. */
const usageCode = 2;
const failureCode = 1;

/** Narrower descriptions are not wrapped. With the longest flag, a terminal of 80 columns leaves a little more. */
const minDescriptionWidth = 30;

/**
 * Runs the command line. Each user error is printed as one line that says what to do.
 * @param args without the program name
 * @returns the exit code
 */
export async function runCli(args: readonly string[], environment: CliEnvironment): Promise<number> {
  let exitCode = 0;
  const problem: UsageProblem = { text: "", command: "fanfare" };
  const print = (lines: string) => void environment.stdout.write(`${lines}\n`);
  const program = makeProgram();
  for (const make of await loadCommands(args)) {
    const command = make({
      ...environment,
      print,
      settings: () =>
        examineSettings({
          env: environment.env,
          readText: environment.readText,
          flags: new Map(),
          configPath: undefined,
        }),
      exitWith: (code) => {
        exitCode = code;
      },
    });
    program.addCommand(command, { isDefault: command.name() === defaultCommand });
  }
  // A server outlives the reader of its log.
  program.hook("preAction", (_, command) => {
    if (command.name() !== defaultCommand) environment.exitOnOutputError();
  });
  prepare(program, environment, problem);
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    const { code, lines } = explain(error, problem);
    for (const line of lines) environment.stderr.write(`${withProgramName(line, environment.programName)}\n`);
    return code;
  }
}

/** commander's error text and the command it belongs to. It is printed later, once its kind is known. */
interface UsageProblem {
  text: string;
  command: string;
}

function makeProgram(): Command {
  return new Command("fanfare")
    .description("Real-time push server: POST a message, and one user, a channel or everyone has it in milliseconds.")
    .version(manifest.version, "-v, --version", "print the version")
    .helpOption("-h, --help", "print help; `fanfare <command> --help` explains one command")
    .addHelpText(
      "after",
      `
Examples:
  fanfare start                               start an open server on 127.0.0.1:8000, to try it out
  fanfare start --port 9000                   the same on another port
  fanfare start --host 0.0.0.0 --api-key-file key.txt --anonymous
  fanfare connect                             join the chat of the server
  fanfare publish 'Hello, everyone'           publish a message over HTTP
  fanfare token create u1 --subscribe room:1  make a token for the user u1
`,
    );
}

/** Makes a command and its subcommands write to the given streams, and throw instead of exiting the process. */
function prepare(
  command: Command,
  streams: Pick<CliEnvironment, "stdout" | "stderr" | "programName" | "exitOnOutputError">,
  problem: UsageProblem,
  above = "",
): void {
  const { stdout, stderr, programName } = streams;
  const path = `${above}${command.name()}`;
  command.helpCommand(false); // ours suggests a command for misspelt words
  command.configureHelp({ minWidthToWrap: minDescriptionWidth });
  command.exitOverride().configureOutput({
    // Only help and the version are written here, for example into `head`.
    writeOut: (text) => {
      streams.exitOnOutputError();
      stdout.write(withProgramName(text, programName));
    },
    writeErr: (text) => void stderr.write(withProgramName(text, programName)),
    outputError: (text) => {
      problem.text = text;
      problem.command = path;
    },
  });
  for (const child of command.commands) prepare(child, streams, problem, `${path} `);
}

/** The lines printed for a failure. For a bug they include the stack trace. */
function explain(error: unknown, problem: UsageProblem): { code: number; lines: readonly string[] } {
  if (error instanceof CommanderError) return explainUsage(error, problem);
  if (error instanceof ConfigError) return { code: usageCode, lines: error.problems.map(formatProblem) };
  if (error instanceof CommandError) return { code: failureCode, lines: error.message.split("\n").map(formatProblem) };
  const damaged = damageIn(error);
  if (damaged !== undefined) return { code: failureCode, lines: [formatProblem(damaged)] };
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: failureCode, lines: [`error: unexpected error, please report it as a bug: ${stack}`] };
}

/** A source file that cannot be loaded. Commands are loaded when they are used, so an installation may be half replaced. */
function damageIn(error: unknown): string | undefined {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof BuildMessage || first instanceof ResolveMessage)) return undefined;
  const { message, position } = first;
  const place = position === null ? "" : ` (${position.file}:${position.line}:${position.column})`;
  return `the program's files are damaged or incomplete, install it again: ${message}${place}`;
}

function explainUsage({ code, exitCode }: CommanderError, { text, command }: UsageProblem) {
  if (exitCode === 0) return { code: 0, lines: [] };
  // A command without its required subcommand has already printed its help.
  if (text === "") return { code: usageCode, lines: [] };
  const line = text
    .trim()
    .replace(/\n\(Did you mean (.*)\?\)$/, ": did you mean $1?")
    .replace(/\.$/, "");
  // Errors from our own commands have their own exit code and hint.
  if (!code.startsWith("commander.")) return { code: exitCode, lines: line.split("\n") };
  const hint = line.endsWith("?") ? "" : `; see ${command} --help`;
  return { code: usageCode, lines: [line.startsWith("error:") ? `${line}${hint}` : line] };
}

function formatProblem(problem: string): string {
  return `error: ${problem}`;
}
