import { engineEnv } from "../bin/engine-env.js";
import { workerArgument } from "./supervisor/worker-command.ts";

/** The entry point of the single executable: the server and the command line, or a worker process. */

/** The engine reads its settings only at start, and there is no launcher that sets them. Without `execve`, it runs without them. */
function restartWithEngineSettings(): void {
  const { execve } = process as { execve?: (file: string, args: readonly string[], env: NodeJS.ProcessEnv) => void };
  const isSet = Object.keys(engineEnv).every((name) => process.env[name] !== undefined);
  if (isSet || process.platform === "win32") return;
  execve?.(process.execPath, [process.execPath, ...process.argv.slice(2)], { ...engineEnv, ...process.env });
}

if (process.argv[2] === workerArgument) await import("./worker/hosted.ts");
else {
  restartWithEngineSettings();
  await import("./main.ts");
}
