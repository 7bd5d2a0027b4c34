import { commandOnDisk, ownCommandLine } from "./own-command.ts";
import { takeoverVariable, takeoverVersion } from "./takeover.ts";
import { isSingleExecutable } from "./worker-command.ts";

/** The environment variable that makes a start end once it has loaded the program and the settings. */
export const rehearsalVariable = "FANFARE_REHEARSAL";
/** How long the new program may take to load, milliseconds. */
const rehearsalMs = 30_000;

/** The line that the new program prints in a rehearsal. */
export function rehearsalLine(): string {
  return JSON.stringify({ takeover: takeoverVersion });
}

/**
 * Starts the program that is on disk now, with the same arguments and settings, only until it is loaded.
 * @param signal kills it
 * @throws Error that says why it cannot take over
 */
export async function rehearse(signal: AbortSignal): Promise<void> {
  const child = Bun.spawn([...commandOnDisk(ownCommandLine())], {
    env: { ...process.env, [rehearsalVariable]: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: rehearsalMs,
    signal,
    killSignal: "SIGKILL",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`the program on disk does not start: ${errorIn(err) || `exit code ${code}`}`);
  const version = /"takeover":"([^"]*)"/.exec(out)?.[1];
  if (version === takeoverVersion) return;
  throw new Error(
    `the program on disk cannot take over (it has version ${version ?? "none"} of the takeover, and the running one ${takeoverVersion}): restart the server`,
  );
}

/**
 * Replaces the program of this process by the one that is on disk now. The process keeps its id, so its parent
 * and programs that send it signals notice nothing. Does not return.
 */
export function replaceProgram(takeoverPath: string, launcherPipe: string | undefined): never {
  const { execve } = process as unknown as { execve?: Execve };
  if (execve === undefined) throw new Error("this runtime cannot replace a running program");
  const command = commandOnDisk(ownCommandLine());
  const env: Record<string, string> = { [takeoverVariable]: takeoverPath };
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) env[name] ??= value;
  if (launcherPipe !== undefined) env.FANFARE_LAUNCHER_PIPE = launcherPipe;
  execve(command[0] ?? "", command, env);
  throw new Error("the program could not be replaced");
}

/** man 2 execve. Bun offers it as Node does. */
type Execve = (file: string, args: readonly string[], env: Readonly<Record<string, string>>) => void;

/** Whether the running program can be replaced. Not in a compiled binary, whose code is the program itself, nor on Windows. */
export function canReplaceProgram(): boolean {
  return "execve" in process && process.platform !== "win32" && !isSingleExecutable();
}

/** Bun shows the line of code before the error. */
function errorIn(output: string): string {
  const lines = output.trim().split("\n");
  const line = lines.find((it) => it.startsWith("error: ")) ?? lines[0] ?? "";
  return line.replace("error: ", "");
}
